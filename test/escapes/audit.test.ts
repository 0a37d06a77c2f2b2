import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ScriptFunction } from '../../adapters/frameworks/scripted.ts'
import type { Role } from '../../adapters/index.ts'
import { coder as shipped } from '../../adapters/roles.ts'
import { verdict, write } from '../scene/band.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { obedient } from './obedient.ts'

const files = {
  'a.txt': 'a\n',
  'src/b.txt': 'b\n',
  'check.sh': 'true\n',
  'package.json': '{ "name": "x" }\n',
}
const store = '"$(git rev-parse --path-format=absolute --git-common-dir)"'
const git = 'git -c user.name=e -c user.email=e@localhost'

interface Deed {
  title: string
  /** What the granted command does in the worktree, in a process that nothing holds. */
  does: string
  /** What the violation names. */
  named: string
}

const deeds: readonly Deed[] = [
  { title: 'a tracked file that is not of the subtask', does: 'echo evil > src/b.txt', named: "'src/b.txt'" },
  {
    title: 'a new protected file in a folder',
    does: 'mkdir -p lib/.claude && echo x > lib/.claude/settings.json',
    named: "'lib/.claude/settings.json'",
  },
  {
    title: 'a setting of core\u2019s repository',
    does: `git --git-dir ${store} config core.fsmonitor 'touch /tmp/never'`,
    named: "'repo.git/config'",
  },
  {
    title: 'a hook of core\u2019s repository',
    does: `mkdir ${store}/hooks && echo x > ${store}/hooks/post-commit`,
    named: "'repo.git/hooks'",
  },
  {
    title: 'the attributes of core\u2019s repository',
    does: `echo '* filter=x' > ${store}/info/attributes`,
    named: "'repo.git/info/attributes'",
  },
  { title: 'a branch of core\u2019s repository', does: 'git branch evil', named: "'repo.git/refs/heads/evil'" },
  {
    title: 'a manifest that is a link to a pipe, on which a reader would wait for ever',
    does: 'mkfifo pipe && ln -sf "$PWD/pipe" package.json',
    named: "the 'codeband' key of 'package.json'",
  },
  {
    title: 'a commit of its own, with a file hidden in it',
    does: `echo evil > src/b.txt && ${git} commit -qam mine && git update-index --skip-worktree src/b.txt`,
    named: "'repo.git/worktrees/coder-x-0/HEAD', 'src/b.txt'",
  },
]

const subtask = { id: 's', title: 'S', description: '', files: ['a.txt', 'package.json'], dependsOn: [] }

async function done(argv: [string, ...string[]], script: ScriptFunction, more: Partial<Role> = {}) {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), files)
  const coder: Role = {
    ...shipped,
    tools: [...(shipped.tools ?? []), { name: 'run_command', allowedCommands: [argv] }],
    ...more,
  }
  const played = await obedient({
    repo,
    home: join(at, 'home'),
    script,
    roles: [coder],
    checks: [['sh', 'check.sh']],
    merge: { autoMerge: 'critical' },
    sandbox: 'off',
    replays: true,
    *steps({ band }) {
      yield* band.reviewed('coder' as never, { subtask, files: [] } as never)
      yield* band.spawn('mergemaster', {})
    },
  })
  const result = await played.run().finally(() => played.band.close())
  return { ...played, repo, result }
}

describe('after a turn whose command nothing held', { timeout: 60_000 }, () => {
  test.each(deeds.map((deed) => [deed.title, deed] as const))(
    '%s: void, one violation, and the next turn lands without it',
    async (_, { does, named }) => {
      const argv: [string, ...string[]] = ['sh', '-c', does]
      let tries = 0
      const { of, repo, result } = await done(argv, async function* ({ role }) {
        if (role === 'code-reviewer') yield verdict('approve') as never
        else {
          yield write('a.txt', 'changed\n') as never
          if (tries++ === 0) yield { call: 'run_command', input: { argv }, expect: 'ok' }
        }
      })
      expect(of('ViolationRecorded')).toMatchObject([
        {
          tool: 'audit',
          code: 'protected-path',
          role: 'coder',
          worker: 'coder-x-0',
          reason: expect.stringContaining(`it changed ${named}, which`),
        },
      ])
      expect(of('TurnEnded').map(({ outcome }) => outcome)).toEqual(['void', 'done', 'done'])
      expect(result).toMatchObject({ outcome: 'success' })
      expect(personsGit(repo, 'diff', '--name-only', 'main~1', 'main')).toBe('a.txt')
    },
  )

  test('a call of a program is looked at as a turn is: what it may not change is not committed', async () => {
    const argv: [string, ...string[]] = ['sh', '-c', 'echo evil > src/b.txt && echo changed > a.txt']
    const { of, repo, result } = await done(argv, async function* () {}, {
      *steps({ band }) {
        yield* band.tool('run_command', { argv })
      },
    })
    expect(result).toMatchObject({ outcome: 'refused', reason: expect.stringContaining("it changed 'src/b.txt'") })
    expect(of('ViolationRecorded')).toMatchObject([{ tool: 'audit', code: 'protected-path', role: 'coder' }])
    expect(of('ChangeSubmitted')).toEqual([])
    expect(personsGit(repo, 'log', '--format=%s', 'main')).toBe('start')
  })

  test('a turn that fails is looked at, too', async () => {
    const argv: [string, ...string[]] = ['sh', '-c', 'git branch evil']
    let tries = 0
    const {
      of,
      result,
      store: own,
    } = await done(argv, async function* ({ role }) {
      if (role === 'code-reviewer') yield verdict('approve') as never
      else if (tries++ === 0) {
        yield { call: 'run_command', input: { argv } }
        yield { fail: 'stalled' }
      } else yield write('a.txt', 'changed\n') as never
    })
    expect(of('ViolationRecorded')).toMatchObject([
      { tool: 'audit', reason: expect.stringContaining('refs/heads/evil') },
    ])
    expect(result).toMatchObject({ outcome: 'success' })
    expect(existsSync(join(own, 'refs/heads/evil'))).toBe(false)
  })
})
