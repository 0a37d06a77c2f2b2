import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join as pathOf } from 'node:path'
import type { Worktree, WorktreeChange } from '../../../core/ports/workspace.ts'
import { type Git, git } from '../../git.ts'
import { type Changes, changesIn, newNames, trackedChangesIn } from './changes.ts'
import { copyIndex, isLocked, openUp, writeWhole } from './files.ts'
import { type Guard, watchPlace } from './guard.ts'
import { join } from './names.ts'
import { patchOf } from './patch.ts'
import { type Place, pointHome, settle } from './place.ts'
import type { Queue } from './queue.ts'
import type { Store } from './store.ts'
import { removeName, trackedBy } from './worktree-files.ts'

/** The port's view of a place. Contract: `queue` keeps its own operations and `checkout` apart. */
export function worktreeOf(
  place: Place,
  store: Store,
  scratch: string,
  queue: Queue,
  { guard, discard }: { guard: () => Promise<Guard>; discard: () => Promise<void> },
): Worktree {
  const named = ({ savable, strange }: Changes): WorktreeChange[] =>
    [...savable, ...strange].sort((a, b) => (a.path < b.path ? -1 : 1))

  const inTurn = <T>(work: () => Promise<T>): Promise<T> =>
    queue(() =>
      work().catch(async (error) => {
        if (!isLocked(error)) throw error
        // A process of the worker locked its own files up: unlocked, they are files as any.
        await openUp(place.path)
        return work()
      }),
    )

  return {
    path: place.path,
    get commit() {
      return place.commit
    },
    changes: () => inTurn(async () => named(await changesIn(place))),
    trackedChanges: () => inTurn(() => trackedChangesIn(place)),
    discard,
    files: () =>
      inTurn(async () => {
        const { savable } = await changesIn(place)
        const names = new Set([...place.tracked.modes].filter(([, mode]) => mode !== '160000').map(([name]) => name))
        for (const { path, status } of savable) status === 'deleted' ? names.delete(path) : names.add(path)
        return [...names].sort()
      }),
    settle: () =>
      inTurn(async () => {
        await settle(place, new Set([...place.settled, ...(await newNames(place))]))
      }),
    async watch() {
      const store = (await guard()).watch()
      const own = await inTurn(() => watchPlace(place))
      return async () => [...(await store()), ...(await inTurn(own))]
    },
    restore: (paths) => inTurn(() => restore(place, paths)),
    save: ({ message, author, at }) =>
      inTurn(async () => {
        const { savable } = await changesIn(place)
        if (savable.length === 0) return undefined
        const index = pathOf(place.admin, 'index.save')
        const own = await stage(place, store, savable, index)
        const tree = await own.text(['write-tree'])
        if (tree === (await store.treeOf(place.commit))) return undefined
        const commit = await store.commit(tree, [place.commit], { message, author, at })
        await store.keep(commit)
        await rename(index, place.index)
        await writeWhole(pathOf(place.admin, 'HEAD'), `${commit}\n`)
        place.commit = commit
        place.tracked = await trackedBy(place.git)
        return { commit, tree }
      }),
    patch: (maxBytes) =>
      inTurn(async () => {
        const { savable } = await changesIn(place)
        if (savable.length === 0) return ''
        await mkdir(scratch, { recursive: true })
        const objects = await mkdtemp(pathOf(scratch, `${process.pid}-`))
        try {
          const own = await stage(place, store, savable, pathOf(place.admin, 'index.patch'), objects)
          return await patchOf(own, ['diff-index', '--cached', place.commit], maxBytes)
        } finally {
          await rm(objects, { recursive: true, force: true })
        }
      }),
    log: (count) =>
      inTurn(() => store.git.text(['log', `--max-count=${count}`, '--format=%h %as %an: %s', place.commit, '--'])),
  }
}

/** An index of its own with the changes in it; with `objects`, content goes there and is as passing as that folder. */
async function stage(
  place: Place,
  store: Store,
  changes: readonly WorktreeChange[],
  index: string,
  objects?: string,
): Promise<Git> {
  await copyIndex(place.index, index)
  await rm(`${index}.lock`, { force: true })
  const elsewhere = objects && { objects, alternates: [pathOf(store.path, 'objects')] }
  const own = git({ gitDir: place.admin, workTree: place.path, index, bin: store.bin, ...elsewhere })
  const gone = changes.filter(({ status }) => status === 'deleted').map(({ path }) => path)
  const there = changes.filter(({ status }) => status !== 'deleted').map(({ path }) => path)
  // By force: git would look at the place of a deleted file, and refuse where a link leads away from it.
  if (gone.length > 0) await own.bytes(['update-index', '-z', '--force-remove', '--stdin'], { input: join(gone) })
  if (there.length > 0) await own.bytes(['update-index', '-z', '--add', '--replace', '--stdin'], { input: join(there) })
  return own
}

async function restore(place: Place, paths: readonly string[]): Promise<void> {
  const { modes } = place.tracked
  if (paths.includes('.git')) await pointHome(place)
  const strangers = paths.filter((path) => path !== '.git' && !modes.has(path))
  for (const path of strangers) {
    const inside = path !== '' && !path.split('/').some((part) => part === '..' || part === '.' || part === '')
    if (inside) await removeName(place.path, path)
  }
  const known = paths.filter((path) => modes.has(path))
  if (known.length > 0) {
    await place.git.bytes(['checkout-index', '--force', '--index', '-z', '--stdin'], { input: join(known) })
  }
}
