import { mkdir, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { CodebandError } from '../../core/errors.ts'
import type { ChangeLimits, Workspaces } from '../../core/ports/workspace.ts'
import { git } from '../git.ts'
import { absent } from './git/files.ts'
import { type Guard, openGuard } from './git/guard.ts'
import { bringIn, landedBelow, rememberTip, tipRef } from './git/import.ts'
import { abandonedLock, lockIndex } from './git/index-lock.ts'
import { keptCommits } from './git/kept.ts'
import { land } from './git/landing.ts'
import { merge } from './git/merge.ts'
import { birthOf } from './git/orphans.ts'
import { openPerson, type Person } from './git/person.ts'
import { openPlace, type Place, putAt } from './git/place.ts'
import { type Queue, queue } from './git/queue.ts'
import { rubbishesIn } from './git/rubbish.ts'
import { openStore, type Store } from './git/store.ts'
import { worktreeOf } from './git/worktree.ts'

export interface GitWorkspacesOptions {
  /** Any path inside the person's repository. */
  root: string
  /** Where state lives; made when missing. */
  home: string
  /** The git program; found in a fixed PATH when not given. */
  bin?: string
  /** Of every worktree; without them nothing is too much. */
  limits?: ChangeLimits
}

/** Worktrees of a git repository, made from core's own bare copy of it. CB_NOT_A_REPO, CB_GIT_VERSION. */
export async function gitWorkspaces({
  root,
  home: given,
  bin,
  limits = { changeFiles: Number.POSITIVE_INFINITY, changeMb: Number.POSITIVE_INFINITY },
}: GitWorkspacesOptions): Promise<Workspaces> {
  await mkdir(given, { recursive: true, mode: 0o700 })
  const home = await realpath(given)
  await checkVersion(home, bin)
  const person = await openPerson(root, bin)
  const store = await openStore(home, person.format, bin)
  const rubbishes = rubbishesIn(join(home, 'tmp'))
  await rubbishes.remove(await leftoversIn(join(home, 'tmp')))
  await finishLandings(person, store, home)

  // One writer for the repository; the operations of one worktree among themselves.
  const writer = queue()
  const places = new Map<string, Promise<{ place: Place; own: Queue }>>()
  const placeOf = (worker: string) => {
    const known =
      places.get(worker) ??
      openPlace(store, { home, rubbishes, limits }, worker).then((place) => ({ place, own: queue() }))
    places.set(worker, known)
    known.catch(() => places.delete(worker))
    return known
  }

  // From the first time that somebody is to be watched: before, nobody was there.
  let guarded: Promise<Guard> | undefined
  const guard = (): Promise<Guard> => {
    guarded ??= writer(() => openGuard(store, writer))
    return guarded
  }

  const { diff, patch, read, tree, paths } = keptCommits(store.git)
  return {
    root: person.root,
    store: store.path,
    diff,
    patch,
    read,
    tree,
    paths,
    async currentBranch() {
      const { stdout } = await person.git.run(['symbolic-ref', '--quiet', 'HEAD'])
      const ref = stdout.toString('utf8').trim()
      return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined
    },
    async tip(branch) {
      const commit = await person.tip(branch)
      if (commit === undefined) {
        const any = await person.git.text(['for-each-ref', '--count=1', '--format=%(objectname)'])
        const code = any === '' ? 'CB_REPO_EMPTY' : 'CB_REF_UNKNOWN'
        throw new CodebandError(code, { branch, repo: person.root })
      }
      await writer(async () => {
        await bringIn(store, person, branch, commit, home)
        await guarded?.then(({ know }) => Promise.all([know('shallow'), know(tipRef(branch))]))
      })
      return commit
    },
    landedBelow: (commit) => landedBelow(store, commit),
    async checkout(worker, commit, { keepIgnored = false } = {}) {
      const { place, own } = await placeOf(worker)
      const put = (to: string, how: Parameters<typeof putAt>[2]) => writer(() => own(() => putAt(place, to, how)))
      await put(commit, { keepIgnored })
      const discard = () => put(place.commit, { anew: true })
      return worktreeOf(place, store, join(home, 'tmp'), own, { guard, discard })
    },
    merge: (base, commits) => merge(store, base, commits),
    async reword(parent, of, { message, author, at }) {
      const tree = await store.treeOf(of)
      const commit = await store.commit(tree, [parent], { message, author, at })
      await store.keep(commit)
      return { commit, tree }
    },
    land: (branch, from, to) =>
      writer(async () => {
        const result = await land(person, store, home, { branch, from, to })
        if (result.status === 'landed') {
          await rememberTip(store, branch, to)
          await guarded?.then(({ know }) => know(tipRef(branch)))
        }
        return result
      }),
    keep: (commit) => store.keep(commit),
    async close() {
      await writer.idle()
      for (const known of places.values()) await (await known).own.idle()
      await rubbishes.idle()
    },
  }
}

const wanted = '2.39'

async function checkVersion(home: string, bin: string | undefined): Promise<void> {
  const { stdout } = await git({ gitDir: home, bin }).run(['--version'])
  const found = /(\d+)\.(\d+)\S*/.exec(stdout.toString('utf8'))
  const [major = 0, minor = 0] = wanted.split('.').map(Number)
  if (found && (Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor))) return
  throw new CodebandError('CB_GIT_VERSION', { wanted, found: found?.[0] ?? 'none' })
}

/** Unfinished packs, passing indexes and rubbish of processes that are dead. */
async function leftoversIn(scratch: string): Promise<string[]> {
  const left: string[] = []
  for (const name of (await readdir(scratch).catch(absent)) ?? []) {
    if ((await birthOf(Number.parseInt(name, 10))) === undefined) left.push(join(scratch, name))
  }
  return left
}

/** A landing that was killed still has the lock of a checkout, and with it the person's own git commands wait. It ends here: onwards
 *  where the branch has moved, else nothing had happened yet. */
async function finishLandings(person: Person, store: Store, home: string): Promise<void> {
  for (const checkout of await person.checkouts()) {
    const intent = await abandonedLock(checkout.gitDir)
    if (intent === undefined || intent.home !== home) continue
    const { branch, from, to } = intent
    // The words in the lock could be anybody's: they finish what has happened and begin nothing.
    if ((await person.tip(branch)) === to && (await store.has(to)) && (await store.has(from))) {
      await land(person, store, home, { branch, from, to })
    }
    await (await lockIndex(checkout.gitDir, intent))?.release()
  }
}
