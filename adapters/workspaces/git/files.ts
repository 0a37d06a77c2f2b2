import { chmod, copyFile, lstat, open, opendir, rename, rm, stat, unlink, utimes } from 'node:fs/promises'
import { removeTrees } from '../../remove-tree.ts'
import { syncFile } from '../../sync-file.ts'
import { bytesOf } from './names.ts'

/** A path inside a folder, as bytes: a name may hold what is not UTF-8. */
export const under = (folder: string, name: string): Buffer =>
  name === '' ? bytesOf(folder) : Buffer.concat([bytesOf(`${folder}/`), bytesOf(name)])

export type Kind = 'file' | 'folder' | 'link' | 'special'

/** What lies at a path, itself and not what a link names; undefined for nothing. */
export async function kindOf(path: Buffer | string): Promise<Kind | undefined> {
  const found = await lstat(path).catch(absent)
  if (found === undefined) return undefined
  return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'special'
}

export function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR' && error.code !== 'ENAMETOOLONG') throw error
}

/** Removes what lies at the path, folders with all they hold; follows no link. */
export async function remove(path: Buffer | string): Promise<void> {
  const kind = await kindOf(path)
  if (kind === undefined) return
  if (kind === 'folder') await removeTrees([path])
  else await unlink(path).catch(absent)
}

/** Gives the owner back what a process has taken away; git knows of no such permissions. */
export async function openUp(path: Buffer | string): Promise<void> {
  const found = await lstat(path)
  if (found.isFile() && (found.mode & 0o600) !== 0o600) await chmod(path, (found.mode & 0o7777) | 0o600)
  if (!found.isDirectory()) return
  if ((found.mode & 0o700) !== 0o700) await chmod(path, (found.mode & 0o7777) | 0o700)
  const folder = Buffer.from(path)
  const inside: Buffer[] = []
  for await (const { name, isFolder } of entriesIn(folder)) {
    const one = Buffer.concat([folder, Buffer.from('/'), name])
    if (isFolder) inside.push(one)
    else await openUp(one)
  }
  for (const one of inside) await openUp(one)
}

/** What a folder holds, little by little: a hostile one holds millions. Nothing where there is no folder. */
export async function* entriesIn(folder: Buffer | string): AsyncGenerator<{ name: Buffer; isFolder: boolean }> {
  // Node gives bytes as it does for `readdir`; only its types do not say so.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: 256 }
  const opened = await opendir(folder, options).catch(absent)
  for await (const entry of opened ?? []) {
    yield { name: entry.name as unknown as Buffer, isFolder: entry.isDirectory() }
  }
}

/** Whether an error of the system, or of git, comes of such permissions. */
export const isLocked = (error: unknown): boolean =>
  error instanceof Error && /\bEACCES\b|permission denied/i.test(error.message)

/** The file holds all of the old or all of the new. `durable`: also after a power failure. */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  { draft = `${path}.${process.pid}.tmp`, durable = false } = {},
): Promise<void> {
  await rm(draft, { force: true })
  // Exclusive, so that nothing that stands there in the meantime, a link least of all, is written through.
  const file = await open(draft, 'wx', 0o644)
  try {
    await file.writeFile(content)
    if (durable) await syncFile(file)
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

/** With its time, rounded down: git trusts a file's times only where they are older than the index. */
export async function copyIndex(from: string, to: string): Promise<void> {
  const { mtimeMs } = await stat(from)
  await copyFile(from, to)
  await utimes(to, Math.floor(mtimeMs) / 1000, Math.floor(mtimeMs) / 1000)
}
