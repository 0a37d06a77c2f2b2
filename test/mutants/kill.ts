import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { type Mutant, planted } from './mutant.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A copy of these folders in which a bug can be planted. */
export interface Nursery {
  /** What notices the mutant first, or undefined where it lives. Throws where it does not apply, or nothing could be run. */
  kill(mutant: Mutant): Promise<string | undefined>
  /** What a killer says where nothing is planted, or undefined where it is content. */
  check(killer: string): Promise<string | undefined>
  close(): void
}

const left = new Set(['node_modules', '.git', 'dist', '.vitest'])

export function openNursery(folders: readonly string[]): Nursery {
  const copy = mkdtempSync(join(tmpdir(), 'codeband-mutants-'))
  for (const folder of folders.filter((one) => !left.has(one)))
    cpSync(join(root, folder), join(copy, folder), { recursive: true, filter: (path) => !left.has(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return {
    async kill(mutant) {
      const file = join(copy, mutant.file)
      const sound = readFileSync(file, 'utf8')
      writeFileSync(file, planted(mutant, sound))
      try {
        for (const killer of mutant.killers) {
          const noticed = await run(copy, killer)
          if (noticed !== undefined) return noticed
        }
        return undefined
      } finally {
        writeFileSync(file, sound)
      }
    },
    check: (killer) => run(copy, killer),
    close: () => rmSync(copy, { recursive: true, force: true }),
  }
}

/** What is skipped notices nothing. */
async function run(copy: string, killer: string): Promise<string | undefined> {
  const [kind, ...words] = killer.split(' ')
  if (kind === 'model') {
    const [states = '30000'] = words.slice(1)
    const output = await node(copy, ['test/model/main.ts', '--scope', words[0]!, '--states', states])
    const rule = /^[\w-]+: .*$/m.exec(output.split('\n').slice(1).join('\n'))?.[0]
    if (/rules are broken/.test(output)) return `${killer}: ${rule}`
    if (/every rule holds/.test(output)) return undefined
    throw new Error(`${killer} did not run: ${output.slice(-2000)}`)
  }
  const [file, title = ''] = killer.split(' > ')
  const only = title === '' ? [] : ['--testNamePattern', title]
  const output = await node(copy, ['node_modules/vitest/vitest.mjs', 'run', file!, ...only, '--bail', '1'])
  const failed = /^ *FAIL +(.*)$/m.exec(output)?.[1]
  if (/^ *Tests +\d+ failed/m.test(output) || /Failed Suites/.test(output)) return failed ?? killer
  if (/^ *Tests +\d+ passed/m.test(output)) return undefined
  throw new Error(`${killer} did not run: ${output.slice(-2000)}`)
}

function node(cwd: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    // What vitest tells its own processes would make the inner one part of the outer.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_OPTIONS)/.test(name)))
    execFile(process.execPath, [...args], { cwd, env, maxBuffer: 1 << 26 }, (_, stdout, stderr) =>
      resolve(stripVTControlCharacters(stdout + stderr)),
    )
  })
}
