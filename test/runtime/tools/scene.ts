import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { none } from '../../../adapters/sandboxes/none.ts'
import { compileBoundary } from '../../../core/boundary/boundary.ts'
import { defaultCommandLimits } from '../../../core/config.ts'
import type { Worktree } from '../../../core/ports/workspace.ts'
import type { Role } from '../../../core/role/role.ts'
import { type Scene, type Toolbox, toolbox } from '../../../core/runtime/tools/toolbox.ts'

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-C', cwd, '-c', 'core.quotePath=false', ...args], { encoding: 'utf8' })

/** The worktree port over a plain repository: enough for tools, which only look through it. */
export function plainWorktree(path: string): Worktree {
  const unsupported = async () => {
    throw new Error('tools do not call this')
  }
  const list = (...args: string[]) =>
    git(path, 'ls-files', '-z', ...args)
      .split('\0')
      .filter((file) => file !== '')
  return {
    path,
    commit: git(path, 'rev-parse', 'HEAD').trim(),
    async changes() {
      const untracked = list('-o', '--exclude-standard').map((file) => ({
        path: file,
        status: 'added' as const,
        tracked: false,
      }))
      const modified = list('-m').map((file) => ({ path: file, status: 'modified' as const, tracked: true }))
      return [...untracked, ...modified]
    },
    files: async () => [...new Set(list('-c', '-o', '--exclude-standard'))].sort(),
    patch: async () => git(path, 'diff', 'HEAD'),
    log: async (count) => git(path, 'log', `-${count}`, '--oneline', '--reverse'),
    trackedChanges: unsupported,
    discard: unsupported,
    settle: unsupported,
    watch: unsupported,
    restore: unsupported,
    save: unsupported,
  }
}

export interface Place {
  root: string
  outside: string
  worktree: Worktree
}

/** A repository with the usual traps in it, and a folder outside that nothing may reach. */
export function trappedWorktree(): Place {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'codeband-tools-')))
  onTestFinished(() => rmSync(top, { recursive: true, force: true }))
  const root = join(top, 'repo')
  const outside = join(top, 'outside')
  for (const folder of [
    root,
    outside,
    join(top, 'repo-evil'),
    join(top, 'other-task', 'src'),
    join(root, 'src'),
    join(root, 'bare'),
  ]) {
    mkdirSync(folder, { recursive: true })
  }
  const write = (path: string, text: string) => writeFileSync(join(root, path), text)
  writeFileSync(join(outside, 'secret.txt'), 'TOPSECRET\n')
  write('package.json', '{ "name": "x", "version": "1.0.0", "scripts": { "test": "node test.js" } }\n')
  write('README.md', '# Sample\n')
  write('src/a.ts', 'export const add = (a: number, b: number) => a - b\nexport const one = 1\n')
  write('src/caf\u00e9.ts', 'export {}\n')
  write('src/slow.txt', `${'a'.repeat(40)}!\n`)
  mkdirSync(join(root, 'bare', 'objects'))
  write('bare/HEAD', 'ref: refs/heads/main\n')
  git(root, 'init', '-q', '-b', 'main')
  git(root, 'add', '-A')
  git(root, '-c', 'user.name=t', '-c', 'user.email=t@t.invalid', 'commit', '-qm', 'start')
  symlinkSync(outside, join(root, 'out'))
  symlinkSync(join(outside, 'secret.txt'), join(root, 'outfile.txt'))
  symlinkSync('a.ts', join(root, 'src', 'link-inside.ts'))
  symlinkSync('.git', join(root, 'link-git'))
  linkSync(join(outside, 'secret.txt'), join(root, 'hard.txt'))
  execFileSync('mkfifo', [join(root, 'fifo')])
  return { root, outside, worktree: plainWorktree(root) }
}

export const coder = {
  id: 'coder',
  description: 'Writes.',
  produces: 'change',
  tools: [
    'list_files',
    'search_codebase',
    'read_files',
    'write_file',
    'apply_diff',
    'delete_file',
    'git_status',
    'git_diff',
    'git_log',
    { name: 'run_tests', allowedCommands: ['npm test'] },
    { name: 'run_command', allowedCommands: ['npx tsc --noEmit'] },
  ],
  spawnableRoles: ['file-picker'],
} satisfies Role

export const reviewer = {
  id: 'code-reviewer',
  description: 'Reviews.',
  produces: 'verdict',
  tools: [
    'list_files',
    'search_codebase',
    'read_files',
    'git_diff',
    { name: 'run_tests', allowedCommands: ['npm test'] },
  ],
} satisfies Role

export const planner = {
  id: 'planner',
  description: 'Plans.',
  produces: 'plan',
  tools: ['list_files', 'search_codebase', 'read_files'],
} satisfies Role

export interface Told {
  submitted: [kind: string, value: unknown][]
  spawned: [role: string, input: unknown][]
  said: [mention: string, text: string][]
  asked: string[]
}

export interface Bench {
  box: Toolbox
  told: Told
  call(name: string, input: unknown): ReturnType<Toolbox['call']>
}

/** A toolbox for a role in a place, and what it told the world. */
export function openBench(
  role: Role,
  place: Pick<Place, 'root' | 'worktree'> | undefined,
  options: Partial<Scene> & { input?: unknown; additionalTools?: string[] } = {},
): Bench {
  const { input = {}, additionalTools = [], ...scene } = options
  const compiled = compileBoundary(role, { worker: `${role.id}-x-0`, input, additionalTools })
  if ('problems' in compiled) throw new Error(compiled.problems.join('\n'))
  const told: Told = { submitted: [], spawned: [], said: [], asked: [] }
  const taken = async (_recorded: number) => ({ ok: true, output: 'taken' })
  const box = toolbox({
    boundary: compiled.boundary,
    worktree: place?.worktree,
    writable: role.produces === 'change',
    sandbox: none(defaultCommandLimits),
    home: place?.root ?? tmpdir(),
    env: { PATH: process.env.PATH ?? '' },
    store: tmpdir(),
    commandTimeoutMs: 20_000,
    custom: [],
    outputSchema: role.output,
    submit: (kind, value) => taken(told.submitted.push([kind, value])),
    spawn: (spawned, value) => taken(told.spawned.push([spawned, value])),
    ask: (question) => taken(told.asked.push(question)),
    say: (mention, text) => taken(told.said.push([mention, text])),
    changes: async () => undefined,
    ...scene,
  })
  let id = 0
  return {
    box,
    told,
    call: (name, value) => box.call(name, value, { id: String(id++), signal: new AbortController().signal }),
  }
}
