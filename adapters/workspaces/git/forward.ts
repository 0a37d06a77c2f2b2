import { readdir, readFile } from 'node:fs/promises'
import { join as pathOf } from 'node:path'
import { type Git, git } from '../../git.ts'
import { kindOf, under } from './files.ts'
import { foldersOf, join, nameOf, split } from './names.ts'
import { rebased, refOf } from './person.ts'
import type { Shadow } from './shadow.ts'
import { removeName } from './worktree-files.ts'

/** What has to happen in a checkout before and while it moves. */
export interface Plan {
  /** Why it may not move: files with changes of the person, or what git is in the middle of. */
  dirty: readonly string[]
  /** False: it has moved already, or is the person's own affair by now. */
  move: boolean
  /** Files that an unfinished move wrote and that `from` does not have. */
  remove: readonly string[]
  /** Files that an unfinished move touched and that `from` has. */
  restore: readonly string[]
}

const nothing = { dirty: [], move: true, remove: [], restore: [] }

/** For a checkout whose branch is at `from`: only a clean one moves. */
export async function planFresh(shadow: Shadow, from: string, to: string): Promise<Plan> {
  const busy = await inTheMiddle(shadow)
  if (busy.length > 0) return { ...nothing, dirty: busy }
  await refresh(shadow.git)
  const [staged, unstaged] = [await stagedAgainst(shadow.git, from), await unstagedIn(shadow.git)]
  const changed = new Set([...staged, ...unstaged])
  if (changed.size > 0) return { ...nothing, dirty: [...changed].sort() }
  const inTheWay = await untrackedInTheWay(shadow, await touchedBetween(shadow.git, from, to))
  if (inTheWay.length > 0) return { ...nothing, dirty: inTheWay }
  const trial = await shadow.git.run(['read-tree', '-n', '-m', '-u', from, to])
  // Git sees more than names, for example two that a file system takes for one.
  return trial.exitCode === 0 ? nothing : { ...nothing, dirty: [trial.stderr.split('\n')[0] ?? 'unknown'] }
}

/** For a checkout whose branch is at `to` already: it moves where a landing was cut off before it could do so. `ours`: the process that
 *  held this checkout's lock died, so that missing and half-written files are its traces; otherwise they are the person's work. */
export async function planUnfinished(shadow: Shadow, from: string, to: string, ours: boolean): Promise<Plan> {
  const done = { ...nothing, move: false }
  await refresh(shadow.git)
  if ((await stagedAgainst(shadow.git, to)).length === 0) return done
  if ((await stagedAgainst(shadow.git, from)).length > 0) return done
  const touched = new Map((await touchedBetween(shadow.git, from, to)).map((one) => [one.name, one]))
  const notFrom = new Set(await unstagedIn(shadow.git))
  const after = await shadow.second()
  await after.bytes(['read-tree', '-i', '-m', from, to])
  await refresh(after)
  const notTo = new Set(await unstagedIn(after))

  const dirty = [...notFrom].filter((name) => !touched.has(name))
  const [remove, restore]: [string[], string[]] = [[], []]
  for (const { name, before, later } of touched.values()) {
    const kind = await kindOf(under(shadow.checkout.path, name))
    const untouched = before ? !notFrom.has(name) : kind === undefined
    if (untouched) continue
    const arrived = later ? !notTo.has(name) : kind === undefined
    const trace = arrived || (ours && (kind === undefined || (await isHalfWritten(shadow, to, name))))
    if (!trace) dirty.push(name)
    else if (before) restore.push(name)
    else remove.push(name)
  }
  return { dirty: dirty.sort(), move: true, remove, restore }
}

/** Moves files and index. Contract: the caller holds the lock of the index and has a plan that is not dirty. */
export async function forward(shadow: Shadow, plan: Plan, from: string, to: string, branch: string): Promise<void> {
  const { path, gitDir } = shadow.checkout
  // The person may have left the branch without touching the index; then its files are not this landing's.
  const head = await git({ gitDir, workTree: path }).run(['symbolic-ref', '--quiet', 'HEAD'])
  if (head.stdout.toString('utf8').trim() !== refOf(branch)) return
  await putBack(shadow, plan)
  await shadow.git.bytes(['read-tree', '-m', '-u', from, to])
  await shadow.publish()
}

