import { lstat } from 'node:fs/promises'
import { CodebandError } from '../../../core/errors.ts'
import type { WorktreeChange } from '../../../core/ports/workspace.ts'
import { absent, kindOf, under } from './files.ts'
import { foldersOf, leadsIntoGit, nameOf, split } from './names.ts'
import { type Place, pointsHome } from './place.ts'
import { everythingIn } from './worktree-files.ts'

export interface Changes {
  /** What a commit can hold. */
  readonly savable: readonly WorktreeChange[]
  /** What it cannot: a `.git` anywhere, files in the place of a submodule. */
  readonly strange: readonly WorktreeChange[]
}

const options = ['--porcelain=v2', '-z', '--no-renames', '--ignore-submodules=all']

/** CB_CHANGE_LIMIT as soon as there is more than a change may hold. */
export async function changesIn(place: Place): Promise<Changes> {
  const room = openRoom(place)
  const found: WorktreeChange[] = []
  const add = (one: WorktreeChange): void => {
    if (!one.tracked && isSettled(place, one.path)) return
    room.take()
    found.push(one)
  }
  const [status, nested, home] = await Promise.all([statusOf(place), nestedGit(place), pointsHome(place)])
  for (const name of nested) add(added(name))
  for await (const one of inSubmodules(place)) add(one)
  if (!home) add({ path: '.git', status: 'modified', tracked: true })
  for (const line of split(status)) {
    const text = line.toString('latin1')
    if (text.startsWith('1 ')) add(await trackedChange(place, line, text))
    else if (text.startsWith('? ')) {
      const name = nameOf(line.subarray(2))
      // Git stops at the `.git` of a repository inside; its files are still the worker's.
      if (!name.endsWith('/')) add(added(name))
      else for await (const one of everythingIn(place.path, name.slice(0, -1))) add(added(one))
    }
  }
  const places = new Set(place.tracked.submodules)
  const byName = new Map(found.map((one) => [one.path, one]))
  const all = [...byName.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  const isStrange = ({ path }: WorktreeChange) => leadsIntoGit(path) || foldersOf(path).some((one) => places.has(one))
  const savable = all.filter((one) => !isStrange(one))
  for (const { path, status } of savable) {
    if (status === 'deleted') continue
    room.weigh((await lstat(under(place.path, path)).catch(absent))?.size ?? 0)
  }
  return { savable, strange: all.filter(isStrange) }
}

/** What of it git knew; what is new is not even looked for. */
export async function trackedChangesIn(place: Place): Promise<WorktreeChange[]> {
  const room = openRoom(place)
  const found: WorktreeChange[] = []
  for (const line of split(await statusOf(place, 'no'))) {
    const text = line.toString('latin1')
    if (!text.startsWith('1 ')) continue
    room.take()
    found.push(await trackedChange(place, line, text))
  }
  return found
}

/** What git does not know and no rule ignores; a folder without anything that it knows is one name, and ends with '/'. Git compares every
 *  name that it finds with all of these from then on, so there are never more than a change may hold: CB_CHANGE_LIMIT. */
export async function newNames({ git, path, limits: { changeFiles } }: Place): Promise<string[]> {
  const call = ['ls-files', '-z', '--others', '--exclude-standard', '--directory', '--no-empty-directory']
  const { exitCode, stdout, stderr, truncated } = await git.run(call, { records: changeFiles })
  if (truncated) throw tooMuch(path, filesOver(changeFiles))
  if (exitCode !== 0) throw new CodebandError('CB_GIT', { command: 'ls-files', place: path, detail: stderr })
  return split(stdout).map(nameOf)
}

/** How much a change may still hold. */
function openRoom({ path, limits: { changeFiles, changeMb } }: Place): { take(): void; weigh(bytes: number): void } {
  let files = 0
  let size = 0
  return {
    take() {
      if (++files > changeFiles) throw tooMuch(path, filesOver(changeFiles))
    },
    weigh(bytes) {
      size += bytes
      if (size > changeMb * 1024 ** 2) {
        throw tooMuch(path, `more than ${changeMb} MiB in new and changed files (limits.changeMb)`)
      }
    },
  }
}

const filesOver = (most: number): string => `more than ${most} new, changed and deleted files (limits.changeFiles)`
const tooMuch = (worktree: string, detail: string): CodebandError =>
  new CodebandError('CB_CHANGE_LIMIT', { worktree, detail })

async function statusOf(
  { git, path, limits: { changeFiles }, settled }: Place,
  untracked: 'all' | 'no' = 'all',
): Promise<Buffer> {
  // Names that no pattern can hold are told though they are settled.
  const records = changeFiles + [...settled].filter((name) => name.includes('\n')).length
  const call = ['status', ...options, `--untracked-files=${untracked}`]
  const { exitCode, stdout, stderr, truncated } = await git.run(call, { records })
  if (truncated) throw tooMuch(path, filesOver(changeFiles))
  // It passes over a folder that it cannot read, with a warning: what lies there would be nobody's change.
  if (exitCode !== 0 || /permission denied/i.test(stderr)) {
    throw new CodebandError('CB_GIT', { command: 'status', place: path, detail: stderr })
  }
  // Such a name leaves no room in the warning for the reason.
  if (stderr.includes('could not open directory')) throw tooMuch(path, 'folders that lie deeper than a path can name')
  return stdout
}

const added = (path: string): WorktreeChange => ({ path, status: 'added', tracked: false })

/** `1 XY sub mH mI mW hH hI path` */
async function trackedChange({ path: root }: Place, line: Buffer, text: string): Promise<WorktreeChange> {
  let at = 0
  for (let field = 0; field < 8; field++) at = text.indexOf(' ', at) + 1
  const path = nameOf(line.subarray(at))
  const gone = text[3] === 'D' || (await kindOf(under(root, path))) === 'special'
  return { path, status: gone ? 'deleted' : text[3] === 'T' ? 'type-changed' : 'modified', tracked: true }
}

/** `.git` beside tracked files: git passes over it in silence. */
async function nestedGit({ path: root, tracked: { folders } }: Place): Promise<string[]> {
  const names = [...folders].filter((folder) => folder !== '').map((folder) => `${folder}/.git`)
  const kinds = await Promise.all(names.map((name) => kindOf(under(root, name))))
  return names.filter((_, index) => kinds[index] !== undefined)
}

async function* inSubmodules({ path: root, tracked }: Place): AsyncGenerator<WorktreeChange> {
  for (const path of tracked.submodules) {
    const kind = await kindOf(under(root, path))
    if (kind !== 'folder') yield { path, status: kind === undefined ? 'deleted' : 'type-changed', tracked: true }
    else for await (const one of everythingIn(root, path)) yield added(one)
  }
}

export const isSettled = ({ settled }: Place, path: string): boolean =>
  settled.size > 0 && (settled.has(path) || foldersOf(path).some((folder) => settled.has(`${folder}/`)))
