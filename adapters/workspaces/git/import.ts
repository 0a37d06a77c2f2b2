import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { absent, writeWhole } from './files.ts'
import type { Person } from './person.ts'
import { oid, type Store, transfer } from './store.ts'

/** Brings a commit of the person, with all it needs, into the store. */
export async function bringIn(
  store: Store,
  person: Person,
  branch: string,
  commit: string,
  home: string,
): Promise<void> {
  if (!(await store.has(commit))) {
    await takeOverShallow(store, person)
    const known = await store.git.text(['for-each-ref', '--format=%(objectname)', 'refs/codeband/tips/'])
    await transfer(store, {
      from: person.objects,
      to: join(store.path, 'objects'),
      commit,
      has: known.split('\n').filter(Boolean),
      scratch: join(home, 'tmp'),
    })
  }
  await rememberTip(store, branch, commit)
}

/** What the next import of the branch need not bring again. Named by a hash: a branch's own name may be too long or a folder's. */
export async function rememberTip(store: Store, branch: string, commit: string): Promise<void> {
  await store.git.bytes(['update-ref', tipRef(branch), commit])
}

export const tipRef = (branch: string): string =>
  `refs/codeband/tips/${createHash('sha256').update(branch).digest('hex').slice(0, 32)}`

/** Going down from `commit` by first parents, the first commit that a branch of the person has. Core builds what waits to land over it with
 *  that as first parent; what it merged in by second parents, nobody has landed. Of a history that no branch has any more: its beginning. */
export async function landedBelow(store: Store, commit: string): Promise<string> {
  const known = await store.git.text(['for-each-ref', '--format=%(objectname)', 'refs/codeband/tips/'])
  const tips = known.split('\n').filter(Boolean)
  const above = (await store.git.text(['rev-list', '--first-parent', oid(commit), '--not', ...tips])).split('\n')
  const lowest = above.filter(Boolean).at(-1)
  if (lowest === undefined) return commit
  const { exitCode, stdout } = await store.git.run(['rev-parse', '--quiet', '--verify', `${oid(lowest)}^`])
  return exitCode === 0 ? stdout.toString('utf8').trim() : lowest
}

/** Where the person's history is cut off, ours is. First, so that no commit is ever seen without its parents; never where the store
 *  has more. */
async function takeOverShallow(store: Store, person: Person): Promise<void> {
  const theirs = lines(await readFile(person.shallow, 'utf8').catch(absent))
  if (theirs.length === 0) return
  const path = join(store.path, 'shallow')
  const ours = lines(await readFile(path, 'utf8').catch(absent))
  const fresh: string[] = []
  for (const commit of theirs) if (!ours.includes(commit) && !(await store.has(commit))) fresh.push(commit)
  if (fresh.length > 0) await writeWhole(path, `${[...ours, ...fresh].join('\n')}\n`, { durable: true })
}

const lines = (text = ''): string[] => text.split('\n').filter(Boolean)
