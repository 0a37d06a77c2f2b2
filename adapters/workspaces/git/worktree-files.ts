import { readdir } from 'node:fs/promises'
import type { Git } from '../../git.ts'
import { absent, kindOf, remove, under } from './files.ts'
import { foldersOf, nameOf, parentOf, split } from './names.ts'

/** What a commit holds: name -> mode and object, as the index has it. */
export interface Tracked {
  readonly modes: ReadonlyMap<string, string>
  /** Every folder that holds a tracked file, '' the top. */
  readonly folders: ReadonlySet<string>
  /** Places of submodules; core never fills them. */
  readonly submodules: readonly string[]
}

export async function trackedBy(git: Git): Promise<Tracked> {
  const modes = new Map<string, string>()
  const folders = new Set<string>([''])
  const submodules: string[] = []
  let last = ''
  for (const line of split(await git.bytes(['ls-files', '-z', '--stage']))) {
    const tab = line.indexOf(9)
    const mode = line.toString('latin1', 0, 6)
    const name = nameOf(line.subarray(tab + 1))
    modes.set(name, mode)
    if (mode === '160000') submodules.push(name)
    const folder = parentOf(name)
    if (folder === last) continue
    last = folder
    if (!folders.has(folder)) for (const one of foldersOf(name)) folders.add(one)
  }
  return { modes, folders, submodules }
}

/** Removes everything that is neither tracked nor in `kept` (names; a folder ends with '/'). Git's own `clean` leaves pipes, sockets
 *  and what lies in the places of submodules. */
export async function sweep(
  root: string,
  { modes, folders, submodules }: Tracked,
  kept: ReadonlySet<string>,
): Promise<void> {
  const keptFolders = new Set([...kept].flatMap((name) => foldersOf(name.replace(/\/$/, ''))))
  const places = new Set(submodules)
  // Goes down only into what the folder above lists as a folder, so that no link is ever followed.
  async function clean(folder: string): Promise<void> {
    const entries = await entriesOf(root, folder)
    await Promise.all(
      entries.map(async (entry) => {
        const name = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (name === '.git') return
        if (entry.folder && (folders.has(name) || keptFolders.has(name))) return clean(name)
        if (entry.folder && places.has(name)) return empty(name)
        if (modes.has(name) || kept.has(entry.folder ? `${name}/` : name)) return
        await remove(under(root, name))
      }),
    )
  }
  async function empty(folder: string): Promise<void> {
    for (const entry of await entriesOf(root, folder)) await remove(under(root, `${folder}/${entry.name}`))
  }
  await clean('')
}

/** Every file below a folder, with no regard to ignore rules; a `.git` is one name, whatever it holds. */
export async function everythingIn(root: string, folder: string): Promise<string[]> {
  const names: string[] = []
  for (const entry of await entriesOf(root, folder)) {
    const name = `${folder}/${entry.name}`
    if (entry.folder && entry.name !== '.git') names.push(...(await everythingIn(root, name)))
    else names.push(name)
  }
  return names
}

/** Removes a name and follows no link on the way to it: below a link nothing is the worktree's. */
export async function removeName(root: string, name: string): Promise<void> {
  for (const folder of foldersOf(name)) if ((await kindOf(under(root, folder))) !== 'folder') return
  await remove(under(root, name))
}

async function entriesOf(root: string, folder: string): Promise<{ name: string; folder: boolean }[]> {
  const path = under(root, folder)
  const entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' }).catch(absent)
  return (entries ?? []).map((entry) => ({ name: nameOf(entry.name), folder: entry.isDirectory() }))
}
