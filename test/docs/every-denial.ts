import { z } from 'zod'
import type { Role } from '../../core/role/role.ts'
import { type BuiltinTool, builtinTools } from '../../core/role/tool.ts'
import { openBench, trappedWorktree } from '../runtime/tools/scene.ts'

const narrow = ['src/**', 'out/**', 'bare/**', 'hard.txt', 'fifo', 'new/**', 'link-git']
const files = new Set(['list_files', 'search_codebase', 'read_files', 'write_file', 'apply_diff', 'delete_file'])

const product: Partial<Record<BuiltinTool, Role['produces']>> = { submit_plan: 'plan', submit_verdict: 'verdict' }
const ownGrant = new Set<string>(['spawn_roles', 'submit_plan', 'submit_verdict', 'set_output'])

/** A role that has a tool and nearly all others, each as narrow as it can be made. */
export const owning = (tool: BuiltinTool): Role => ({
  id: 'everything',
  description: 'Has all that there is.',
  produces: product[tool] ?? 'change',
  output: z.object({ n: z.number() }).refine(({ n }) => {
    if (n === 13) throw new Error('a check that breaks')
    return true
  }),
  spawnableRoles: ['file-picker'],
  tools: builtinTools
    .filter((name) => !ownGrant.has(name))
    .map((name) =>
      name === 'run_tests' || name === 'run_command'
        ? { name, allowedCommands: ['npm test', 'npm run lint'] }
        : name === 'fetch_url'
          ? { name, allowedHosts: ['docs.test'] }
          : files.has(name)
            ? { name, paths: narrow }
            : name,
    ),
})

/** Values where a path belongs; between them every rule on paths. */
const paths = [
  ...[
    '',
    '\0',
    'src/A.ts',
    'src/a.ts',
    'src',
    '../other-task/src/a.ts',
    '/etc/passwd',
    'https://example.test/a',
    'README.md',
  ],
  ...['.git/config', '.agents/coder.ts', 'package.json', 'out/secret.txt', 'outfile.txt', 'link-git/config', 'fifo'],
  ...['hard.txt', 'src/a.ts/b', 'src/CON', 'src/cafe\u0301.ts', 'bare/refs/x', 'src/link-inside.ts', 'new/x'],
]
const commands = ['npm test && id', 'npm publish', 'npm test -- --watch']
const gitWords = [['-c', 'a=b'], ['config', 'a'], [':(top)a'], ['--no-index', 'a'], ['git', 'config', 'a'], ['a']]

/** Keys that no tool takes, and with which models try to get more. */
const extras: Record<string, unknown>[] = [
  { env: { A: 'b' } },
  ...['../elsewhere', 'https://example.test', '.git', ''].map((cwd) => ({ cwd })),
  ...gitWords.map((args) => ({ args })),
  ...['tools', 'depth', 'author', 'other'].map((key) => ({ [key]: 1 })),
]

const plan = { subtasks: [{ id: 'one', title: 'One' }] }
const verdict = { decision: 'approve', risk: 'low', summary: 'Fine.' }

/** Inputs of each tool: the first one is as it should be. */
const inputs: Record<BuiltinTool, readonly object[]> = {
  list_files: ['src', ...paths].map((path) => ({ path })),
  search_codebase: [
    ...['src', ...paths].map((path) => ({ pattern: 'a', path })),
    { pattern: '(a+)+$', path: 'src', regex: true },
  ],
  read_files: ['src/a.ts', ...paths].map((path) => ({ paths: [path] })),
  write_file: ['new/y.ts', ...paths].map((path) => ({ path, content: 'x' })),
  apply_diff: [
    ...['src/a.ts', ...paths].map((path) => ({ path, old: 'one', new: 'two' })),
    ...paths.map((path) => ({ patch: `*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch` })),
    { patch: '--- a/src/a.ts\n+++ b/src/a.ts\nGIT binary patch\n' },
  ],
  delete_file: ['src/slow.txt', ...paths].map((path) => ({ path })),
  run_tests: [...commands.map((command) => ({ command })), ...gitWords.map((words) => ({ argv: ['git', ...words] }))],
  run_command: [...commands.map((command) => ({ command })), ...gitWords.map((words) => ({ argv: ['git', ...words] }))],
  git_status: [{}],
  git_diff: [{}],
  git_log: [{}],
  spawn_roles: ['file-picker', 'coder'].map((role) => ({ role })),
  send_message: [{ to: 'ada', text: 'x' }],
  ask_human: [{ question: 'x' }],
  submit_plan: [plan],
  submit_verdict: [verdict],
  set_output: [{ n: 1 }, { n: 13 }],
  fetch_url: ['https://docs.test/a', 'http://docs.test/a', 'https://other.test/', 'nothing'].map((url) => ({ url })),
}

/** A value that many lists hold. */
function deep(levels: number): unknown {
  return levels === 0 ? 1 : [deep(levels - 1)]
}

const found = new Map<BuiltinTool, Promise<ReadonlySet<string>>>()

/** The codes that a tool of the catalogue answers with, over all these calls. */
export function codesOf(tool: BuiltinTool): Promise<ReadonlySet<string>> {
  const codes = found.get(tool) ?? callAll(tool)
  found.set(tool, codes)
  return codes
}

async function callAll(tool: BuiltinTool): Promise<ReadonlySet<string>> {
  const codes = new Set<string>()
  const role = owning(tool)
  const here = { changes: async () => '' }
  const fetch = async () => new Response('text')
  const tries = [
    ...inputs[tool],
    ...extras.map((extra) => ({ ...inputs[tool][0], ...extra })),
    { ...inputs[tool][0], deep: deep(40) },
  ]
  const place = trappedWorktree()
  const nobody: Role = { id: 'nobody', description: 'Has nothing.' }
  const benches = [
    openBench(role, place, { ...here, fetch }),
    openBench(role, undefined, here),
    openBench(nobody, place),
  ]
  for (const { call } of benches) {
    for (const input of tries) {
      const { denied } = await call(tool, input)
      if (denied) codes.add(denied.code)
    }
  }
  return codes
}
