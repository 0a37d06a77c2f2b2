import { chmod, mkdir, mkdtemp, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { removeTrees } from '../../remove-tree.ts'
import { absent, kindOf, remove } from './files.ts'

/** What is not needed any more: away from its place at once, from the disk when that is done. A million files take a while. */
export interface Rubbish {
  /** Takes what lies at the path, itself and not what a link names. */
  take(path: Buffer | string): Promise<void>
  /** Removes what was taken; resolves when it is gone, or after a second while the rest goes on. */
  empty(): Promise<void>
}

export interface Rubbishes {
  open(): Rubbish
  /** Removes these; resolves as `empty` does. */
  remove(paths: readonly string[]): Promise<void>
  /** Resolves when nothing is left of any. */
  idle(): Promise<void>
}

const patienceMs = 1_000

/** `scratch` is on the file system of the worktrees, and cleared of what dead processes left there. */
export function rubbishesIn(scratch: string): Rubbishes {
  const going = new Set<Promise<void>>()
  async function removeSoon(paths: readonly string[]): Promise<void> {
    const gone = removeTrees(paths)
      // What stays lies where nobody looks, and the next start tries again.
      .catch(() => undefined)
      .finally(() => going.delete(gone))
    going.add(gone)
    await Promise.race([gone, sleep(patienceMs, undefined, { ref: false })])
  }
  return {
    remove: removeSoon,
    open() {
      let folder: Promise<string> | undefined
      let count = 0
      return {
        async take(path) {
          const kind = await kindOf(path)
          if (kind === undefined) return
          if (kind !== 'folder') return unlink(path).catch(absent)
          folder ??= mkdir(scratch, { recursive: true }).then(() => mkdtemp(join(scratch, `${process.pid}-`)))
          const to = join(await folder, String(count++))
          await rename(path, to)
            // A folder is moved by who may write it.
            .catch(() => chmod(path, 0o700).then(() => rename(path, to)))
            .catch(() => remove(path))
        },
        async empty() {
          if (folder !== undefined) await removeSoon([await folder])
        },
      }
    },
    async idle() {
      await Promise.allSettled([...going])
    },
  }
}
