import { readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { CodebandError } from '../../core/errors.ts'
import { jsonFault } from './json-fault.ts'

export interface ConfigFile {
  /** Absolute path. */
  file: string
  /** `code` is bundled and run with the roles, after trust; `data` is only parsed. */
  kind: 'code' | 'data'
}

export interface ConfigData {
  value: unknown
  /** What trust covers: the file's text, or of package.json its `codeband` key. */
  text: string
}

const CODE = ['codeband.config.ts', 'codeband.config.js', 'codeband.config.mjs']
const DATA = ['codeband.config.yaml', 'codeband.config.yml', 'codeband.config.json']

/** Absolute paths of every file that may hold the configuration. */
export function placesOfConfig(root: string): string[] {
  return [...CODE, ...DATA, 'package.json'].map((name) => join(root, name))
}

/** The configuration at the repository's root; nothing above it is looked at. CB_CONFIG_READ when there are two.
 *
 *  Only cosmiconfig's parsers are used: its explorers run `.config/config.js` of the working folder as soon as they are made,
 *  which would be a hostile repository's code before anybody trusted it. */
export async function findConfig(root: string): Promise<ConfigFile | undefined> {
  const found: ConfigFile[] = []
  for (const [kind, names] of [
    ['code', CODE],
    ['data', DATA],
  ] as const) {
    for (const name of names) {
      const file = join(root, name)
      if ((await textOf(file)) !== undefined) found.push({ file, kind })
    }
  }
  const manifest = join(root, 'package.json')
  const text = await textOf(manifest)
  // A package.json that is broken in another place is not ours to report.
  if (text?.includes('"codeband"') && hasKey(await parse(manifest, text))) found.push({ file: manifest, kind: 'data' })
  const [first, second] = found
  if (first && second) {
    const detail = `there is also '${basename(second.file)}'; keep one of them`
    throw new CodebandError('CB_CONFIG_READ', { file: basename(first.file), detail })
  }
  return first
}

/** Parses a configuration of kind `data`; an empty one is `{}`. CB_CONFIG_READ with `file:line:column` when it does not parse. */
export async function readConfig({ file }: ConfigFile): Promise<ConfigData> {
  const text = (await textOf(file)) ?? ''
  const value = await parse(file, text)
  if (basename(file) !== 'package.json') return { value: value ?? {}, text }
  const own = hasKey(value) ? value.codeband : {}
  return { value: own, text: JSON.stringify(own) }
}

const hasKey = (value: unknown): value is { codeband: unknown } =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'codeband')

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new CodebandError('CB_CONFIG_READ', { file: basename(file), detail: message }, { cause: error })
  }
}

async function parse(file: string, text: string): Promise<unknown> {
  // Most configurations are code.
  const { defaultLoaders } = await import('cosmiconfig')
  const parser = extname(file) === '.json' ? defaultLoaders['.json'] : defaultLoaders['.yaml']
  try {
    return await parser(file, text.replace(/^\ufeff/, ''))
  } catch (error) {
    const { mark, reason, message } = error as ParserError
    const json = extname(file) === '.json'
    const fault = json ? jsonFault(text) : mark && { line: mark.line + 1, column: mark.column + 1 }
    const detail = json ? 'it is not valid JSON' : (reason ?? message)
    const place = fault ? `:${fault.line}:${fault.column}` : ''
    throw new CodebandError('CB_CONFIG_READ', { file: `${basename(file)}${place}`, detail }, { cause: error })
  }
}

/** Of the YAML parser; lines and columns from 0. */
interface ParserError extends Error {
  reason?: string
  mark?: { line: number; column: number }
}
