import { lstat, mkdir, opendir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fold } from '../../core/boundary/protected.ts'
import { CodebandError } from '../../core/errors.ts'
import { removeTrees } from '../remove-tree.ts'

/** What stood at the protected paths of a worktree before a command ran. */
export interface Snapshot {
  /** Existing ones that are no symbolic links and are reached over none, absolute, outer before inner: a sandbox can bind them. */
  readonly existing: readonly string[]
  /** Folders between the worktree and `existing` or missing ones, outer before inner: moving one would move what it holds. */
  readonly parents: readonly string[]
  /** Takes away what was made at missing ones, or at the top under their names in other letters, and puts links back. With `contents`,
   *  puts files and folders back too. Contract of the caller: no process that could interfere lives. */
  restore(): Promise<void>
}

/** `contents`: also remember the files themselves, for where nothing stops a process from writing them. */
export async function snapshot(
  worktree: string,
  protect: readonly string[],
  { contents = false }: { contents?: boolean } = {},
): Promise<Snapshot> {
  const existing = new Map<string, Entry>()
  const missing = new Set<string>()
  const links = new Map<string, string>()
  const parents = new Set<string>()
  for (const path of [...new Set(protect.map((one) => resolve(worktree, one)))].sort()) {
    const steps = relative(worktree, path).split(sep)
    if (steps[0] === '' || steps[0] === '..') {
      throw new CodebandError('CB_INTERNAL', { detail: `the protected path '${path}' is not inside '${worktree}'` })
    }
    if ([...existing.keys()].some((outer) => path.startsWith(outer + sep))) continue
    let at = worktree
    for (const [index, step] of steps.entries()) {
      at = join(at, step)
      const found = await kindOf(at)
      if (found === 'missing') missing.add(path)
      else if (found === 'link') links.set(at, await readlink(at))
      else if (index === steps.length - 1) existing.set(at, contents ? await remember(at) : { kind: 'unknown' })
      else if (found === 'folder') parents.add(at)
      if (found !== 'folder') break
    }
  }
  const names = new Set(protect.map((one) => fold(relative(worktree, resolve(worktree, one)))))
  const before = await namesLike(worktree, names)
  return {
    existing: [...existing.keys()],
    parents: [...parents],
    async restore() {
      for (const [path, target] of links) {
        if (!(await insideFolders(worktree, path))) continue
        if ((await kindOf(path)) === 'link' && (await readlink(path)) === target) continue
        await takeOut(path)
        await symlink(target, path)
      }
      for (const path of missing) await takeAway(worktree, path)
      // On another file system `.GIT` is `.git`.
      for (const name of await namesLike(worktree, names)) {
        if (!before.has(name)) await takeOut(join(worktree, name))
      }
      if (contents) for (const [path, entry] of existing) await putBack(worktree, path, entry)
    },
  }
}

/** What lies at the top under one of these names, in whichever letters. A command may have left a million others there. */
async function namesLike(worktree: string, names: ReadonlySet<string>): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const { name } of await opendir(worktree, { bufferSize: 256 })) if (names.has(fold(name))) found.add(name)
  return found
}

/** A command may have made it, with a million files in it. */
async function takeOut(path: string): Promise<void> {
  if ((await kindOf(path)) === 'folder') await removeTrees([path])
  else await rm(path, { force: true })
}

type Entry =
  | { kind: 'unknown' }
  | { kind: 'file'; bytes: Buffer; mode: number }
  | { kind: 'link'; target: string }
  | { kind: 'folder'; entries: ReadonlyMap<string, Entry> }

async function kindOf(path: string): Promise<'missing' | 'link' | 'folder' | 'other'> {
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (!stat) return 'missing'
  return stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'folder' : 'other'
}

async function remember(path: string): Promise<Entry> {
  const stat = await lstat(path)
  if (stat.isSymbolicLink()) return { kind: 'link', target: await readlink(path) }
  if (stat.isFile()) return { kind: 'file', bytes: await readFile(path), mode: stat.mode & 0o7777 }
  if (!stat.isDirectory()) return { kind: 'unknown' }
  const entries = new Map<string, Entry>()
  for (const name of await readdir(path)) entries.set(name, await remember(join(path, name)))
  return { kind: 'folder', entries }
}

/** False where a component above `path` is no folder any more: following it could lead out of the worktree. */
async function insideFolders(worktree: string, path: string): Promise<boolean> {
  for (let at = dirname(path); at.length > worktree.length; at = dirname(at)) {
    if ((await kindOf(at)) !== 'folder') return false
  }
  return true
}

/** Removes what now stands at `path`; a link on the way to it counts as that. */
async function takeAway(worktree: string, path: string): Promise<void> {
  let at = worktree
  const steps = relative(worktree, path).split(sep)
  for (const [index, step] of steps.entries()) {
    at = join(at, step)
    const found = await kindOf(at)
    if (found === 'missing') return
    if (index === steps.length - 1 || found === 'link') return takeOut(at)
    if (found !== 'folder') return
  }
}

async function putBack(worktree: string, path: string, entry: Entry): Promise<void> {
  if (!(await insideFolders(worktree, path))) {
    for (let at = dirname(path); at.length > worktree.length; at = dirname(at)) {
      if ((await kindOf(at)) === 'link' || (await kindOf(at)) === 'other') await rm(at, { force: true })
    }
    await mkdir(dirname(path), { recursive: true })
  }
  await write(path, entry)
}

async function write(path: string, entry: Entry): Promise<void> {
  const found = await kindOf(path)
  switch (entry.kind) {
    case 'unknown':
      return
    case 'link':
      if (found === 'link' && (await readlink(path)) === entry.target) return
      await takeOut(path)
      return symlink(entry.target, path)
    case 'file': {
      const now = found === 'other' ? await lstat(path) : undefined
      const same =
        now?.isFile() && now.nlink === 1 && now.size === entry.bytes.length && (now.mode & 0o7777) === entry.mode
      if (same && entry.bytes.equals(await readFile(path))) return
      await takeOut(path)
      return writeFile(path, entry.bytes, { mode: entry.mode, flag: 'wx' })
    }
    case 'folder': {
      if (found !== 'folder') {
        await takeOut(path)
        await mkdir(path)
      }
      for (const name of await readdir(path)) {
        if (!entry.entries.has(name)) await takeOut(join(path, name))
      }
      for (const [name, inner] of entry.entries) await write(join(path, name), inner)
    }
  }
}
