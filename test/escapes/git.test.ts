import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ScriptFunction } from '../../adapters/frameworks/scripted.ts'
import type { Role } from '../../adapters/index.ts'
import catalogue from '../cases/escape-catalogue.json' with { type: 'json' }
import { verdict } from '../scene/band.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { answersOf, obedient, type Played } from './obedient.ts'

/** A person's repository, and where a canary of each case would sing. */
interface Trap {
  repo: string
  canary(name: string): string
  write(path: string, text: string, mode?: number): void
  git(...argv: string[]): string
}

const subtask = { id: 's1', title: 'Change a', description: '', files: ['a.txt', 'sub/b.txt'], dependsOn: [] }
const write = (path: string, content: string) => ({ call: 'write_file', input: { path, content } })
const call = (name: string) => ({ call: name, input: {} })
const coderLooks = ['git_status', 'git_diff'].map(call)
const reviewerLooks = ['git_diff', 'git_log'].map(call)

/** Clone, worktree, status, diff, log, commit, review at the commit, merge, checks and landing, with everything that the trap holds. */
async function wholeRun(
  spring: (trap: Trap) => void,
  {
    inWorktree = () => undefined,
    files = {},
    replays = false,
  }: { inWorktree?: (worktree: string, trap: Trap) => void; files?: Record<string, string>; replays?: boolean } = {},
) {
  const at = place()
  const home = join(at, 'home')
  mkdirSync(join(at, 'canaries'))
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'sub/b.txt': 'b\n', 'check.sh': 'true\n', ...files })
  const trap: Trap = {
    repo,
    canary: (name) => join(at, 'canaries', name),
    git: (...argv) => personsGit(repo, ...argv),
    write(path, text, mode = 0o644) {
      mkdirSync(dirname(join(repo, path)), { recursive: true })
      writeFileSync(join(repo, path), text)
      chmodSync(join(repo, path), mode)
    },
  }
  spring(trap)
  const before = new Set(readdirSync(join(at, 'canaries')))
  const script: ScriptFunction = async function* ({ role, worker }) {
    if (role === 'code-reviewer') {
      yield* reviewerLooks
      yield verdict('approve') as never
      return
    }
    inWorktree(join(home, 'worktrees', worker), trap)
    yield* coderLooks
    yield write('a.txt', 'changed\n')
    yield write('sub/b.txt', 'changed too\n')
    yield* coderLooks
  }
  const played = await obedient({
    repo,
    home,
    script,
    checks: [['sh', 'check.sh']],
    merge: { autoMerge: 'critical' },
    replays,
    *steps({ band }) {
      yield* band.reviewed('coder' as never, { subtask, files: [] } as never)
      yield* band.spawn('mergemaster', {})
    },
  })
  const result = await played.run('change a').finally(() => played.band.close())
  const singing = () => readdirSync(join(at, 'canaries')).filter((name) => !before.has(name))
  return { ...played, ...trap, result, singing, sang: singing() }
}

/** The change landed, and nothing but it. */
function landed({
  result,
  repo,
  of,
}: {
  result: { outcome: string; reason: string }
  repo: string
  of: Played['of']
}): void {
  expect(result).toMatchObject({ outcome: 'success' })
  // Read by a git that none of the repository's own settings reach.
  const show = (path: string) =>
    execFileSync(
      'git',
      ['--git-dir', of('Landed').length > 0 ? join(repo, '.git') : '', 'cat-file', '-p', `main:${path}`],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH!, GIT_CONFIG_NOSYSTEM: '1' },
      },
    )
  expect([show('a.txt'), show('sub/b.txt')]).toEqual(['changed\n', 'changed too\n'])
}

const hooks = [
  'applypatch-msg',
  'commit-msg',
  'fsmonitor-watchman',
  'post-applypatch',
  'post-checkout',
  'post-commit',
  'post-index-change',
  'post-merge',
  'post-receive',
  'post-rewrite',
  'post-update',
  'pre-applypatch',
  'pre-auto-gc',
  'pre-commit',
  'pre-merge-commit',
  'pre-push',
  'pre-rebase',
  'pre-receive',
  'prepare-commit-msg',
  'proc-receive',
  'push-to-checkout',
  'reference-transaction',
  'sendemail-validate',
  'update',
]

