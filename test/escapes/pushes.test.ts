import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ScriptFunction } from '../../adapters/frameworks/scripted.ts'
import type { Config } from '../../adapters/index.ts'
import { coder as shipped } from '../../adapters/roles.ts'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import { verdict, write } from '../scene/band.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { answersOf, obedient } from './obedient.ts'

type Argv = [string, ...string[]]

const files = { 'a.txt': 'a\n', 'check.sh': 'true\n' }
const subtask = { id: 's', title: 'S', description: '', files: ['a.txt'], dependsOn: [] }

/** What core's repository holds, one line a file; the folders of the worktrees apart, whose index core writes all the time. */
function picture(store: string): string[] {
  return readdirSync(store, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && !join(one.parentPath, one.name).startsWith(join(store, 'worktrees/')))
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
    .sort()
}

const refsOf = (store: string): string[] =>
  personsGit(store, 'for-each-ref', '--format=%(objectname) %(refname)').split('\n')

async function done(
  sandbox: Config['sandbox'],
  granted: readonly Argv[],
  script: (at: { store: string }) => ScriptFunction,
) {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), files)
  const played = await obedient({
    repo,
    home: join(at, 'home'),
    script: script({ store: join(at, 'home/repo.git') }),
    roles: [{ ...shipped, tools: [...(shipped.tools ?? []), { name: 'run_command', allowedCommands: granted }] }],
    checks: [['sh', 'check.sh']],
    merge: { autoMerge: 'critical' },
    sandbox,
    limits: { retries: 9 },
    replays: true,
    *steps({ band }) {
      yield* band.reviewed('coder' as never, { subtask, files: [] } as never)
      yield* band.spawn('mergemaster', {})
    },
  })
  const result = await played.run().finally(() => played.band.close())
  return { ...played, repo, result }
}

describe('with the gate on', { timeout: 60_000 }, () => {
  test('a push into the refs of core or of another worker is refused, with one violation each (PR-011, PR-012)', async () => {
    const pushes = (store: string): Argv[] => [
      ['git', 'push', store, 'HEAD:refs/heads/main'],
      ['git', 'push', '--force', store, 'HEAD:refs/heads/cb/t2/other-worker'],
      ['git', 'push', 'origin', '+HEAD:refs/codeband/keep/0'],
      ['git', 'update-ref', 'refs/heads/main', 'HEAD'],
      ['git', 'send-pack', store, 'HEAD:refs/heads/main'],
    ]
    let before: unknown
    let after: unknown
    const { events, of, store, result } = await done(
      'if-available',
      [['npm', 'test']],
      ({ store }) =>
        async function* ({ role }) {
          if (role === 'code-reviewer') return void (yield verdict('approve') as never)
          before = [picture(store), refsOf(store)]
          for (const argv of pushes(store)) yield { call: 'run_command', input: { argv }, expect: 'error' }
          after = [picture(store), refsOf(store)]
          yield write('a.txt', 'changed\n') as never
        },
    )
    const answers = answersOf(events, 'coder').filter(({ tool }) => tool === 'run_command')
    expect(answers.map(({ violations }) => violations.map(({ code }) => code))).toEqual(
      answers.map(() => ['subcommand']),
    )
    expect(answers).toHaveLength(pushes(store).length)
    expect(after).toEqual(before)
    expect(of('ViolationRecorded')).toHaveLength(answers.length)
    expect(result).toMatchObject({ outcome: 'success' })
  })
})

const git = 'git -c user.name=e -c user.email=e@localhost'
const finding = 'S="$(git rev-parse --path-format=absolute --git-common-dir)"'

interface Deed {
  id: string
  title: string
  /** `$S` is core's repository. */
  does: string
  /** What the audit names where no wall stops it. */
  named: string
}

