import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ScriptFunction } from '../../adapters/frameworks/scripted.ts'
import type { Role } from '../../adapters/index.ts'
import { coder as shipped } from '../../adapters/roles.ts'
import { verdict, write } from '../scene/band.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { commands, everyday, files } from './everyday/calls.ts'
import { answersOf, obedient } from './obedient.ts'

test(`${everyday.length} calls of a working day are all allowed, in one turn`, { timeout: 180_000 }, async () => {
  expect(everyday.length).toBeGreaterThanOrEqual(200)
  const at = place()
  const home = join(at, 'home')
  const repo = repositoryOf(join(at, 'repo'), files)
  symlinkSync('src/base.ts', join(repo, 'inside.ts'))
  symlinkSync('src', join(repo, 'linked'))
  personsGit(repo, 'add', '-A')
  personsGit(repo, 'commit', '-qm', 'links')
  const coder: Role = {
    id: 'coder',
    description: 'Works.',
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
      'send_message',
      'run_tests',
      { name: 'run_command', allowedCommands: commands.map((argv) => [...argv]) as never },
    ],
    spawnableRoles: ['file-picker'],
  }
  const script: ScriptFunction = async function* ({ role, worker }) {
    if (role !== 'coder') {
      yield { call: 'set_output', input: { output: [] } }
      return
    }
    const root = join(home, 'worktrees', worker)
    for (const { call, input } of everyday)
      yield { call, input: JSON.parse(JSON.stringify(input).replaceAll('{ROOT}', root)) as object }
  }
  const played = await obedient({
    repo,
    home,
    script,
    roles: [coder],
    checks: [['sh', 'check.sh']],
    *steps({ band }) {
      yield* band.spawn('coder' as never, {} as never)
    },
  })
  const result = await played.run().finally(() => played.band.close())
  const answers = answersOf(played.events, 'coder')
  expect(
    answers
      .filter(({ violations }) => violations.length > 0)
      .map(({ tool, input, output }) => [tool, JSON.stringify(input).slice(0, 200), output]),
  ).toEqual([])
  expect(
    answers
      .filter(({ ok }) => !ok)
      .map(({ tool, input, output }) => [tool, JSON.stringify(input).slice(0, 200), output]),
  ).toEqual([])
  expect(answers).toHaveLength(everyday.length)
  expect(result).toMatchObject({ outcome: 'success' })
})

/** A task whose turn leaves more behind than its change: what a command of every day makes. */
interface Task {
  title: string
  /** What the granted command does in the worktree. */
  work: string
  files?: Readonly<Record<string, string>>
  writes?: string[]
  /** Paths that landed, beside `a.txt`. */
  lands?: string[]
}

