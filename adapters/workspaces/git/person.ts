import { readdir, readFile, realpath } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import { type Git, git } from '../../git.ts'
import { absent, kindOf } from './files.ts'

/** The repository a person pointed at. Its settings are data here: no command that they could make run anything reads them. */
export interface Person {
  /** Its top folder, or the bare repository itself. */
  readonly root: string
  readonly gitDir: string
  readonly commonDir: string
  readonly objects: string
  readonly shallow: string
  /** `sha1` or `sha256` */
  readonly format: string
  readonly bin: string | undefined
  readonly git: Git
  /** The commit of a branch; undefined when there is no such branch. */
  tip(branch: string): Promise<string | undefined>
  /** Every checkout that has the branch, or every one there is. */
  checkouts(branch?: string): Promise<readonly Checkout[]>
}

export interface Checkout {
  readonly path: string
  readonly gitDir: string
}

export async function openPerson(root: string, bin: string | undefined): Promise<Person> {
  const place = await discover(root, bin)
  if (place === undefined) throw new CodebandError('CB_NOT_A_REPO', { path: root })
  // A work tree that the repository's own settings name elsewhere is not looked for.
  const workTree = place.root === place.gitDir ? {} : { workTree: place.root }
  const own = git({ gitDir: place.gitDir, ...workTree, bin })
  const asked = [
    '--git-dir',
    '--git-common-dir',
    '--git-path',
    'objects',
    '--git-path',
    'shallow',
    '--show-object-format',
  ]
  const answer = await own.text(['rev-parse', '--path-format=absolute', ...asked])
  const [gitDir = '', commonDir = '', objects = '', shallow = '', format = 'sha1'] = answer.split('\n')
  const refs = git({ gitDir, ...workTree, bin })
  return {
    root: place.root,
    gitDir,
    commonDir,
    objects,
    shallow,
    format,
    bin,
    git: refs,
    async tip(branch) {
      const { exitCode, stdout } = await refs.run(['show-ref', '--verify', '--hash', refOf(branch)])
      return exitCode === 0 ? stdout.toString('utf8').trim() : undefined
    },
    async checkouts(branch) {
      const list = await git({ gitDir: commonDir, ...workTree, bin }).bytes(['worktree', 'list', '--porcelain', '-z'])
      const found: Checkout[] = []
      const linked = await linkedWorktrees(commonDir)
      for (const [index, block] of list.toString('utf8').split('\0\0').entries()) {
        const lines = block.split('\0').filter(Boolean)
        const path = lines[0]?.replace(/^worktree /, '')
        if (path === undefined || lines.includes('bare')) continue
        // Where the folder is not beside its repository (a submodule, a moved one), git's first line is a guess.
        const main = index === 0
        const here = main ? (gitDir === commonDir ? place.root : path) : path
        const admin = main ? commonDir : linked.get(here)
        if (admin === undefined || (await kindOf(here)) !== 'folder') continue
        const ref = branch === undefined ? undefined : refOf(branch)
        const has = ref === undefined || lines.includes(`branch ${ref}`) || (await rebased(admin)) === ref
        if (has) found.push({ path: here, gitDir: admin })
      }
      return found
    },
  }
}

export const refOf = (branch: string): string => `refs/heads/${branch}`

/** The branch that a stopped rebase of this checkout will move when it goes on. */
export async function rebased(gitDir: string): Promise<string | undefined> {
  for (const name of ['rebase-merge/head-name', 'rebase-apply/head-name']) {
    const branch = await readFile(join(gitDir, name), 'utf8').catch(absent)
    if (branch !== undefined) return branch.trim()
  }
  return undefined
}

/** Path of each linked worktree -> its folder in the repository. */
async function linkedWorktrees(commonDir: string): Promise<Map<string, string>> {
  const folders = new Map<string, string>()
  for (const name of (await readdir(join(commonDir, 'worktrees')).catch(absent)) ?? []) {
    const admin = join(commonDir, 'worktrees', name)
    const pointer = await readFile(join(admin, 'gitdir'), 'utf8').catch(absent)
    if (pointer === undefined) continue
    const at = dirname(pointer.trim())
    folders.set(at.startsWith('/') ? at : join(admin, at), admin)
  }
  return folders
}

/** Goes up from `start` as git does, but a bare repository that lies as files inside a repository is content, not a repository. */
async function discover(start: string, bin: string | undefined): Promise<{ root: string; gitDir: string } | undefined> {
  const first = await realpath(start).catch(absent)
  if (first === undefined) return undefined
  let bare: string | undefined
  for (let at = first; ; at = dirname(at)) {
    const gitDir = join(at, '.git')
    if ((await kindOf(gitDir)) !== undefined && (await isRepository(gitDir, bin))) {
      if (bare === undefined || bare === gitDir) return { root: at, gitDir }
      const head = relative(at, join(bare, 'HEAD'))
      const known = await git({ gitDir, workTree: at, bin }).bytes(['ls-files', '-z', '--', head])
      return known.length > 0 ? { root: at, gitDir } : { root: bare, gitDir: bare }
    }
    if (bare === undefined && (await looksBare(at)) && (await isRepository(at, bin))) bare = at
    if (at === dirname(at)) break
  }
  return bare === undefined ? undefined : { root: bare, gitDir: bare }
}

const isRepository = (gitDir: string, bin: string | undefined): Promise<boolean> =>
  git({ gitDir, workTree: dirname(gitDir), bin }).succeeds(['rev-parse', '--git-dir'])

async function looksBare(path: string): Promise<boolean> {
  const parts = await Promise.all(['HEAD', 'objects', 'refs'].map((name) => kindOf(join(path, name))))
  return parts[0] === 'file' && parts[1] === 'folder' && parts[2] === 'folder'
}
