import { lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { join as pathOf } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import type { ChangeLimits } from '../../../core/ports/workspace.ts'
import { type Git, git } from '../../git.ts'
import { absent, kindOf, remove, writeWhole } from './files.ts'
import { join, nameOf, split } from './names.ts'
import { waitForOrphans } from './orphans.ts'
import type { Rubbishes } from './rubbish.ts'
import { oid, type Store } from './store.ts'
import { sweep, type Tracked, trackedBy } from './worktree-files.ts'

/** The worktree of one worker: its files, and beside core's objects its index, HEAD and what `setup` left, out of its reach. */
export interface Place {
  readonly path: string
  readonly admin: string
  readonly index: string
  readonly git: Git
  readonly rubbishes: Rubbishes
  readonly limits: ChangeLimits
  /** What `setup` left: names, a folder ends with '/'. */
  settled: ReadonlySet<string>
  tracked: Tracked
  commit: string
}

export async function openPlace(
  store: Store,
  { home, rubbishes, limits }: { home: string; rubbishes: Rubbishes; limits: ChangeLimits },
  worker: string,
): Promise<Place> {
  if (!/^[a-z0-9][a-z0-9._-]{0,99}$/i.test(worker)) {
    throw new CodebandError('CB_INTERNAL', { detail: `'${worker}' is not a name for a worktree` })
  }
  const path = pathOf(home, 'worktrees', worker)
  const admin = pathOf(store.path, 'worktrees', worker)
  await waitForOrphans(path)
  await mkdir(path, { recursive: true }).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  const left = await readFile(pathOf(admin, 'settled')).catch(absent)
  return {
    path,
    admin,
    index: pathOf(admin, 'index'),
    git: git({
      gitDir: admin,
      workTree: path,
      index: pathOf(admin, 'index'),
      config: { 'core.excludesFile': pathOf(admin, 'exclude') },
      bin: store.bin,
    }),
    rubbishes,
    limits,
    settled: new Set(split(left ?? Buffer.alloc(0)).map(nameOf)),
    tracked: { modes: new Map(), folders: new Set(), submodules: [] },
    commit: '',
  }
}

/** Puts the worktree at exactly the commit, from whatever state a killed process or a hostile one left. `anew`: nothing there is worth
 *  a look. */
export async function putAt(
  place: Place,
  commit: string,
  { keepIgnored = false, anew = false }: { keepIgnored?: boolean; anew?: boolean } = {},
): Promise<void> {
  const rubbish = place.rubbishes.open()
  const reset = ['read-tree', '--reset', '-u', oid(commit)]
  async function begin(): Promise<void> {
    await rubbish.take(place.path)
    await rm(place.index, { force: true })
    await register(place, commit)
    await place.git.bytes(reset)
  }
  if (anew) {
    await begin()
    await settle(place, new Set())
  } else {
    await register(place, commit)
    if (!keepIgnored) await settle(place, new Set())
    // Whatever stood in the way of git, nothing of it is needed.
    if (!(await place.git.succeeds(reset))) await begin()
  }
  place.commit = commit
  place.tracked = await trackedBy(place.git)
  const kept = keepIgnored ? await ignoredIn(place) : new Set<string>()
  if (!(await sweep(place.path, place.tracked, kept, rubbish))) await begin()
  await rubbish.empty()
}

/** The four files that make a folder a linked worktree (gitrepository-layout), written anew each time: `git worktree add` refuses what
 *  a killed one left half-made, and a process in the worktree may have changed its `.git`. */
async function register({ path, admin }: Place, commit: string): Promise<void> {
  if ((await kindOf(path)) !== 'folder') {
    await remove(path)
    await mkdir(path, { recursive: true })
  }
  await mkdir(admin, { recursive: true })
  // The one process that could hold it is gone: core's git processes here run one after the other.
  await rm(pathOf(admin, 'index.lock'), { force: true })
  await writeWhole(pathOf(admin, 'commondir'), '../..\n')
  await writeWhole(pathOf(admin, 'gitdir'), `${path}/.git\n`)
  await writeWhole(pathOf(admin, 'HEAD'), `${commit}\n`)
  if (!(await pointsHome({ path, admin }))) {
    await remove(pathOf(path, '.git'))
    await writeWhole(pathOf(path, '.git'), pointer(admin), { draft: pathOf(admin, 'pointer') })
  }
}

const pointer = (admin: string): string => `gitdir: ${admin}\n`

/** Whether the `.git` file of the worktree is the one core wrote. Core itself never reads it. */
export async function pointsHome({ path, admin }: Pick<Place, 'path' | 'admin'>): Promise<boolean> {
  const file = pathOf(path, '.git')
  const found = await lstat(file).catch(absent)
  const own = pointer(admin)
  return found?.isFile() === true && found.size === Buffer.byteLength(own) && (await readFile(file, 'utf8')) === own
}

export async function pointHome(place: Place): Promise<void> {
  await register(place, place.commit)
}

async function ignoredIn({ git, settled }: Place): Promise<Set<string>> {
  const options = ['-z', '--others', '--ignored', '--exclude-standard', '--directory']
  return new Set([...split(await git.bytes(['ls-files', ...options])).map(nameOf), ...settled])
}

export async function settle(place: Place, settled: ReadonlySet<string>): Promise<void> {
  place.settled = settled
  await writeWhole(pathOf(place.admin, 'settled'), join(settled))
  // Spares git the way through them; the names themselves are what counts, a pattern cannot hold a line feed.
  const patterns = [...settled].filter((name) => !name.includes('\n')).map(patternOf)
  await writeWhole(
    pathOf(place.admin, 'exclude'),
    join(patterns.map((pattern) => `${pattern}\n`)).filter((byte) => byte !== 0),
  )
}

const patternOf = (name: string): string => `/${name.replace(/[\\*?[\]!# ]/g, '\\$&')}`
