import { homedir, hostname, userInfo } from 'node:os'
import { dirname, join } from 'node:path'

/** The one reader of this process's surroundings. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeFolder: string
  readonly user: string
  readonly machine: string
}

export function host(): Host {
  return { env: process.env, homeFolder: homedir(), user: userName(), machine: hostname() }
}

/** PATH and LANG of every command and client: the running Node first, then what the host's PATH names by absolute path. */
export function baseEnv({ env }: Pick<Host, 'env'>): Record<string, string> {
  const own = (env.PATH ?? '')
    .split(':')
    .filter((folder) => folder.startsWith('/') && !folder.includes('/node_modules/'))
  const path = [...new Set([dirname(process.execPath), ...own, '/usr/local/bin', '/usr/bin', '/bin'])]
  return { PATH: path.join(':'), LANG: 'C.UTF-8' }
}

/** $XDG_STATE_HOME, by default ~/.local/state. */
export function stateFolder({ env, homeFolder }: Pick<Host, 'env' | 'homeFolder'>): string {
  const { XDG_STATE_HOME: given } = env
  return given?.startsWith('/') ? given : join(homeFolder, '.local', 'state')
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A user id without an entry in the password file, as in many containers.
    return 'person'
  }
}