describe('a repository that is hostile to whoever runs git in it', { timeout: 120_000 }, () => {
  test('settings that run programs: monitor, filters, diff and merge drivers, aliases, pagers, editors (GR-001, GR-008, GR-010)', async () => {
    const run = await wholeRun(
      ({ git, canary }) => {
        const set = (key: string, canaryName = key, more = '') =>
          git('config', key, `touch '${canary(canaryName)}'${more}`)
        for (const key of [
          'core.pager',
          'core.editor',
          'core.sshCommand',
          'core.askPass',
          'core.alternateRefsCommand',
          'sequence.editor',
          'diff.external',
          'diff.x.command',
          'diff.x.textconv',
          'merge.x.driver',
          'merge.tool',
          'credential.helper',
          'gpg.program',
          'alias.status',
          'alias.update-ref',
          'uploadpack.packObjectsHook',
          'interactive.diffFilter',
          'trailer.x.command',
          'pager.log',
        ])
          set(key)
        set('core.fsmonitor', 'fsmonitor', '; false')
        set('filter.x.clean', 'clean', '; cat')
        set('filter.x.smudge', 'smudge', '; cat')
        set('filter.x.process', 'process')
        git('config', 'filter.x.required', 'true')
        git('config', 'commit.gpgSign', 'true')
        git('config', 'include.path', canary('included'))
        writeFileSync(canary('included'), `[core]\n\tfsmonitor = touch '${canary('by-include')}'\n`)
      },
      { files: { '.gitattributes': '* filter=x diff=x merge=x\n' } },
    )
    expect(run.sang).toEqual([])
    landed(run)
    // The same repository does sing for a git that listens to it.
    try {
      run.git('status')
    } catch {
      // The filter's process is no filter: it sang and ended.
    }
    expect(run.singing().sort()).toEqual(['by-include', 'process'])
  })

  test('hooks of every name, in the repository and where core.hooksPath points (GR-005, GR-006)', async () => {
    const run = await wholeRun(({ git, write, canary }) => {
      for (const hook of hooks) {
        write(`.git/hooks/${hook}`, `#!/bin/sh\ntouch '${canary(hook)}'\n`, 0o755)
        write(`.evil/${hook}`, `#!/bin/sh\ntouch '${canary(`path-${hook}`)}'\n`, 0o755)
      }
      git('config', 'core.hooksPath', '.evil')
      write('.git/info/exclude', '.evil\n')
    })
    expect(run.sang).toEqual([])
    landed(run)
    run.git('commit', '--allow-empty', '-qm', 'by hand')
    expect(run.singing()).toEqual(expect.arrayContaining(['path-pre-commit', 'path-reference-transaction']))
  })

  test('the worktree\u2019s .git file pointed at a repository of the attacker: the turn is void, nothing runs (GR-002)', async () => {
    let tries = 0
    const run = await wholeRun(() => undefined, {
      replays: true,
      inWorktree(worktree, { canary }) {
        if (tries++ > 0) return
        execFileSync('git', ['init', '-q', '--bare', join(worktree, 'evil.git')])
        execFileSync('git', [
          '--git-dir',
          join(worktree, 'evil.git'),
          'config',
          'core.fsmonitor',
          `touch '${canary('swap')}'; false`,
        ])
        execFileSync('git', ['--git-dir', join(worktree, 'evil.git'), 'config', 'core.worktree', worktree])
        writeFileSync(join(worktree, '.git'), 'gitdir: ./evil.git\n')
      },
    })
    expect(run.sang).toEqual([])
    expect(run.of('ViolationRecorded')).toMatchObject([
      { tool: 'audit', code: 'protected-path', reason: expect.stringContaining("'.git'") },
    ])
    expect(run.of('TurnEnded').map(({ outcome }) => outcome)).toContain('void')
    landed(run)
    expect(run.git('ls-tree', '-r', '--name-only', 'main')).not.toContain('evil')
  })

  test('a bare repository committed as files in a folder where work is done (GR-003)', async () => {
    const run = await wholeRun(({ repo, git, canary }) => {
      execFileSync('git', ['init', '-q', '--bare', join(repo, 'nested')])
      writeFileSync(join(repo, 'nested/objects/keep'), '')
      writeFileSync(join(repo, 'nested/refs/keep'), '')
      writeFileSync(
        join(repo, 'nested/config'),
        `[core]\n\tbare = false\n\tworktree = .\n\tfsmonitor = touch '${canary('nested')}'; false\n`,
      )
      git('add', '-A')
      git('commit', '-qm', 'nested')
    })
    expect(run.sang).toEqual([])
    landed(run)
  })

  test('submodules with an option, a program, a local path or a carriage return as their place are never fetched (GR-013, GR-015)', async () => {
    const run = await wholeRun(({ repo, git, write, canary }) => {
      const urls = [
        '-u./payload',
        `ext::sh -c touch% ${canary('ext')}`,
        `file://${repo}`,
        `--upload-pack=touch ${canary('up')}`,
      ]
      const modules = urls.map(
        (url, n) =>
          `[submodule "m${n}"]\n\tpath = m${n}\n\turl = ${url}\n\tupdate = !touch '${canary(`update${n}`)}'\n`,
      )
      write('.gitmodules', `${modules.join('')}[submodule "cr"]\n\tpath = "cr\\r"\n\turl = ./x\n`)
      write('payload', `#!/bin/sh\ntouch '${canary('payload')}'\n`, 0o755)
      git('add', '-A')
      const head = git('rev-parse', 'HEAD')
      for (const name of ['m0', 'm1', 'm2', 'm3']) git('update-index', '--add', '--cacheinfo', `160000,${head},${name}`)
      git('commit', '-qm', 'submodules')
    })
    expect(run.sang).toEqual([])
    for (const name of ['m0', 'm1', 'm2', 'm3']) {
      const path = join(run.worktree('coder-x-0'), name)
      expect(existsSync(path) ? readdirSync(path) : []).toEqual([])
    }
    expect(existsSync(join(run.store, 'modules'))).toBe(false)
    landed(run)
  })

  test.each([
    ['.GIT', 'hooks'],
    ['git~1', 'config'],
    ['.g\u200cit', 'config'],
    ['.git', 'config'],
    ['..', 'x'],
  ])('a tree with an entry %j: nothing of it is checked out (GR-016)', async (name, inner) => {
    const trap = async () =>
      wholeRun(({ git, repo }) => {
        const blob = git('hash-object', '-w', 'a.txt')
        const tree = (lines: string): string =>
          execFileSync('git', ['mktree'], { cwd: repo, input: lines, encoding: 'utf8' }).trim()
        const own = git('ls-tree', 'HEAD')
        const root = tree(`${own}\n040000 tree ${tree(`100644 blob ${blob}\t${inner}\n`)}\t${name}\n`)
        git('update-ref', 'refs/heads/main', git('commit-tree', root, '-p', 'HEAD', '-m', 'hostile'))
      })
    const answer = await trap().catch((error: unknown) => error)
    expect(answer).toMatchObject({
      code: 'CB_GIT',
      message: expect.stringMatching(/invalid path|malformed|hasDot|refus/i),
    })
  })

  test('objects are copied, never linked to those that others can write (GR-018)', async () => {
    const run = await wholeRun(() => undefined)
    const files = readdirSync(join(run.store, 'objects'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    expect(files.length).toBeGreaterThan(0)
    for (const { parentPath, name } of files) expect(statSync(join(parentPath, name)).nlink).toBe(1)
    expect(existsSync(join(run.store, 'objects/info/alternates'))).toBe(false)
    landed(run)
  })
})

/** As the catalogue has them; the last ones are those of its technique that git itself would refuse. */
const names = new Map([
  ['GA-035', `x;touch\${IFS}y`],
  ['GA-036', `$(touch\${IFS}y)`],
  ['GA-037', '`id`'],
  ['GA-039', "a'b"],
  ['GA-040', 'a\u202eb'],
  ['GA-041', 'a\u200bb'],
  ['GA-042', '--upload-pack=touch x'],
  ['GA-045', '@{-1}'],
  ['GA-046', 'main..evil'],
  ['GA-048', 'main/w1'],
  ['GA-050', 'FETCH_HEAD'],
])

test('no model or worker names a ref: a name is data wherever one is offered (GA-035 to GA-050)', {
  timeout: 60_000,
}, async () => {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const coder: Role = {
    id: 'coder',
    description: 'Writes.',
    produces: 'change',
    tools: ['write_file', { name: 'run_command', allowedCommands: ['true'] }],
  }
  const calls = [...names.values()].flatMap((ref) => [
    { call: 'register_branch', input: { ref } },
    { call: 'run_command', input: { argv: ['git', 'branch', ref] } },
  ])
  const played = await obedient({
    repo,
    home: join(at, 'home'),
    script: [{ role: 'coder', steps: [...calls, write('a.txt', 'b\n')] }],
    roles: [coder],
    limits: { violations: 100, repeats: 100 },
    *steps({ band }) {
      yield* band.spawn('coder' as never, {} as never)
    },
  })
  const before = personsGit(repo, 'show-ref')
  await played.run([...names.values()].join(' '))
  const answers = answersOf(played.events, 'coder').slice(0, -1)
  expect(answers).toHaveLength(2 * names.size)
  for (const { tool, ok, violations } of answers) {
    const code =
      tool === 'register_branch'
        ? 'tool-not-in-role'
        : expect.stringMatching(/^(subcommand|option-injection|argv-not-allowlisted|ref-name|shell-metachar)$/)
    expect({ ok, violations }).toMatchObject({ ok: false, violations: [{ code, tool }] })
  }
  await played.band.close()
  expect(personsGit(repo, 'show-ref')).toBe(before)
  const own = execFileSync('git', ['--git-dir', played.store, 'for-each-ref', '--format=%(refname)'], {
    encoding: 'utf8',
  })
  expect(
    own
      .trim()
      .split('\n')
      .every((ref) => /^refs\/codeband\/(keep|tips)\/[0-9a-f]+$/.test(ref)),
  ).toBe(true)
})

test('every case of the layer is here, in the table of calls, or says what it waits for', () => {
  const text = readFileSync(new URL(import.meta.url), 'utf8')
  const table = readFileSync(new URL('../cases/escapes.json', import.meta.url), 'utf8')
  const missing = catalogue.filter(
    ({ id, layer }) => layer === 'git' && !text.includes(id) && !table.includes(`"${id}"`),
  )
  // GR-022: a bomb in a pack that a worker sends; no worker has a repository of its own to send one from.
  expect(missing.map(({ id }) => id)).toEqual([])
})
