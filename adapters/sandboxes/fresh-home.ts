import { lstat, mkdir, mkdtemp, readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../processes/process.ts'
import { removeTrees } from '../remove-tree.ts'

/** How long a new home waits for the old one to be gone from the disk; what is left goes on beside it. */
const PATIENCE_MS = 1_000

/** What saves a download and nothing else: installing without a network does not need it, and it may be gigabytes. */
const downloads = [
  '.npm',
  '.yarn/berry/cache',
  '.bun/install/cache',
  '.cache/pip',
  '.cache/uv',
  '.cache/yarn',
  '.local/share/pnpm/store',
  'tmp',
]

/** A folder at `home` for this user alone, with copies of what lies in `from`. What lies there before is moved aside first and removed by
 *  another process: a command may have left a million files, folders deeper than a path can name, or a link in its place. */
export async function freshHome(home: string, from?: string): Promise<void> {
  await clear(home)
  if (from !== undefined) await copy(from, home)
}

async function clear(home: string): Promise<void> {
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

/** Folders that hold a download store are gone through; all others are copied whole. */
async function copy(from: string, to: string, inside = ''): Promise<void> {
  const whole: string[] = []
  for (const entry of await readdir(join(from, inside), { withFileTypes: true })) {
    const path = inside === '' ? entry.name : `${inside}/${entry.name}`
    if (downloads.includes(path)) continue
    if (entry.isDirectory() && downloads.some((one) => one.startsWith(`${path}/`))) {
      await mkdir(join(to, path), { mode: 0o700 })
      await copy(from, to, path)
    } else whole.push(join(from, path))
  }
  if (whole.length === 0) return
  const share = process.platform === 'linux' ? ['--reflink=auto'] : []
  const { exitCode, output } = await run(['cp', '-a', ...share, '--', ...whole, join(to, inside)], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin', LC_ALL: 'C' },
    maxOutput: 2_000,
    timeoutMs: 10 * 60_000,
  })
  if (exitCode !== 0) throw new Error(`what setup has put into its home could not be copied: ${output}`)
}
