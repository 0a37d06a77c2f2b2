import { lstat, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import { absent, kindOf, remove, writeWhole } from './files.ts'
import type { Place } from './place.ts'
import type { Queue } from './queue.ts'
import { attributes, type Store } from './store.ts'

/** Keeps the store's refs, settings, hooks and attributes as core wrote them, where no sandbox holds what runs in a worktree. */
export interface Guard {
  /** From now on. What the function names was somebody else's doing, from whichever worktree; by then it is put right. */
  watch(): () => Promise<readonly string[]>
  /** Core itself has moved this ref, or written this file. */
  know(name: string): Promise<void>
}

/** Files that decide what git does with the store. */
const written = ['config', 'HEAD', 'info/attributes', 'shallow']
const neverWritten = [
  'config.worktree',
  'commondir',
  'info/exclude',
  'info/grafts',
  'info/sparse-checkout',
  'objects/info/alternates',
  'objects/info/http-alternates',
]
/** What git itself and core write into the settings of the store. */
const ownSettings =
  /^(core\.(repositoryformatversion|filemode|bare|ignorecase|precomposeunicode|symlinks|hookspath|logallrefupdates)|gc\.auto|maintenance\.auto|extensions\.(objectformat|refstorage))$/

interface Listed {
  refs: Map<string, { id: string; symbolic: boolean }>
  /** Names of files among them that are none. */
  broken: readonly string[]
}

/** What puts each wrong thing right, by its name in the store. */
type Mend = Map<string, () => Promise<unknown>>

const kept = 'refs/codeband/keep/'

export async function openGuard(store: Store, writer: Queue): Promise<Guard> {
  const known = new Map<string, Buffer | undefined>()
  const refs = new Map<string, string>()
  /** Everything found since the guard began; a watch tells what came after it. */
  const found: string[] = []
  const read = (name: string): Promise<Buffer | undefined> => contentOf(join(store.path, name))

  async function know(name: string): Promise<void> {
    if (!name.startsWith('refs/')) known.set(name, await read(name))
    else refs.set(name, await store.git.text(['rev-parse', '--verify', name]))
  }

  // A process that was killed with its turns looked at none of them: what they left is not taken for core's.
  const config = join(store.path, 'config')
  const settings = (await store.git.bytes(['config', '--file', config, '--list', '-z'])).toString('utf8').split('\0')
  const own = settings.filter((line) => ownSettings.test(keyOf(line)))
  if (own.length < settings.filter(Boolean).length) await putBack(config, Buffer.from(own.map(textOf).join('')))
  for (const name of neverWritten) {
    await remove(join(store.path, name))
    known.set(name, undefined)
  }
  await remove(join(store.path, 'hooks'))
  for (const name of written) known.set(name, await read(name))
  known.set('info/attributes', Buffer.from(attributes))
  for (const [name, { id, symbolic }] of (await list()).refs) if (!symbolic && isOwn(name, id)) refs.set(name, id)

  async function list(): Promise<Listed> {
    const call = ['for-each-ref', '--format=%(objectname) %(refname) %(symref)']
    const { exitCode, stdout, stderr } = await store.git.run(call)
    if (exitCode !== 0) throw new CodebandError('CB_GIT', { command: call[0], place: store.path, detail: stderr })
    const lines = stdout.toString('utf8').split('\n').filter(Boolean)
    return {
      refs: new Map(
        lines.map((line) => {
          const [id = '', name = '', symref = ''] = line.split(' ')
          return [name, { id, symbolic: symref !== '' }]
        }),
      ),
      broken: [...stderr.matchAll(/ignoring broken ref (refs\/\S+)$/gm)].map(([, name]) => name!),
    }
  }

  async function strangeFiles(): Promise<Mend> {
    const wrong: Mend = new Map()
    for (const [name, content] of known) {
      if (!same(await read(name), content)) wrong.set(name, () => putBack(join(store.path, name), content))
    }
    if ((await kindOf(join(store.path, 'hooks'))) !== undefined)
      wrong.set('hooks', () => remove(join(store.path, 'hooks')))
    return wrong
  }

  async function strangeRefs(): Promise<Mend> {
    const wrong: Mend = new Map()
    // What core makes meanwhile is told by its name; what it had made is still there.
    const before = new Map(refs)
    const { refs: now, broken } = await list()
    for (const name of broken) wrong.set(name, () => moveBack(name, before.get(name)))
    for (const [name, { id, symbolic }] of now) {
      const right = before.get(name)
      const mine = name.startsWith(kept) ? isOwn(name, id) : right === id
      if (mine && !symbolic) refs.set(name, id)
      else wrong.set(name, () => moveBack(name, right))
    }
    for (const [name, id] of before) if (!now.has(name)) wrong.set(name, () => moveBack(name, id))
    return wrong
  }

  async function moveBack(name: string, id: string | undefined): Promise<void> {
    await rm(join(store.path, `${name}.lock`), { force: true })
    // What is no ref, git does not move.
    if (!name.split('/').includes('..')) await remove(join(store.path, name))
    await store.git.run(['update-ref', '--no-deref', ...(id === undefined ? ['-d', name] : [name, id])])
  }

  /** Files first: with settings of somebody else git may not even list the refs. */
  async function settle(): Promise<void> {
    for (const strange of [strangeFiles, strangeRefs]) {
      if ((await strange()).size === 0) continue
      // Core may have been in the middle of something of its own; in its queue it is not.
      await writer(async () => {
        for (const [name, mend] of await strange()) {
          found.push(`repo.git/${name}`)
          await mend()
        }
      })
    }
  }

  for (const mend of (await strangeRefs()).values()) await mend()
  await know('packed-refs')

  return {
    know,
    watch() {
      const from = found.length
      return async () => {
        await settle()
        return [...new Set(found.slice(from))]
      }
    },
  }
}

/** Of a setting as git lists it: `core.bare`, a line feed, `true`. */
const keyOf = (line: string): string => line.split('\n')[0]!

function textOf(line: string): string {
  const [section, name] = keyOf(line).split('.')
  return `[${section}]\n\t${name} = ${line.slice(keyOf(line).length + 1)}\n`
}

/** Whether the name of a ref that core made tells its value, or it is the last tip of a branch. */
const isOwn = (name: string, id: string): boolean =>
  name.startsWith(kept) ? name === `${kept}${id}` : name.startsWith('refs/codeband/tips/')

/** The same for what the store holds of one worktree. */
export async function watchPlace(place: Place): Promise<() => Promise<readonly string[]>> {
  const before = await stampOf(place.index)
  return async () => {
    const { admin, path, commit } = place
    const right: Record<string, string | undefined> = {
      HEAD: `${commit}\n`,
      commondir: '../..\n',
      gitdir: `${path}/.git\n`,
      'config.worktree': undefined,
      'info/sparse-checkout': undefined,
    }
    const wrong: string[] = []
    for (const [name, content] of Object.entries(right)) {
      const wanted = content === undefined ? undefined : Buffer.from(content)
      if (same(await contentOf(join(admin, name)), wanted)) continue
      wrong.push(name)
      await putBack(join(admin, name), wanted)
    }
    // A harmless `git status` of a command writes the index, too. Whatever is in it, it says again what the commit holds.
    if ((await stampOf(place.index)) !== before) {
      await remove(place.index)
      await rm(`${place.index}.lock`, { force: true })
      await place.git.bytes(['read-tree', commit])
    }
    return wrong.map((name) => `repo.git/worktrees/${basename(admin)}/${name}`)
  }
}

async function putBack(path: string, content: Buffer | undefined): Promise<void> {
  await remove(path)
  if (content !== undefined) await writeWhole(path, content)
}

async function stampOf(path: string): Promise<string> {
  const found = await lstat(path, { bigint: true }).catch(absent)
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
}

/** Bytes: more than a list of a million commits has. */
const largest = 64 * 1024 * 1024

/** What is in a file; for what is no file, or far too large for one of core's, something that none of core's holds; undefined for nothing. */
async function contentOf(path: string): Promise<Buffer | undefined> {
  const kind = await kindOf(path)
  if (kind !== 'file') return kind && Buffer.from(`\0 a ${kind}`)
  const { size } = await lstat(path)
  return size <= largest ? readFile(path) : Buffer.from('\0 too large')
}

const same = (a: Buffer | undefined, b: Buffer | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.equals(b)
