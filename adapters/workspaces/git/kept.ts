import type { KeptCommits } from '../../../core/ports/workspace.ts'
import type { Git } from '../../git.ts'
import { nameOf, split } from './names.ts'
import { fileDiffs, patchOf } from './patch.ts'
import { oid } from './store.ts'

/** Bytes of a file that `read` gives. */
const largestText = 8 * 1024 * 1024
const kinds: Readonly<Record<string, 'directory' | 'symlink' | 'other'>> = {
  '040000': 'directory',
  '120000': 'symlink',
  '160000': 'other',
}

/** Looks at commits of core's own repository. */
export function keptCommits(store: Git): KeptCommits {
  return {
    async diff(base, commit) {
      const options = ['-r', '-z', '--raw', '--numstat', '--find-renames', '--no-ext-diff', '--no-textconv']
      return fileDiffs(await store.bytes(['diff-tree', ...options, oid(base), oid(commit)]))
    },
    patch: (base, commit, maxBytes) => patchOf(store, ['diff-tree', '-r', oid(base), oid(commit)], maxBytes),
    async read(commit, path) {
      const { exitCode, stdout, truncated } = await store.run(['cat-file', 'blob', `${oid(commit)}:${path}`], {
        limit: largestText,
      })
      return exitCode === 0 && !truncated ? stdout.toString('utf8') : undefined
    },
    tree: (commit) => store.text(['rev-parse', '--verify', `${oid(commit)}^{tree}`]),
    async paths(commit) {
      const entries = split(await store.bytes(['ls-tree', '-r', '-t', '-z', '--full-tree', oid(commit)]))
      return new Map(
        entries.map((entry) => {
          const tab = entry.indexOf(9)
          const mode = entry.toString('latin1', 0, 6)
          return [nameOf(entry.subarray(tab + 1)), kinds[mode] ?? 'file'] as const
        }),
      )
    },
  }
}
