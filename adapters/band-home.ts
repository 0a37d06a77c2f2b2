import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { type Host, stateFolder } from './host.ts'

/** Where the band of a repository keeps its state, outside of it: $CODEBAND_HOME, by default
 *  `$XDG_STATE_HOME/codeband/<name>-<hash>/`. `root` is the repository's top folder. */
export function bandHome(root: string, host: Pick<Host, 'env' | 'homeFolder'>, given?: string): string {
  const chosen = given ?? host.env.CODEBAND_HOME
  if (chosen) return chosen
  const name =
    basename(root)
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-') || 'repository'
  return join(stateFolder(host), 'codeband', `${name}-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`)
}
