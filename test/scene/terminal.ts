import { execFileSync, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { cliEnv } from './cli.ts'

const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))

/** Why nothing can be tried on a terminal here; '' where it can. `script` of util-linux gives a command a terminal of its own. */
export function noTerminal(): string {
  try {
    const said = execFileSync('script', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return said.includes('util-linux') ? '' : 'the `script` of this machine is not that of util-linux'
  } catch {
    return '`script` of util-linux is not installed'
  }
}

/** What a person's terminal gets of a command. `types`: each pair is typed in its turn, when its first text is shown after the one before. */
export function onTerminal(
  cwd: string,
  argv: readonly string[],
  types: readonly (readonly [when: string, keys: string])[] = [],
): Promise<{ code: number | null; shown: string }> {
  const program = join(inject('built'), 'dist/adapters/cli/main.js')
  const quoted = [node, program, ...argv].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  const child = spawn('script', ['-qec', quoted, '/dev/null'], {
    cwd,
    env: { ...cliEnv(dirname(cwd)), TERM: 'xterm-256color', SHELL: '/bin/sh' },
    stdio: [types.length > 0 ? 'pipe' : 'ignore', 'pipe', 'inherit'],
  })
  const chunks: Buffer[] = []
  const shown = (): string => Buffer.concat(chunks).toString('utf8')
  const left = [...types]
  let from = 0
  child.stdout!.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    const next = left[0]
    const at = next ? shown().indexOf(next[0], from) : -1
    if (next === undefined || at < 0) return
    left.shift()
    from = at + next[0].length
    child.stdin!.write(next[1])
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, shown: shown() })))
}
