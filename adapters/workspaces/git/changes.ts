import { CodebandError } from '../../../core/errors.ts'
import type { WorktreeChange } from '../../../core/ports/workspace.ts'
import { kindOf, under } from './files.ts'
import { foldersOf, leadsIntoGit, nameOf, split } from './names.ts'
import { type Place, pointsHome } from './place.ts'
import { everythingIn } from './worktree-files.ts'

export interface Changes {
  /** What a commit can hold. */
  readonly savable: readonly WorktreeChange[]
  /** What it cannot: a `.git` anywhere, files in the place of a submodule. */
  readonly strange: readonly WorktreeChange[]
}

const options = ['--porcelain=v2', '-z', '--untracked-files=all', '--no-renames', '--ignore-submodules=all']

export async function changesIn(place: Place): Promise<Changes> {
  const [status, nested, submodules, home] = await Promise.all([
    statusOf(place),
    nestedGit(place),
    inSubmodules(place),
    pointsHome(place),
  ])
  const found: WorktreeChange[] = [...nested.map(added), ...submodules]
  if (!home) found.push({ path: '.git', status: 'modified', tracked: true })
  for (const line of split(status)) {
    const text = line.toString('latin1')
    if (text.startsWith('1 ')) found.push(await trackedChange(place, line, text))
    else if (text.startsWith('? ')) {
      const name = nameOf(line.subarray(2))
      // Git stops at the `.git` of a repository inside; its files are still the worker's.
      if (name.endsWith('/')) found.push(...(await everythingIn(place.path, name.slice(0, -1))).map(added))
      else found.push(added(name))
    }
  }
  const places = new Set(place.tracked.submodules)
  const byName = new Map(
    found.filter(({ path, tracked }) => tracked || !isSettled(place, path)).map((one) => [one.path, one]),
  )
  const all = [...byName.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  const isStrange = ({ path }: WorktreeChange) => leadsIntoGit(path) || foldersOf(path).some((one) => places.has(one))
  return { savable: all.filter((one) => !isStrange(one)), strange: all.filter(isStrange) }
}

async function statusOf({ git, path }: Place): Promise<Buffer> {
  const { exitCode, stdout, stderr } = await git.run(['status', ...options])
  // It passes over a folder that it cannot read, with a warning: what lies there would be nobody's change.
  if (exitCode !== 0 || /permission denied/i.test(stderr)) {
    throw new CodebandError('CB_GIT', { command: 'status', place: path, detail: stderr })
  }
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

async function inSubmodules({ path: root, tracked }: Place): Promise<WorktreeChange[]> {
  const found = tracked.submodules.map(async (path): Promise<WorktreeChange[]> => {
    const kind = await kindOf(under(root, path))
    if (kind === 'folder') return (await everythingIn(root, path)).map(added)
    return [{ path, status: kind === undefined ? 'deleted' : 'type-changed', tracked: true }]
  })
  return (await Promise.all(found)).flat()
}

export const isSettled = ({ settled }: Place, path: string): boolean =>
  settled.size > 0 && (settled.has(path) || foldersOf(path).some((folder) => settled.has(`${folder}/`)))
