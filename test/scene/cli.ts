import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { replayedAtTheEnd } from './replayed.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface CliResult {
  code: number | null
  stdout: string
  stderr: string
}

/** The environment of a person's shell, with state and home in a folder of the test. */
export function cliEnv(place: string, extra: Record<string, string> = {}): Record<string, string> {
  const own = join(root, 'node_modules/.bin')
  return {
    PATH: `${own}:${process.env.PATH}`,
    HOME: place,
    XDG_STATE_HOME: join(place, 'state'),
    LANG: 'C.UTF-8',
    ...extra,
  }
}

/** Starts the command line, in a process group of its own. What its bands ran is replayed at the end of the test. */
export function startCli(cwd: string, argv: readonly string[], env: Record<string, string>): ChildProcess {
  replayedAtTheEnd(cwd, env)
  const program = join(inject('built'), 'dist/adapters/cli/main.js')
  return spawn(join(root, 'node_modules/.bin/node'), [program, ...argv], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export function cli(cwd: string, argv: readonly string[], env: Record<string, string>): Promise<CliResult> {
  return ended(startCli(cwd, argv, env))
}

export function ended(child: ChildProcess): Promise<CliResult> {
  const out = { stdout: '', stderr: '' }
  child.stdout?.on('data', (data) => {
    out.stdout += data
  })
  child.stderr?.on('data', (data) => {
    out.stderr += data
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...out })))
}
