import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ScriptFunction } from '../../adapters/frameworks/scripted.ts'
import type { Config, Role } from '../../adapters/index.ts'
import { codeReviewer, coder as shipped } from '../../adapters/roles.ts'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import { verdict, write } from '../scene/band.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { obedient } from './obedient.ts'

const files = { 'a.txt': 'a\n', 'check.sh': 'true\n', 'setup.sh': 'echo ready > ready\n', '.gitignore': 'ready\n' }
const subtask = { id: 's', title: 'S', description: '', files: ['a.txt', 'pile/**'], dependsOn: [] }
const limits = { changeFiles: 30, changeMb: 1 }
const modes = ['works' in (await findSandbox()) ? ('required' as const) : undefined, 'off' as const].filter(
  (mode) => mode !== undefined,
)

interface Pile {
  title: string
  /** What a granted command does; all of it at names that the role may write. */
  does: string
  reason: string
}

const piles: readonly Pile[] = [
  {
    title: 'many tiny files',
    does: 'mkdir pile && cd pile && for n in $(seq 31); do echo of-the-pile > f$n; done',
    reason: 'it left more than 30 new, changed and deleted files (limits.changeFiles), and all of it was thrown away',
  },
  {
    title: 'one file with holes',
    does: 'mkdir pile && echo of-the-pile > pile/f && truncate -s 2G pile/holes',
    reason: 'it left more than 1 MiB in new and changed files (limits.changeMb), and all of it was thrown away',
  },
  {
    title: 'a deep tree of folders',
    does: `mkdir pile && echo of-the-pile > pile/f && cd pile && for n in $(seq 30); do mkdir ${'d'.repeat(200)} && cd ./${'d'.repeat(200)}; done`,
    reason: 'it left folders that lie deeper than a path can name, and all of it was thrown away',
  },
]

async function done(
  sandbox: Config['sandbox'],
  commands: readonly [string, ...string[]][],
  script: (argv: [string, ...string[]]) => ScriptFunction,
  { coder: more = {}, ...config }: Partial<Config> & { coder?: Partial<Role> } = {},
) {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), files)
  const granted = { name: 'run_command' as const, allowedCommands: [...commands, ['cat', 'ready']] }
  const played = await obedient({
    repo,
    home: join(at, 'home'),
    script: script(commands[0]!),
    roles: [
      { ...shipped, tools: [...(shipped.tools ?? []), granted], ...more },
      { ...codeReviewer, tools: [...(codeReviewer.tools ?? []), granted] },
    ],
    checks: [['sh', 'check.sh']],
    merge: { autoMerge: 'critical' },
    sandbox,
    limits,
    replays: true,
    ...config,
    *steps({ band }) {
      yield* band.reviewed('coder' as never, { subtask, files: [] } as never)
      yield* band.spawn('mergemaster', {})
    },
  })
  const result = await played.run().finally(() => played.band.close())
  return { ...played, repo, result, home: join(at, 'home') }
}

/** Whether core's repository holds that content. */
function holds(store: string, text: string): boolean {
  const id = execFileSync('git', ['hash-object', '--stdin'], { input: text, encoding: 'utf8' }).trim()
  return spawnSync('git', ['--git-dir', store, 'cat-file', '-e', id]).status === 0
}