const tasks: readonly Task[] = [
  {
    title: 'coverage and caches that nobody ignores',
    work: 'mkdir -p coverage/lcov .pytest_cache/v .nyc_output src/__pycache__ && for f in coverage/lcov/i.html .pytest_cache/v/x .nyc_output/1.json src/__pycache__/a.pyc .coverage junit.xml; do echo x > $f; done',
    lands: [],
  },
  {
    title: 'build output that is ignored',
    work: 'mkdir -p dist node_modules/.cache && echo x > dist/a.js && echo x > node_modules/.cache/x && echo x > tsconfig.tsbuildinfo',
    files: { '.gitignore': 'dist\nnode_modules\n*.tsbuildinfo\n' },
    lands: [],
  },
  {
    title: 'snapshots that the tests rewrite',
    work: 'mkdir -p src/__snapshots__ && echo new > src/__snapshots__/a.snap',
    files: { 'src/__snapshots__/a.snap': 'old\n' },
    writes: ['a.txt', 'src/**'],
    lands: ['src/__snapshots__/a.snap'],
  },
  {
    title: 'generated files',
    work: 'mkdir -p src/gen && for n in 1 2 3; do echo "// $n" > src/gen/$n.ts; done',
    writes: ['a.txt', 'src/gen/**'],
    lands: ['src/gen/1.ts', 'src/gen/2.ts', 'src/gen/3.ts'],
  },
  {
    title: 'a new dependency with its lock file',
    work: `echo '{ "name": "x", "dependencies": { "y": "1.0.0" } }' > package.json && echo '{ "lockfileVersion": 3, "packages": { "node_modules/y": { "version": "1.0.0" } } }' > package-lock.json && mkdir -p node_modules/y && echo x > node_modules/y/index.js`,
    files: {
      'package.json': '{ "name": "x" }\n',
      'package-lock.json': '{ "lockfileVersion": 3, "packages": {} }\n',
      '.gitignore': 'node_modules\n',
    },
    writes: ['a.txt', 'package.json', 'package-lock.json'],
    lands: ['package-lock.json', 'package.json'],
  },
  {
    title: 'moved files',
    work: 'mkdir -p lib && mv src/one.ts lib/one.ts && rmdir src',
    files: { 'src/one.ts': 'export const one = 1\n' },
    writes: ['a.txt', 'src/**', 'lib/**'],
    lands: ['lib/one.ts', 'src/one.ts'],
  },
  {
    title: 'a formatter over the whole tree',
    work: 'for f in $(find . -name "*.ts" -not -path "./.git*"); do sed "s/  */ /g" "$f" > "$f.tmp" && cat "$f.tmp" > "$f" && rm "$f.tmp"; done',
    files: { 'src/one.ts': 'a   b\n', 'src/two.ts': 'c    d\n', 'x.ts': 'same\n' },
    writes: ['a.txt', '**/*.ts'],
    lands: ['src/one.ts', 'src/two.ts'],
  },
  {
    title: 'an executable bit',
    work: 'chmod +x run.sh',
    files: { 'run.sh': '#!/bin/sh\n' },
    writes: ['a.txt', 'run.sh'],
    lands: ['run.sh'],
  },
  {
    title: 'a binary asset',
    work: "mkdir -p assets && printf '\\211PNG\\000\\377' > assets/logo.png",
    writes: ['a.txt', 'assets/**'],
    lands: ['assets/logo.png'],
  },
  {
    title: 'a repository that a test made and left, and a link inside that was there before',
    work: 'mkdir tmp && git init -q tmp/repo && echo x > tmp/repo/x && cat linked/one.ts',
    files: { 'src/one.ts': 'x\n' },
    lands: [],
  },
]

describe('what everyday work leaves behind', { timeout: 60_000 }, () => {
  test.each(tasks.map((task) => [task.title, task] as const))(
    '%s: the turn stands and the change lands',
    async (_, task) => {
      const at = place()
      const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'check.sh': 'true\n', ...task.files })
      symlinkSync('src', join(repo, 'linked'))
      personsGit(repo, 'add', '-A')
      personsGit(repo, 'commit', '-qm', 'link')
      const base = personsGit(repo, 'rev-parse', 'main')
      const argv = ['sh', '-c', task.work] as [string, ...string[]]
      const writes = task.writes ?? ['a.txt']
      const coder: Role = {
        ...shipped,
        tools: [...(shipped.tools ?? []), { name: 'run_command', allowedCommands: [argv] }],
      }
      const played = await obedient({
        repo,
        home: join(at, 'home'),
        script: [
          {
            role: 'coder',
            steps: [write('a.txt', 'b\n'), { call: 'run_command', input: { argv }, expect: 'ok' }] as never,
          },
          { role: 'code-reviewer', steps: [verdict('approve')] as never },
        ],
        roles: [coder],
        checks: [['sh', 'check.sh']],
        merge: { autoMerge: 'critical' },
        *steps({ band }) {
          yield* band.reviewed(
            'coder' as never,
            { subtask: { id: 's', title: 'S', description: '', files: writes, dependsOn: [] }, files: [] } as never,
          )
          yield* band.spawn('mergemaster', {})
        },
      })
      const result = await played.run().finally(() => played.band.close())
      expect(played.of('TurnEnded').map(({ outcome, failure }) => failure?.detail ?? outcome)).toEqual(['done', 'done'])
      expect(played.of('ViolationRecorded')).toEqual([])
      expect(result).toMatchObject({ outcome: 'success' })
      expect(personsGit(repo, 'diff', '--name-only', '--no-renames', base, 'main').split('\n')).toEqual([
        'a.txt',
        ...(task.lands ?? []),
      ])
    },
  )
})
