import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cli, cliEnv, startCli } from '../scene/cli.ts'
import { personsGit, place, repositoryOf, sampleRepository } from '../scene/place.ts'

const scriptedConfig = (
  more: string,
  families = "'anthropic', 'openai'",
): string => `import { defineConfig } from 'codeband'
import { scripted } from 'codeband/scripted'
const [a, b] = [${families}]
export default defineConfig({
  frameworks: { claude: scripted({ id: 'claude', family: a, script: { turns: [] } }), codex: scripted({ id: 'codex', family: b ?? a, script: { turns: [] } }) },
  sandbox: 'if-available',
  ${more}
})
`

interface Told {
  code: number
  says: RegExp
}

async function told(repo: string, argv: string[], { code, says }: Told, env: Record<string, string>): Promise<void> {
  const result = await cli(repo, argv, env)
  expect(result.stderr).toMatch(says)
  expect(result.code).toBe(code)
  // One clear line: the code, then the sentence with its cure; no stack.
  expect(result.stderr).not.toMatch(/\n\s+at /)
}

async function trusted(
  at: string,
  files: Record<string, string>,
): Promise<{ repo: string; env: Record<string, string> }> {
  const repo = repositoryOf(join(at, 'repo'), { 'package.json': '{"scripts":{"test":"true"}}', ...files })
  const env = cliEnv(at)
  expect((await cli(repo, ['trust', '--yes'], env)).code).toBe(0)
  return { repo, env }
}

