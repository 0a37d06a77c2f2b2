import { appendFile, copyFile, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join as pathOf } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import { type Git, git } from '../../git.ts'
import { syncFile } from '../../sync-file.ts'
import { absent, kindOf, remove, writeWhole } from './files.ts'
import { birthOf } from './orphans.ts'

/** Core's own bare repository: objects, refs that keep them, and the registry of worktrees. */
export interface Store {
  readonly path: string
  readonly git: Git
  readonly bin: string | undefined
  has(commit: string): Promise<boolean>
  keep(commit: string): Promise<void>
  treeOf(commit: string): Promise<string>
  commit(tree: string, parents: readonly string[], options: CommitOptions): Promise<string>
}

export interface CommitOptions {
  message: string
  author?: { name: string; email: string }
  /** Milliseconds since the epoch. */
  at: number
}

/** Content reaches core byte for byte: no line endings, encodings or keywords are changed, and no driver is named by a tree. */
export const attributes = '* !filter !diff !merge -text -ident !working-tree-encoding\n'

const settings = `[core]
	hooksPath = /dev/null
	logAllRefUpdates = false
[gc]
	auto = 0
[maintenance]
	auto = false
`

export async function openStore(home: string, format: string, bin: string | undefined): Promise<Store> {
  const path = pathOf(home, 'repo.git')
  await mkdir(home, { recursive: true, mode: 0o700 })
  if ((await kindOf(path)) === undefined) {
    // Made where the leftovers of dead processes are removed, and moved to its place: a half-made one is never found.
    const scratch = pathOf(home, 'tmp')
    await mkdir(scratch, { recursive: true })
    const draft = await mkdtemp(pathOf(scratch, `${process.pid}-`))
    await git({ gitDir: draft, bin }).bytes(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`])
    await appendFile(pathOf(draft, 'config'), settings)
    await mkdir(pathOf(draft, 'info'), { recursive: true })
    await mkdir(pathOf(draft, 'worktrees'))
    await writeFile(pathOf(draft, 'info/attributes'), attributes)
    await rename(draft, path).catch(async (error) => {
      // Another process may have been first.
      if ((await kindOf(path)) === undefined) throw error
      await rm(draft, { recursive: true })
    })
  }
  const own = git({ gitDir: path, bin })
  // Core packs no refs; with ones that it cannot read, git does nothing here any more.
  const packed = pathOf(path, 'packed-refs')
  if ((await kindOf(packed)) !== undefined && !(await own.succeeds(['for-each-ref', '--count=1']))) await remove(packed)
  return {
    path,
    git: own,
    bin,
    has: (commit) => own.succeeds(['cat-file', '-e', `${oid(commit)}^{commit}`]),
    async keep(commit) {
      await own.bytes(['update-ref', `refs/codeband/keep/${oid(commit)}`, commit])
    },
    treeOf: (commit) => own.text(['rev-parse', '--verify', `${oid(commit)}^{tree}`]),
    async commit(tree, parents, { message, author, at }) {
      const date = `@${Math.floor(at / 1000)} +0000`
      const env = {
        GIT_AUTHOR_NAME: ident(author?.name),
        GIT_AUTHOR_EMAIL: author === undefined ? 'codeband@localhost' : ident(author.email),
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_DATE: date,
      }
      const of = parents.flatMap((parent) => ['-p', oid(parent)])
      const text = message.replaceAll('\0', '')
      return own.text(['commit-tree', tree, ...of, '-F', '-'], { env, input: text.trim() === '' ? 'change\n' : text })
    },
  }
}

/** Git drops these characters from names and refuses a name of which nothing is left. */
const ident = (text = ''): string => (/[^\s.,:;<>"\\']/.test(text) ? text.replace(/[\0\n<>]/g, '') : 'codeband')

/** A full object name; anything else would be read as a revision, an option or a ref. */
export function oid(text: string): string {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) {
    throw new CodebandError('CB_INTERNAL', { detail: `'${text}' is not a full commit id` })
  }
  return text
}

export interface Transfer {
  /** Object folder that has `commit` and all it needs. */
  from: string
  /** The list of commits without parents of a shallow source. */
  shallow?: string
  /** Object folder that gets what it lacks. */
  to: string
  commit: string
  /** Commits that `to` has, with all they need. */
  has: readonly string[]
  /** A folder for the unfinished pack. */
  scratch: string
}

/** Copies objects as one pack between two object folders, by core's settings alone: nothing of the other repository's configuration
 *  is read, no program of it runs. The pack is checked before it appears, whole. Gives the file that protects it against garbage collection. */
export async function transfer(
  store: Store,
  { from, shallow, to, commit, has, scratch }: Transfer,
): Promise<string | undefined> {
  await mkdir(scratch, { recursive: true })
  const work = await mkdtemp(pathOf(scratch, `${process.pid}-`))
  try {
    const place = {
      gitDir: store.path,
      objects: work,
      alternates: [from, to],
      bin: store.bin,
      ...(shallow && { shallow }),
    }
    const wanted = [oid(commit), ...has.map((one) => `^${oid(one)}`), ''].join('\n')
    const options = ['--quiet', '--revs', '--non-empty', '--delta-base-offset', '--no-use-bitmap-index']
    const name = await git(place).text(['pack-objects', ...options, pathOf(work, 'pack')], { input: wanted })
    if (name === '') return undefined
    // Reads every object again and names it by its content, as a pack from a stranger.
    await git(place).bytes(['index-pack', '-o', pathOf(work, 'checked.idx'), pathOf(work, `pack-${name}.pack`)])
    const folder = pathOf(to, 'pack')
    await mkdir(folder, { recursive: true })
    const keep = pathOf(folder, `pack-${name}.keep`)
    await writeWhole(keep, await keepMark(), { durable: true })
    await settleInto(pathOf(work, `pack-${name}.pack`), folder, `pack-${name}.pack`)
    await settleInto(pathOf(work, 'checked.idx'), folder, `pack-${name}.idx`)
    return keep
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const keepMark = async (): Promise<string> => `codeband: landing of ${process.pid}, ${await birthOf(process.pid)}\n`

/** Removes what landings that were killed left among the packs. */
export async function removeOldKeeps(objects: string): Promise<void> {
  const folder = pathOf(objects, 'pack')
  for (const name of (await readdir(folder).catch(absent)) ?? []) {
    const path = pathOf(folder, name)
    const draft = /^codeband-(\d+)-.*\.draft$/.exec(name)
    if (draft && (await birthOf(Number(draft[1]))) === undefined) await rm(path, { force: true })
    if (!name.endsWith('.keep')) continue
    const mark = /^codeband: landing of (\d+), (.*)\n$/.exec((await readFile(path, 'utf8').catch(absent)) ?? '')
    if (mark && (await birthOf(Number(mark[1]))) !== mark[2]) await rm(path, { force: true })
  }
}

/** Copies across file systems; durable before it has its name. */
async function settleInto(source: string, folder: string, name: string): Promise<void> {
  // Not `tmp_...`: a garbage collection of the person would take that away.
  const draft = pathOf(folder, `codeband-${process.pid}-${name}.draft`)
  await copyFile(source, draft)
  // For reading: the copy of a pack may not be written, and what is read may be synced too.
  const file = await open(draft, 'r')
  await syncFile(file)
  await file.close()
  await rename(draft, pathOf(folder, name))
}