describe.each(modes)("a turn's command piles up, sandbox '%s'", { timeout: 60_000 }, (mode) => {
  test('void, one violation, nothing of it in the store, and the next turn lands (GR-022)', async () => {
    const granted = piles.map(({ does }): [string, ...string[]] => ['bash', '-c', does])
    let tries = 0
    const { of, repo, result, store, home } = await done(
      mode,
      granted,
      () =>
        async function* ({ role }) {
          if (role === 'code-reviewer') yield verdict('approve') as never
          else {
            yield write('a.txt', 'changed\n') as never
            // What setup made is there in every try.
            yield { call: 'run_command', input: { argv: ['cat', 'ready'] }, expect: 'ok' }
            const argv = granted[tries++]
            if (argv) yield { call: 'run_command', input: { argv }, expect: 'ok' }
          }
        },
      { setup: [['sh', 'setup.sh']] },
    )
    const told = piles.map(({ reason }) => ({ tool: 'audit', code: 'payload', worker: 'coder-x-0', reason }))
    expect(of('ViolationRecorded')).toMatchObject(told)
    expect(of('TurnEnded').map(({ outcome }) => outcome)).toEqual([...piles.map(() => 'void'), 'done', 'done'])
    expect(of('TurnStarted')[1]?.prompt).toContain(`Your last turn was void: ${piles[0]!.reason}.`)
    expect(result).toMatchObject({ outcome: 'success' })
    expect(personsGit(repo, 'diff', '--name-only', 'main~1', 'main')).toBe('a.txt')
    expect(holds(store, 'changed\n')).toBe(true)
    expect(holds(store, 'of-the-pile\n')).toBe(false)
    expect(readdirSync(join(home, 'tmp'))).toEqual([])
  })

  test('a reviewer\u2019s pile is in a copy that is gone when the command is', async () => {
    const { of, result, worktree, home } = await done(
      mode,
      [['bash', '-c', 'for n in $(seq 300); do echo x > f$n; done; ls | wc -l']],
      (argv) =>
        async function* ({ role }) {
          if (role === 'code-reviewer') {
            yield { call: 'run_command', input: { argv }, expect: 'ok' }
            yield verdict('approve') as never
          } else yield write('a.txt', 'changed\n') as never
        },
    )
    expect(of('ToolReturned').find(({ tool }) => tool === 'run_command')?.output).toMatch(/^30[34]$/m)
    expect(of('ViolationRecorded')).toEqual([])
    expect(result).toMatchObject({ outcome: 'success' })
    expect(existsSync(join(worktree('code-reviewer-y-0'), 'f1'))).toBe(false)
    expect(readdirSync(join(home, 'agents/code-reviewer-y-0'))).toEqual(['commands'])
  })
})

describe('a worktree with a pile in it', { timeout: 60_000 }, () => {
  test('a call of a program that piles up is void, and nothing of it is committed', async () => {
    const { title: _, does, reason } = piles[0]!
    const { of, result, worktree } = await done('off', [['bash', '-c', does]], () => async function* () {}, {
      coder: {
        *steps({ band }) {
          yield* band.tool('run_command', { argv: ['bash', '-c', does] })
        },
      },
    })
    expect(result).toMatchObject({ outcome: 'refused', reason: expect.stringContaining(`was void: ${reason}`) })
    expect(of('ViolationRecorded')).toMatchObject([{ tool: 'audit', code: 'payload', role: 'coder' }])
    expect(of('ChangeSubmitted')).toEqual([])
    expect(existsSync(join(worktree('coder-x-0'), 'pile'))).toBe(false)
  })

  test('while a pile lies there no command runs, and the model hears why', async () => {
    let again = ''
    await done(
      'off',
      [['bash', '-c', piles[0]!.does]],
      (argv) =>
        async function* ({ role }) {
          if (role === 'code-reviewer') yield verdict('approve') as never
          else if (again !== '') yield write('a.txt', 'changed\n') as never
          else {
            yield { call: 'run_command', input: { argv }, expect: 'ok' }
            again =
              (yield { call: 'run_command', input: { argv: ['cat', 'ready'] }, expect: 'error' })?.output ?? 'none'
          }
        },
    )
    expect(again).toMatch(/run_command failed: The worktree '.*' holds more than 30 new, changed and deleted files/)
  })

  test('a change that is too long to be searched waits for a person, though it is less than a change may hold', async () => {
    const { of, result } = await done(
      'off',
      [['bash', '-c', `yes ${'x'.repeat(99)} | head -c 9000000 > a.txt`]],
      (argv) =>
        async function* ({ role }) {
          if (role === 'code-reviewer') yield verdict('approve') as never
          else yield { call: 'run_command', input: { argv }, expect: 'ok' }
        },
      { limits: { changeMb: 16 }, merge: { autoMerge: 'high' } },
    )
    expect(of('RiskAssessed')).toMatchObject([
      { risk: 'critical', reasons: expect.arrayContaining(['the change: too long to be searched to its end']) },
    ])
    expect(result).toMatchObject({ outcome: 'parked', landed: [] })
  })
})
