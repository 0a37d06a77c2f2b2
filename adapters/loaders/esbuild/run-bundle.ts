import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Bundle } from '../../../core/ports/loader.ts'
import type { Diagnostic } from '../../../core/role/diagnostic.ts'
import { pathOf, shownName } from './stable-name.ts'

type Place = { dirname: string; filename: string; url: string }
type Source = { file: string; load(): Promise<Record<string, unknown>> }
type Opened = { open(place: (name: string) => Place): Record<string, Source> }

/** Milliseconds a file may take to load. */
const LOAD_MS = 10_000

/** Runs each file of the bundle. Node keeps a module for ever, so one bundle at one root runs once a process. */
export async function runBundle(
  root: string,
  { code, hash, inputs }: Bundle,
): Promise<{ values: Map<string, unknown>; diagnostics: Diagnostic[] }> {
  const values = new Map<string, unknown>()
  const diagnostics: Diagnostic[] = []
  const shown = `codeband-roles-${hash.slice(0, 12)}.mjs`
  // Not a file: what runs is what was hashed. The fragment keeps apart what runs at another root.
  const text = Buffer.from(`${code}//# sourceURL=${shown}\n`).toString('base64')
  const url = `data:text/javascript;base64,${text}#${encodeURIComponent(root)}`
  const { open } = (await import(url)) as Opened
  const sources = open((name) => {
    const filename = pathOf(root, name, inputs)
    return { filename, dirname: dirname(filename), url: pathToFileURL(filename).href }
  })
  for (const [name, { file, load }] of Object.entries(sources)) {
    const at = { file: shownName(root, file, inputs) }
    try {
      const module = await inTime(load())
      if ('default' in module) values.set(name, module.default)
      else
        diagnostics.push({ severity: 'error', code: 'no-default-export', message: 'there is no default export', ...at })
    } catch (error) {
      // Code of a person that we did not write: whatever it throws is theirs to read.
      const message = error instanceof Error ? error.message || error.name : String(error)
      const thrown = thrownAt(error, code, [shown, url])
      const place = thrown ? { ...thrown, file: shownName(root, thrown.file, inputs) } : at
      diagnostics.push({ severity: 'error', code: 'throws', message, ...place })
    }
  }
  return { values, diagnostics }
}

async function inTime<T>(loading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it has not loaded within ${LOAD_MS / 1000} s`)), LOAD_MS)
  })
  try {
    return await Promise.race([loading, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Where in the sources, by the innermost line of the stack that belongs to the bundle. */
function thrownAt(
  error: unknown,
  code: string,
  names: readonly string[],
): { file: string; line: number; column: number } | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const [, encoded] = /\n\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\n$/.exec(code) ?? []
  const payload = encoded && (JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as SourceMapPayload)
  if (!payload) return undefined
  const map = new SourceMap(payload)
  for (const frame of stack.split('\n').filter((line) => /^\s*at /.test(line))) {
    const [, line, column] = /:(\d+):(\d+)\)?$/.exec(frame) ?? []
    if (!line || !column) continue
    if (names.some((name) => frame.includes(name))) {
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1)
      if (!('originalSource' in entry)) continue
      return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
    }
    // A Node run with --enable-source-maps has translated it already.
    const file = payload.sources.find((source) =>
      [' ', '(', '/'].some((before) => frame.includes(`${before}${source}:`)),
    )
    if (file) return { file, line: Number(line), column: Number(column) }
  }
  return undefined
}
