import { lstat, mkdir, mkdtemp, readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { removeTrees } from '../remove-tree.ts'

/** How long a new home waits for the old one to be gone from the disk; what is left goes on beside it. */
const PATIENCE_MS = 1_000

/** An empty folder at `home`, for this user alone. What lies there is moved aside first and removed by another process: a command may
 *  have left a million files, folders deeper than a path can name, or a link in its place. */
export async function freshHome(home: string): Promise<void> {
  const aside = `${basename(home)}.gone-`
  const parent = dirname(home)
  await mkdir(parent, { recursive: true, mode: 0o700 })
  const found = await lstat(home).catch(() => undefined)
  if (found && !(found.isDirectory() && (await readdir(home)).length === 0)) {
    await rename(home, join(await mkdtemp(join(parent, aside)), 'home'))
  }
  await mkdir(home, { recursive: true, mode: 0o700 })
  // Those of a process that was killed meanwhile, too.
  const gone = (await readdir(parent)).filter((name) => name.startsWith(aside)).map((name) => join(parent, name))
  if (gone.length === 0) return
  // What stays lies where nobody looks, and the next one tries again.
  const removed = removeTrees(gone).catch(() => undefined)
  await Promise.race([removed, sleep(PATIENCE_MS, undefined, { ref: false })])
}
