import { mkdir } from 'node:fs/promises'
import type { Git } from '../../git.ts'
import { entriesIn, kindOf, remove, under } from './files.ts'
import { foldersOf, nameOf, parentOf, split } from './names.ts'
import type { Rubbish } from './rubbish.ts'

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

/** Takes away everything that is neither tracked nor in `kept` (names; a folder ends with '/'). Git's own `clean` leaves pipes, sockets
 *  and what lies in the places of submodules. False: there is so much of it that it is less work to begin anew; it goes on where
 *  something is kept. */
export async function sweep(
  root: string,
  { modes, folders, submodules }: Tracked,
  kept: ReadonlySet<string>,
  rubbish: Rubbish,
): Promise<boolean> {
  const keptFolders = new Set([...kept].flatMap((name) => foldersOf(name.replace(/\/$/, ''))))
  const places = new Set(submodules)
  let room = kept.size > 0 ? Number.POSITIVE_INFINITY : worthSweeping
  // Goes down only into what the folder above lists as a folder, so that no link is ever followed.
  async function clean(folder: string): Promise<void> {
    const inside: string[] = []
    for await (const entry of entriesIn(under(root, folder))) {
      if (room < 0) return
      const name = nameIn(folder, entry.name)
      if (name === '.git') continue
      if (entry.isFolder && (folders.has(name) || keptFolders.has(name))) inside.push(name)
      else if (entry.isFolder && places.has(name)) await empty(name)
      else if (!modes.has(name) && !kept.has(entry.isFolder ? `${name}/` : name)) await take(name)
    }
    for (const name of inside) await clean(name)
  }
  async function take(name: string): Promise<void> {
    room--
    await rubbish.take(under(root, name))
  }
  // git makes the place of a submodule, and its status asks for it.
  async function empty(name: string): Promise<void> {
    for await (const _ of entriesIn(under(root, name))) {
      await take(name)
      return mkdir(under(root, name))
    }
  }
  await clean('')
  return room >= 0
}

const worthSweeping = 2_000

/** Every file below a folder, with no regard to ignore rules; a `.git` is one name, whatever it holds. */
export async function* everythingIn(root: string, folder: string): AsyncGenerator<string> {
  const inside: string[] = []
  for await (const entry of entriesIn(under(root, folder))) {
    const name = nameIn(folder, entry.name)
    if (entry.isFolder && entry.name.toString('latin1') !== '.git') inside.push(name)
    else yield name
  }
  for (const name of inside) yield* everythingIn(root, name)
}

/** Removes a name and follows no link on the way to it: below a link nothing is the worktree's. */
export async function removeName(root: string, name: string): Promise<void> {
  for (const folder of foldersOf(name)) if ((await kindOf(under(root, folder))) !== 'folder') return
  await remove(under(root, name))
}

const nameIn = (folder: string, bytes: Buffer): string => (folder === '' ? nameOf(bytes) : `${folder}/${nameOf(bytes)}`)
