import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { bandHome } from '../band-home.ts'
import { host } from '../host.ts'
import { mayRun } from './trust.ts'
import { type Listing, readWarm } from './warm-record.ts'

/** The roles of the repository at `cwd`, if they were listed before and nothing has changed since: without git, without bundling and
 *  without running anything. Undefined whenever that is in doubt. */
export async function warmListing(cwd: string): Promise<(Listing & { trusted: true }) | undefined> {
  const root = topFolderOf(cwd)
  if (root === undefined) return undefined
  const home = bandHome(root, host())
  const record = readWarm(root, home)
  if (!record?.listing || record.git === undefined || record.git !== gitFacts(root)) return undefined
  // Whoever looks next says what is wrong with the list of what is trusted.
  if (!(await mayRun(home, record).catch(() => false))) return undefined
  return { ...record.listing, trusted: true }
}

/** The folder that git would find, where that can be told by names alone; what looks like a bare repository on the way is git's to judge. */
function topFolderOf(cwd: string): string | undefined {
  try {
    for (let at = realpathSync(cwd); ; at = dirname(at)) {
      if (lstatSync(join(at, '.git'), { throwIfNoEntry: false })) return at
      if (['HEAD', 'objects', 'refs'].every((name) => lstatSync(join(at, name), { throwIfNoEntry: false })))
        return undefined
      if (at === dirname(at)) return undefined
    }
  } catch {
    return undefined
  }
}

/** What of a repository decides that git takes it for one. Only read and compared with what it was when git said so; nothing of it is
 *  followed. Undefined where it does not look like a repository, or like one that needs git to tell. */
export function gitFacts(root: string): string | undefined {
  try {
    const own = join(root, '.git')
    const found = lstatSync(own)
    const pointer = found.isFile() ? readFileSync(own, 'utf8') : ''
    if (!found.isDirectory() && !pointer.startsWith('gitdir: ')) return undefined
    const gitDir = pointer === '' ? own : resolve(root, pointer.slice('gitdir: '.length).trimEnd())
    const common = resolve(gitDir, textOf(join(gitDir, 'commondir'))?.trim() ?? '.')
    if (!/^(ref: refs\/\S+|[0-9a-f]{40}([0-9a-f]{24})?)\s*$/.test(textOf(join(gitDir, 'HEAD')) ?? '')) return undefined
    if (!['objects', 'refs'].every((name) => statSync(join(common, name)).isDirectory())) return undefined
    const settings = [textOf(join(common, 'config')), textOf(join(gitDir, 'config.worktree'))]
    if (settings.some((text) => /\[\s*include/i.test(text ?? ''))) return undefined
    return JSON.stringify([gitDir, common, ...settings.map((text) => text ?? null)])
  } catch {
    return undefined
  }
}

/** Undefined where nothing is. Throws for what is no file: a pipe would never end. */
function textOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (!found.isFile()) throw new Error(`'${path}' is no file`)
  return readFileSync(path, 'utf8')
}
