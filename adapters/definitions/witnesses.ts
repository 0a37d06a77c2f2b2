import { hash } from 'node:crypto'
import { type Dirent, lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'

/** Paths that are looked at, and bytes that are read, before it is cheaper to do the work again. */
const most = { paths: 20_000, bytes: 32 * 1024 * 1024 }

/** What lies at the paths: the text of a file, the names in a folder, where a link leads, or that there is nothing. Two looks with the
 *  same digest saw the same. `changed` is the newest change of any of them, in milliseconds of the file system's clock, which no
 *  program can set back as it can a file's date; `missing` is where there was nothing. Undefined for what cannot be read, is no file or folder, or is too much. */
export function look(paths: readonly string[]): { digest: string; changed: number; missing: string[] } | undefined {
  if (paths.length > most.paths) return undefined
  const seen: string[] = []
  const missing: string[] = []
  let changed = 0
  let bytes = 0
  const note = ({ ctimeMs }: Stats): void => {
    changed = Math.max(changed, ctimeMs)
  }
  try {
    for (const path of paths) {
      const own = statOf(path, lstatSync)
      if (own === undefined) {
        seen.push('nothing')
        missing.push(path)
        continue
      }
      note(own)
      const found = own.isSymbolicLink() ? statOf(path, statSync) : own
      if (own.isSymbolicLink()) seen.push(`link ${found ? realpathSync(path) : 'to nothing'}`)
      if (found === undefined) continue
      note(found)
      if (found.isDirectory())
        seen.push(
          `folder ${realpathSync(path)}`,
          ...readdirSync(path, { withFileTypes: true })
            .map((one) => entryOf(path, one))
            .sort(),
        )
      else if (found.isFile()) {
        bytes += found.size
        if (bytes > most.bytes) return undefined
        seen.push(`file ${hash('sha256', readFileSync(path))}`)
      } else return undefined
    }
  } catch {
    // Without the right to look, or changed while it was looked at.
    return undefined
  }
  return { digest: hash('sha256', seen.join('\0')), changed, missing }
}

/** When the folder changed that holds a path where nothing is, or would hold it: 0 outside of `root`, where others come and go. */
export function lastLeft(root: string, path: string): number {
  for (let at = dirname(path); at === root || at.startsWith(root + sep); at = dirname(at)) {
    const found = statOf(at, statSync)
    if (found) return found.ctimeMs
  }
  return 0
}

function entryOf(folder: string, entry: Dirent): string {
  if (entry.isDirectory()) return `${entry.name}/`
  if (!entry.isSymbolicLink()) return entry.name
  const path = join(folder, entry.name)
  return `${entry.name}>${statOf(path, statSync) ? realpathSync(path) : ''}`
}

/** Undefined where nothing is. */
function statOf(path: string, stat: typeof lstatSync | typeof statSync): Stats | undefined {
  try {
    return stat(path) as Stats
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
