import { CodebandError } from '../../../core/errors.ts'
import type { MergeConflict, MergeItem } from '../../../core/ports/workspace.ts'
import { nameOf, split } from './names.ts'
import { oid, type Store } from './store.ts'

/** Merges in memory, one merge commit for each item. The bare repository has no files, so no attribute of a tree chooses how. */
export async function merge(
  store: Store,
  base: string,
  items: readonly MergeItem[],
): Promise<{ commit: string; tree: string } | { conflict: MergeConflict }> {
  let commit = oid(base)
  let tree = await store.treeOf(base)
  for (const [index, item] of items.entries()) {
    const options = ['--write-tree', '-z', '--name-only', '--messages']
    const { exitCode, stdout, stderr } = await store.git.run(['merge-tree', ...options, commit, oid(item.commit)])
    const [first, ...rest] = split(stdout)
    if (exitCode === 1) return { conflict: { index, ...conflictOf(rest) } }
    if (exitCode !== 0 || first === undefined) {
      throw new CodebandError('CB_GIT', { command: 'merge-tree', place: store.path, detail: stderr })
    }
    tree = first.toString('latin1')
    commit = await store.commit(tree, [commit, item.commit], { message: item.message, at: item.at })
  }
  return { commit, tree }
}

/** Names, an empty part, then messages: a count, that many names, the kind, the sentence. */
function conflictOf(parts: readonly Buffer[]): Pick<MergeConflict, 'files' | 'detail'> {
  const end = parts.findIndex((part) => part.length === 0)
  const files = [...new Set(parts.slice(0, end < 0 ? parts.length : end).map(nameOf))].sort()
  const sentences: string[] = []
  for (let at = end + 1; end >= 0 && at < parts.length; ) {
    const kind = at + Number(parts[at]!.toString('latin1')) + 1
    const sentence = parts[kind + 1]?.toString('utf8').trim()
    if (sentence?.startsWith('CONFLICT')) sentences.push(sentence)
    at = kind + 2
  }
  return { files, detail: sentences.join('\n') }
}