describe('bad input gets one clear line with its code and its cure', () => {
  test('no git repository', async () => {
    const at = place()
    await told(at, ['run', 'x'], { code: 2, says: /^CB_NOT_A_REPO .*git init/ }, cliEnv(at))
  })

  test('a repository without a commit', async () => {
    const at = place()
    const repo = join(at, 'repo')
    mkdirSync(repo)
    writeFileSync(join(repo, 'codeband.config.ts'), scriptedConfig(''))
    personsGit(repo, 'init', '-q', '-b', 'main')
    const env = cliEnv(at)
    await cli(repo, ['trust', '--yes'], env)
    await told(repo, ['run', 'x'], { code: 2, says: /^CB_REPO_EMPTY .*commit/ }, env)
  })

  test('an empty task', async () => {
    const at = place()
    const { repo, env } = await trusted(at, { 'codeband.config.ts': scriptedConfig('') })
    await told(repo, ['run', '  '], { code: 2, says: /^CB_TASK_EMPTY .*codeband run/ }, env)
    await told(repo, ['task', ''], { code: 2, says: /^CB_TASK_EMPTY/ }, env)
  })

  test('an unknown role, and an unknown framework, in the configuration', async () => {
    const at = place()
    const { repo, env } = await trusted(at, {
      'codeband.config.ts': scriptedConfig('workers: { codre: { claude: 1 } },'),
    })
    await told(repo, ['run', 'x'], { code: 2, says: /^CB_ROLE_UNKNOWN .*'codre'.*coder/s }, env)
    const other = await trusted(join(at, 'other'), {
      'codeband.config.ts': scriptedConfig('workers: { coder: { gemini: 1 } },'),
    })
    await told(
      other.repo,
      ['run', 'x'],
      { code: 2, says: /^CB_FRAMEWORK_UNKNOWN .*'gemini'.*claude, codex/s },
      other.env,
    )
  })

  test('an unknown key in the configuration, a host that is none, and YAML that does not parse', async () => {
    const at = place()
    const { repo, env } = await trusted(at, { 'codeband.config.ts': scriptedConfig('chekcs: [],') })
    await told(repo, ['run', 'x'], { code: 2, says: /^CB_CONFIG_INVALID .*codeband\.config\.ts.*chekcs/s }, env)
    const hosts = scriptedConfig("network: ['https://example.com/', '*', 'fine.example'],")
    const wide = await trusted(join(at, 'wide'), { 'codeband.config.ts': hosts })
    const says =
      /^CB_CONFIG_INVALID .*network\.0: "https:..example\.com\/" is not a host: leave out the scheme.*network\.1: "\*" may have/s
    await told(wide.repo, ['run', 'x'], { code: 2, says }, wide.env)
    const yaml = repositoryOf(join(at, 'yaml'), { 'codeband.config.yaml': 'frameworks: [\n  oops' })
    await told(yaml, ['roles'], { code: 2, says: /^CB_CONFIG_READ .*codeband\.config\.yaml/ }, env)
  })

  test('a role file with a syntax error is told with file, line and column, and nothing runs', async () => {
    const at = place()
    const { repo, env } = await trusted(at, {
      'codeband.config.ts': scriptedConfig(''),
      '.agents/broken.ts': 'export default {\n  id: "x",,\n}\n',
    })
    await told(
      repo,
      ['run', 'x'],
      { code: 2, says: /^CB_ROLE_INVALID [\s\S]*\.agents\/broken\.ts:2:\d+: error syntax/ },
      env,
    )
    const roles = await cli(repo, ['roles', '--json'], env)
    expect(roles.code).toBe(2)
    const { diagnostics, roles: all } = JSON.parse(roles.stdout)
    expect(diagnostics).toMatchObject([{ severity: 'error', code: 'syntax', file: '.agents/broken.ts', line: 2 }])
    expect(all.map(({ id }: { id: string }) => id)).toContain('coder')
    const status = JSON.parse((await cli(repo, ['status', '--json'], env)).stdout)
    expect(status.tasks).toEqual([])
  })

  test('a role with an unknown tool, an unknown key and an unknown reviewer names each, with what was meant', async () => {
    const at = place()
    const role =
      "import { defineRole } from 'codeband'\nexport default { ...defineRole({ id: 'scribe', description: 'x', tools: ['read_file'], reviewedBy: 'code-reviewr', produces: 'change' }), promt: 'x' }\n"
    const { repo, env } = await trusted(at, { 'codeband.config.ts': scriptedConfig(''), '.agents/scribe.ts': role })
    const { stdout } = await cli(repo, ['roles', '--json'], env)
    const found = JSON.parse(stdout).diagnostics.map(
      ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
    )
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(/unknown-key .*promt/)]))
  })

  test('definitions that are not trusted do not run without a person', async () => {
    const at = place()
    const repo = repositoryOf(join(at, 'repo'), {
      'codeband.config.ts': `import { writeFileSync } from 'node:fs'\nwriteFileSync('${join(at, 'canary')}', 'ran')\nexport default {}\n`,
    })
    const env = cliEnv(at)
    for (const argv of [['run', 'x'], ['roles'], ['doctor'], ['status'], ['resume']]) await cli(repo, argv, env)
    await told(repo, ['run', 'x'], { code: 2, says: /^CB_UNTRUSTED .*codeband trust --yes/ }, env)
    const { existsSync } = await import('node:fs')
    expect(existsSync(join(at, 'canary'))).toBe(false)
  })

  test('no framework at all', async () => {
    const at = place()
    const repo = repositoryOf(join(at, 'repo'), { 'README.md': 'x' })
    await told(repo, ['run', 'x'], { code: 2, says: /^CB_FRAMEWORK_NONE .*codeband init/ }, cliEnv(at))
  })

  test('no opposite family', async () => {
    const at = place()
    const { repo, env } = await trusted(at, { 'codeband.config.ts': scriptedConfig('', "'anthropic'") })
    await told(repo, ['run', 'x'], { code: 2, says: /^CB_OPPOSITION_IMPOSSIBLE .*waived/s }, env)
  })

  test('a missing client', { timeout: 60_000 }, async () => {
    const at = place()
    const config =
      "import { defineConfig } from 'codeband'\nimport { codex } from 'codeband/codex'\nimport { scripted } from 'codeband/scripted'\nexport default defineConfig({ frameworks: { codex: codex({ executable: '/nonexistent/codex' }), claude: scripted({ id: 'claude', family: 'anthropic', script: { turns: [] } }) }, sandbox: 'if-available' })\n"
    const { repo, env } = await trusted(at, { 'codeband.config.ts': config })
    await told(repo, ['run', 'x'], { code: 2, says: /^CB_CLIENT_MISSING .*codex/ }, env)
    // Nothing is lost: the task is there, and goes on once the client is.
    const status = JSON.parse((await cli(repo, ['status', '--json'], env)).stdout)
    expect(status.tasks).toMatchObject([{ id: 't1', status: 'running' }])
  })

  test('a role file that is no code: trust says that it is not about it', async () => {
    const at = place()
    const repo = repositoryOf(join(at, 'repo'), { '.agents/bad.ts': 'export default {\n' })
    const says = /^Not in it, since it cannot be read: \.agents\/bad\.ts:2:1: error syntax/m
    await told(repo, ['trust', '--yes'], { code: 0, says }, cliEnv(at))
  })

  test('a home in which nothing can be kept', async () => {
    const at = place()
    const repo = repositoryOf(join(at, 'repo'), { 'codeband.config.ts': scriptedConfig('') })
    const env = cliEnv(at, { CODEBAND_HOME: join(repo, 'codeband.config.ts/home') })
    await told(repo, ['trust', '--yes'], { code: 6, says: /^CB_DISK .*ENOTDIR.*CODEBAND_HOME names another/m }, env)
  })

  test('an unknown command, option, worker, task and approval', async () => {
    const at = place()
    const { repo, env } = await trusted(at, { 'codeband.config.ts': scriptedConfig('') })
    await told(repo, ['statsu'], { code: 2, says: /^CB_USAGE .*'statsu'.*Did you mean 'status'/ }, env)
    await told(repo, ['help', 'statsu'], { code: 2, says: /^CB_USAGE .*'statsu'.*Did you mean 'status'/ }, env)
    await told(
      repo,
      ['run', '--jsn'],
      { code: 2, says: /^CB_USAGE .*'--jsn'\. Did you mean '--json'\? Usage: codeband run \[options\] \[task\]$/m },
      env,
    )
    await told(
      repo,
      ['run', 'two', 'words'],
      {
        code: 2,
        says: /^CB_USAGE {2}too many .* got 2\. A text of several words goes into quotes\. Usage: codeband run/,
      },
      env,
    )
    await told(repo, ['reject', 't1.1'], { code: 2, says: /^CB_USAGE .*'why'\. Usage: codeband reject .*<why>$/m }, env)
    await told(repo, ['--yes', 'trust'], { code: 2, says: /^CB_USAGE .*'--yes'\. It goes behind the command\./ }, env)
    await told(repo, ['log', '--task', 't9'], { code: 2, says: /^CB_TASK_UNKNOWN .*'t9'/ }, env)
    await told(repo, ['replay', 't1', '--roles', 'gone'], { code: 2, says: /^CB_USAGE .*'gone' is no folder/ }, env)
    await told(repo, ['diff', 'coder-gemini-7'], { code: 2, says: /^CB_WORKER_UNKNOWN .*coder-gemini-7/ }, env)
    await told(repo, ['resume', 't9'], { code: 2, says: /^CB_TASK_UNKNOWN .*t9/ }, env)
    await told(repo, ['approve', 't9.9'], { code: 2, says: /^CB_APPROVAL_UNKNOWN .*t9\.9.*pending/ }, env)
    await told(
      repo,
      ['run', '--role', 'plannr', '{}'],
      {
        code: 2,
        says: /^CB_ROLE_UNKNOWN {2}The option --role names the role 'plannr', which does not exist\. Known: .*, planner\. Did you mean 'planner'\?$/m,
      },
      env,
    )
    await told(
      repo,
      ['run', '--role', 'nobody', '{}'],
      { code: 2, says: /^CB_ROLE_UNKNOWN .* Known: .*[a-z]\.$/m },
      env,
    )
    await told(
      repo,
      ['run', '--role', 'conductor', 'x'],
      { code: 2, says: /^CB_USAGE {2}'conductor' is the whole band.*codeband run "TASK"/ },
      env,
    )
  })

  test('a second run on the same repository at the same time, which leaves the first one alone', {
    timeout: 60_000,
  }, async () => {
    const at = place()
    const repo = sampleRepository(join(at, 'durations'))
    const env = cliEnv(at)
    await cli(repo, ['trust', '--yes'], env)
    const first = startCli(repo, ['run', 'Fix the failing test', '--json'], env)
    const end = new Promise((resolve) => first.on('close', resolve))
    await new Promise((resolve) => first.stdout?.once('data', resolve))
    await told(repo, ['run', 'another'], { code: 6, says: /^CB_BAND_BUSY .*pid \d+/ }, env)
    const status = JSON.parse((await cli(repo, ['status', '--json'], env)).stdout)
    expect(status.leader).toMatch(/pid/)
    first.stdout?.resume()
    expect(await end).toBe(0)
  })
})