/** After `forward` failed: the files as they were at `from`. */
export async function backward(shadow: Shadow, from: string, to: string): Promise<void> {
  const plan = await planUnfinished(shadow, from, to, true)
  if (plan.dirty.length === 0) await putBack(shadow, plan)
}

export async function putBack({ git: own, checkout }: Shadow, { remove, restore }: Plan): Promise<void> {
  for (const name of remove) await removeName(checkout.path, name)
  if (restore.length > 0) {
    await own.bytes(['checkout-index', '--force', '--index', '-z', '--stdin'], { input: join(restore) })
  }
}

const unfinishedBusiness = ['MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'BISECT_LOG']

async function inTheMiddle({ checkout: { gitDir } }: Shadow): Promise<string[]> {
  const found: string[] = []
  for (const name of unfinishedBusiness)
    if ((await kindOf(pathOf(gitDir, name))) !== undefined) found.push(`.git/${name}`)
  if ((await rebased(gitDir)) !== undefined) found.push('.git/rebase')
  return found
}

/** Its exit code tells of changes, which are looked for afterwards. */
const refresh = (own: Git) => own.run(['update-index', '-q', '--ignore-submodules', '--refresh'])

const stagedAgainst = async (own: Git, commit: string): Promise<string[]> =>
  split(
    await own.bytes([
      'diff-index',
      '--cached',
      '-z',
      '--name-only',
      '--no-renames',
      '--ignore-submodules=none',
      commit,
    ]),
  ).map(nameOf)

const unstagedIn = async (own: Git): Promise<string[]> =>
  split(await own.bytes(['diff-files', '-z', '--name-only', '--no-renames', '--ignore-submodules=all'])).map(nameOf)

interface Touched {
  name: string
  /** Whether `from` has it. */
  before: boolean
  /** Whether `to` has it. */
  later: boolean
}

async function touchedBetween(own: Git, from: string, to: string): Promise<Touched[]> {
  const parts = split(await own.bytes(['diff-tree', '-r', '-z', '--name-status', '--no-renames', from, to]))
  const touched: Touched[] = []
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const letter = parts[at]!.toString('latin1')
    touched.push({ name: nameOf(parts[at + 1]!), before: letter !== 'A', later: letter !== 'D' })
  }
  return touched
}

/** Files of the person that the move would overwrite, ignored ones too. */
async function untrackedInTheWay(
  { checkout: { path }, ignoreCase }: Shadow,
  touched: readonly Touched[],
): Promise<string[]> {
  const same = (name: string) => (ignoreCase ? name.normalize('NFC').toLowerCase() : name)
  const leaving = new Set(touched.filter(({ later }) => !later).map(({ name }) => same(name)))
  const found = new Set<string>()
  for (const { name } of touched.filter(({ before }) => !before)) {
    const way = [...foldersOf(name), name]
    for (const [index, part] of way.entries()) {
      const kind = await kindOf(under(path, part))
      if (kind === undefined) break
      if (kind !== 'folder') {
        if (!leaving.has(same(part))) found.add(part)
        break
      }
      if (index === way.length - 1)
        for (const inside of await filesIn(path, part)) if (!leaving.has(same(inside))) found.add(inside)
    }
  }
  return [...found].sort()
}

async function filesIn(root: string, folder: string): Promise<string[]> {
  const names: string[] = []
  for (const entry of await readdir(under(root, folder), { withFileTypes: true, encoding: 'buffer' })) {
    const name = `${folder}/${nameOf(entry.name)}`
    if (entry.isDirectory()) names.push(...(await filesIn(root, name)))
    else names.push(name)
  }
  return names
}

/** Git writes a file from its start: what a killed one left is the beginning of the new content. */
async function isHalfWritten({ git: own, checkout }: Shadow, to: string, name: string): Promise<boolean> {
  if ((await kindOf(under(checkout.path, name))) !== 'file') return false
  const here = await readFile(under(checkout.path, name))
  const { exitCode, stdout } = await own.run(['cat-file', '--filters', `${to}:${name}`])
  return exitCode === 0 && stdout.subarray(0, here.length).equals(here)
}
