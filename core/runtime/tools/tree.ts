import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { type Denied, deny, shown } from '../../boundary/denial.ts'
import type { PartFacts, PathFacts } from '../../boundary/gate.ts'
import { protection } from '../../boundary/protected.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

/** The files of one worktree. Every effect is made inside folders that were opened one part after the other without following a
 *  link, so a folder swapped meanwhile leads nowhere. Where there is no /proc (macOS) the parts are checked right before instead,
 *  which a race could win. Paths are normalized, relative, and decided before. */
export interface Tree {
  /** Absolute, with links followed. */
  readonly root: string
  facts(path: string): PathFacts
  /** At most `limit` bytes of a regular file. Follows a link inside the worktree only. */
  read(path: string, limit: number): FileRead | 'missing' | 'directory' | Denied
  /** The same for a file that git names; a link is 'missing'. */
  readPlain(path: string, limit: number): FileRead | 'missing' | 'directory' | Denied
  /** Replaces or creates a file whole, with the folders above it; an existing file keeps its mode. */
  write(path: string, content: string): Denied | undefined
  remove(path: string): 'missing' | Denied | undefined
}

export interface FileRead {
  readonly allowed: true
  readonly bytes: Uint8Array
  /** Bytes in the file. */
  readonly size: number
}

export function openTree(path: string): Tree {
  const root = realpathSync.native(path)
  const absolute = (inside: string) => (inside === '' ? root : join(root, inside))

  function readPlain(inside: string, limit: number): FileRead | 'missing' | 'directory' | Denied {
    const { folder, name } = split(inside)
    return inFolder(root, folder, false, (at) => {
      let fd: number
      try {
        // A pipe would block an opening without O_NONBLOCK.
        fd = openSync(at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      } catch (error) {
        if (isCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return 'missing'
        if (isCode(error, 'ENXIO')) return notRegular(inside)
        throw error
      }
      try {
        const stats = fstatSync(fd)
        if (stats.isDirectory()) return 'directory'
        if (!stats.isFile()) return notRegular(inside)
        const bytes = Buffer.alloc(Math.min(stats.size, limit))
        let length = 0
        for (let got = -1; length < bytes.length && got !== 0; length += got) {
          got = readSync(fd, bytes, length, bytes.length - length, length)
        }
        return { allowed: true, bytes: bytes.subarray(0, length), size: stats.size }
      } finally {
        closeSync(fd)
      }
    })
  }

  return {
    root,
    readPlain,
    facts: (inside) => gatherFacts(root, inside),
    read(inside, limit) {
      const real = whereItLeads(root, absolute(inside))
      if (real === 'nowhere') return 'missing'
      if (real === 'outside') return deny('symlink', `'${shown(inside)}' leads out of the worktree.`)
      if (protection(real.inside)?.readable === false) {
        return deny('protected-path', `'${shown(inside)}' leads to '.git', which no role may read.`)
      }
      return real.inside === '' ? 'directory' : readPlain(real.inside, limit)
    },
    write(inside, content) {
      const { folder, name } = split(inside)
      const result = inFolder(root, folder, true, (at) => {
        const before = lstat(at(name))
        const problem = before && unwritable(inside, before)
        if (problem) return problem
        const temporary = at(`.codeband-${randomBytes(9).toString('hex')}`)
        const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666)
        try {
          try {
            writeFileSync(fd, content)
            if (before) fchmodSync(fd, before.mode & 0o777)
          } finally {
            closeSync(fd)
          }
          // Renaming replaces a link put there meanwhile; it never follows it.
          renameSync(temporary, at(name))
        } catch (error) {
          rmSync(temporary, { force: true })
          throw error
        }
        return undefined
      })
      return result === 'missing' ? deny('symlink', `The folder of '${shown(inside)}' vanished meanwhile.`) : result
    },
    remove(inside) {
      const { folder, name } = split(inside)
      return inFolder(root, folder, false, (at) => {
        const before = lstat(at(name))
        if (!before) return 'missing'
        if (!before.isFile() && !before.isSymbolicLink()) return notRegular(inside)
        unlinkSync(at(name))
        return undefined
      })
    },
  }
}

/** Runs `act` with the folder opened; `at` names a file in it. */
function inFolder<T>(
  root: string,
  folder: readonly string[],
  create: boolean,
  act: (at: (name: string) => string) => T,
): T | 'missing' | Denied {
  let fd = openSync(root, O_RDONLY | O_DIRECTORY)
  let path = root
  const at = (name: string) => (hasProc() ? `/proc/self/fd/${fd}/${name}` : join(path, name))
  try {
    for (const part of folder) {
      let next = openPart(at(part))
      if (next === 'missing' && create) {
        makeFolder(at(part))
        next = openPart(at(part))
      }
      if (next === 'missing') return 'missing'
      if (next === 'not a folder') {
        const link = lstat(at(part))?.isSymbolicLink() ?? true
        const name = shown(folder.join('/'))
        if (link) return deny('symlink', `'${name}' goes through a symbolic link; use the real path.`)
        return deny('not-regular-file', `'${name}' lies below something that is not a folder.`)
      }
      closeSync(fd)
      fd = next
      path = join(path, part)
    }
    // The opened folder may have been moved away since; then it is not the one that was decided on.
    if (hasProc() && readlinkSync(`/proc/self/fd/${fd}`) !== path) {
      return deny('symlink', `The folder '${shown(folder.join('/'))}' was moved meanwhile.`)
    }
    return act(at)
  } finally {
    closeSync(fd)
  }
}

function openPart(path: string): number | 'missing' | 'not a folder' {
  try {
    return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return 'missing'
    if (isCode(error, 'ELOOP', 'ENOTDIR', 'EMLINK')) return 'not a folder'
    throw error
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    // Somebody was faster; opening it without following links decides.
    if (!isCode(error, 'EEXIST')) throw error
  }
}

function unwritable(path: string, before: Stats): Denied | undefined {
  if (before.isSymbolicLink()) return deny('symlink', `'${shown(path)}' is a symbolic link; write to the real path.`)
  if (!before.isFile()) return notRegular(path)
  if (before.nlink > 1) return deny('hardlink', `'${shown(path)}' has another name (a hard link).`)
  return undefined
}

function notRegular(path: string): Denied {
  return deny('not-regular-file', `'${shown(path)}' is not a regular file.`)
}

function gatherFacts(root: string, inside: string): PathFacts {
  const parts: PartFacts[] = []
  let siblings: string[] = []
  let path = root
  for (const name of inside === '' ? [] : inside.split('/')) {
    const parent = path
    path = join(path, name)
    const stats = isSpelledSo(parent, name) ? lstat(path) : undefined
    parts.push(stats ? { kind: kindOf(stats), links: stats.nlink } : { kind: 'missing' })
    if (!stats) {
      siblings = names(parent)
      break
    }
  }
  const linked = parts.some(({ kind }) => kind === 'symlink')
  return { parts, siblings, leads: linked ? whereItLeads(root, join(root, inside)) : { inside } }
}

/** Where the file system folds case, a name is only there if the folder lists it so. */
function isSpelledSo(parent: string, name: string): boolean {
  return process.platform === 'linux' || names(parent).includes(name)
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return []
    throw error
  }
}

function kindOf(stats: Stats): PartFacts['kind'] {
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isDirectory()) return 'directory'
  return stats.isFile() ? 'file' : 'other'
}

function whereItLeads(root: string, path: string): PathFacts['leads'] {
  let real: string
  try {
    real = realpathSync.native(path)
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return 'nowhere'
    throw error
  }
  const inside = relative(root, real)
  if (inside === '..' || inside.startsWith(`..${sep}`)) return 'outside'
  return { inside: inside.split(sep).join(posix.sep) }
}

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    // Below a link to a file, and beyond what the system takes for a path, there is nothing.
    if (isCode(error, 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return undefined
    throw error
  }
}

function split(inside: string): { folder: string[]; name: string } {
  const folder = inside.split('/')
  const name = folder.pop()!
  return { folder, name }
}

let proc: boolean | undefined

function hasProc(): boolean {
  proc ??= process.platform === 'linux' && existsSync('/proc/self/fd')
  return proc
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '')
}