const deeds: readonly Deed[] = [
  {
    id: 'PR-011',
    title: 'a push to main',
    does: 'git push -q "$S" HEAD:refs/heads/main',
    named: "'repo.git/refs/heads/main'",
  },
  {
    id: 'PR-011',
    title: 'a branch written as a file',
    does: 'git rev-parse HEAD > "$S/refs/heads/main"',
    named: "'repo.git/refs/heads/main'",
  },
  {
    id: 'PR-012',
    title: 'a forced push over a ref that core made',
    does: `C=$(${git} commit-tree HEAD^{tree} -p HEAD -m mine) && git push -qf "$S" "$C:$(git for-each-ref --format="%(refname)" refs/codeband | head -n1)"`,
    named: "'repo.git/refs/codeband/",
  },
  {
    id: 'PR-012',
    title: 'a branch of another worker',
    does: 'git push -qf "$S" HEAD:refs/heads/cb/t2/other-worker',
    named: "'repo.git/refs/heads/cb/t2/other-worker'",
  },
  {
    id: 'PR-012',
    title: 'a line among the packed refs',
    does: 'echo "$(git rev-parse HEAD) refs/heads/main" >> "$S/packed-refs"',
    named: "'repo.git/packed-refs'",
  },
]
const commands = deeds.map(({ does }): Argv => ['sh', '-c', `${finding}; ${does}`])

describe.runIf('works' in (await findSandbox()))('with the sandbox alone', { timeout: 60_000 }, () => {
  test('no push and no write reaches refs, objects or settings of core (PR-011, PR-012)', async () => {
    let before: unknown
    let after: unknown
    const { events, of, result } = await done(
      'required',
      commands,
      ({ store }) =>
        async function* ({ role }) {
          if (role === 'code-reviewer') return void (yield verdict('approve') as never)
          before = [picture(store), refsOf(store)]
          for (const argv of commands) yield { call: 'run_command', input: { argv }, expect: 'error' }
          after = [picture(store), refsOf(store)]
          yield write('a.txt', 'changed\n') as never
        },
    )
    expect(after).toEqual(before)
    const answers = answersOf(events, 'coder').filter(({ tool }) => tool === 'run_command')
    expect(answers.map(({ output }) => output)).toEqual(
      deeds.map(() => expect.stringMatching(/Read-only file system|unable to|cannot/i)),
    )
    expect(of('ViolationRecorded')).toEqual([])
    expect(result).toMatchObject({ outcome: 'success' })
  })
})

describe('with neither', { timeout: 60_000 }, () => {
  test('each push and write voids its turn with one violation, and core puts the ref right (PR-011, PR-012)', async () => {
    let tries = 0
    const refs: string[][] = []
    const { of, store, repo, result } = await done(
      'off',
      commands,
      ({ store }) =>
        async function* ({ role }) {
          if (role === 'code-reviewer') return void (yield verdict('approve') as never)
          refs.push(refsOf(store))
          yield write('a.txt', 'changed\n') as never
          const argv = commands[tries++]
          if (argv) yield { call: 'run_command', input: { argv }, expect: 'ok' }
        },
    )
    expect(of('ViolationRecorded')).toMatchObject(
      deeds.map(({ named }) => ({
        tool: 'audit',
        code: 'protected-path',
        worker: 'coder-x-0',
        reason: expect.stringContaining(`it changed ${named}`),
      })),
    )
    expect(of('TurnEnded').map(({ outcome }) => outcome)).toEqual([...deeds.map(() => 'void'), 'done', 'done'])
    expect(refs).toHaveLength(deeds.length + 1)
    expect(new Set(refs.map((lines) => lines.join('\n'))).size).toBe(1)
    for (const line of refsOf(store)) expect(line).toMatch(/^([0-9a-f]{40}) refs\/codeband\/(keep\/\1|tips\/.*)$/)
    expect(result).toMatchObject({ outcome: 'success' })
    expect(personsGit(repo, 'log', '--format=%an', 'main')).not.toContain('mine')
  })
})
