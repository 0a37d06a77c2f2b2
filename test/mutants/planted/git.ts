// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of source
import type { Mutant } from '../mutant.ts'

const suites = (...names: string[]): string[] => names.map((name) => `test/adapters/workspaces/${name}.test.ts`)

export const git: readonly Mutant[] = [
  {
    name: 'the branch moves wherever it is',
    file: 'adapters/workspaces/git/landing.ts',
    find: "['update-ref', '-m', 'codeband: land', refOf(branch), to, from]",
    replace: "['update-ref', '-m', 'codeband: land', refOf(branch), to]",
    killers: suites('git/landing', 'git'),
  },
  {
    name: 'a dirty checkout is overwritten',
    file: 'adapters/workspaces/git/forward.ts',
    find: 'if (changed.size > 0) return { ...nothing, dirty: [...changed].sort() }',
    replace: '',
    killers: suites('git/landing'),
  },
  {
    name: 'files of the person that git does not know are overwritten',
    file: 'adapters/workspaces/git/forward.ts',
    find: 'if (inTheWay.length > 0) return { ...nothing, dirty: inTheWay }',
    replace: '',
    killers: suites('git/in-the-way'),
  },
  {
    name: 'the second change of a batch is merged without the first',
    file: 'adapters/workspaces/git/merge.ts',
    find: "['merge-tree', ...options, commit, oid(item.commit)]",
    replace: "['merge-tree', ...options, oid(base), oid(item.commit)]",
    killers: suites('git'),
  },
  {
    name: 'hooks of the repository run',
    file: 'adapters/git.ts',
    find: "  'core.hooksPath': '/dev/null',\n",
    replace: '',
    killers: suites('git/hostile'),
  },
  {
    name: 'a tree chooses how its files are written',
    file: 'adapters/workspaces/git/store.ts',
    find: "'* !filter !diff !merge -text -ident !working-tree-encoding\\n'",
    replace: "'\\n'",
    killers: suites('git'),
  },
  {
    name: 'a ref or an option passes for a commit',
    file: 'adapters/workspaces/git/store.ts',
    find: 'if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) {',
    replace: "if (text === '') {",
    killers: suites('git/in-the-way'),
  },
]
