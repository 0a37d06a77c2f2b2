import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The shell commands that a page tells its reader to run. */
export function commandsOf(page: string): string {
  return [...readFileSync(join(root, page), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, code]) => code)
    .join('')
}

/** What they print when they are run at the top of this repository, by a person with a git identity. */
export async function runCommands(commands: string, env: Readonly<Record<string, string>>): Promise<string> {
  const identity = Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => [
      [`GIT_${who}_NAME`, 'ada'],
      [`GIT_${who}_EMAIL`, 'ada@localhost'],
    ]),
  )
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: root,
    env: { ...env, ...identity, TMPDIR: env.HOME ?? '' },
  })
  return stdout
}
