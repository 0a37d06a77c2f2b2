import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { configSource, setupOf } from '../../adapters/cli/scaffold.ts'
import { resolveConfig } from '../../core/config.ts'
import { type CliResult, cli, cliEnv } from '../scene/cli.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Person {
  at: string
  repo: string
  run(...argv: string[]): Promise<CliResult>
}

/** A repository of these files (none: one without a commit) and a person's shell in it. */
function person(files?: Readonly<Record<string, string>>): Person {
  const at = place()
  const repo = join(at, 'repo')
  if (files) repositoryOf(repo, files)
  else {
    mkdirSync(repo)
    personsGit(repo, 'init', '-q', '-b', 'main')
  }
  return { at, repo, run: (...argv) => cli(repo, argv, cliEnv(at)) }
}

/** Path to text and time of every file that git does not hold yet. */
function filesOf(repo: string): Record<string, string> {
  const names = readdirSync(repo, { recursive: true, encoding: 'utf8' })
  return Object.fromEntries(
    names
      .filter((name) => !name.startsWith('.git/') && statSync(join(repo, name)).isFile())
      .sort()
      .map((name) => [name, `${statSync(join(repo, name)).mtimeMs} ${readFileSync(join(repo, name), 'utf8')}`]),
  )
}

/** What an editor says of the definitions, with nothing installed. */
function typesOf(repo: string): string {
  const files = [
    ...readdirSync(join(repo, '.agents')),
    ...readdirSync(join(repo, '.agents/tools')).map((one) => `tools/${one}`),
  ]
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `.agents/${name}`)
  const argv = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--allowImportingTsExtensions',
    ...files,
    'codeband.config.ts',
  ]
  try {
    return execFileSync(join(root, 'node_modules/.bin/tsc'), argv, { cwd: repo, encoding: 'utf8' })
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

const scaffolded = [
  '.agents/scribe.ts',
  '.agents/tools/list-todos.ts',
  '.agents/types/codeband.d.ts',
  '.agents/types/roles.d.ts',
  '.agents/types/subpaths.d.ts',
  '.agents/types/zod.d.ts',
  'codeband.config.ts',
]

describe('codeband init', { timeout: 60_000 }, () => {
  test('in a bare repository asks for nothing that can only be done in a checkout', async () => {
    const at = place()
    personsGit(at, 'init', '-q', '--bare', 'repo.git')
    const init = await cli(join(at, 'repo.git'), ['init'], cliEnv(at))
    expect({ code: init.code, stderr: init.stderr }).toEqual({ code: 0, stderr: '' })
    expect(init.stdout).not.toMatch(/Commit these files|git add/)
    expect(init.stdout).toMatch(/A band starts from a commit: +push one here/)
  })

  test('in a repository without a commit or package.json writes a trusted band that type-checks with nothing installed', async () => {
    const { repo, run } = person()
    const init = await run('init')
    expect({ code: init.code, stderr: init.stderr }).toEqual({ code: 0, stderr: '' })
    expect(init.stdout).toMatch(/A band starts from a commit: +git add -A && git commit/)
    expect(init.stdout).toMatch(/Nothing goes into \.gitignore/)
    expect(Object.keys(filesOf(repo))).toEqual(scaffolded)
    const roles = JSON.parse((await run('roles', '--json')).stdout)
    expect({ trusted: roles.trusted, diagnostics: roles.diagnostics }).toEqual({ trusted: true, diagnostics: [] })
    expect(typesOf(repo)).toBe('')
    expect(readFileSync(join(repo, '.agents/types/roles.d.ts'), 'utf8')).toContain(
      'scribe: { in: { topic: string }; out: { text: string } }',
    )
  })

  test('run twice changes nothing, and says what it kept', async () => {
    const { repo, run } = person({ 'go.mod': 'module x\n' })
    await run('init')
    const before = filesOf(repo)
    const again = JSON.parse((await run('init', '--json')).stdout)
    expect(filesOf(repo)).toEqual(before)
    expect({ written: again.written, kept: again.kept.sort(), manager: again.manager }).toEqual({
      written: [],
      kept: scaffolded,
      manager: 'go',
    })
  })

  test('never overwrites, trusts nothing it found, and brings no first role to who has roles', async () => {
    const mine = `import { defineRole } from 'codeband'\nexport default defineRole({ id: 'mine', description: 'Mine.' })\n`
    const { repo, run } = person({
      '.agents/mine.ts': mine,
      'codeband.config.json': '{}',
      '.agents/types/zod.d.ts': '// mine\n',
    })
    const init = await run('init', '--json')
    expect(init.code).toBe(0)
    const { written, kept, trusted } = JSON.parse(init.stdout)
    expect({ written, kept, trusted }).toEqual({
      written: ['.agents/types/codeband.d.ts', '.agents/types/subpaths.d.ts', '.agents/types/roles.d.ts'],
      kept: ['codeband.config.json', '.agents/types/zod.d.ts'],
      trusted: false,
    })
    expect(readFileSync(join(repo, '.agents/mine.ts'), 'utf8')).toBe(mine)
    expect((await run('roles', '--types')).stderr).toContain('CB_UNTRUSTED')
    expect((await run('trust', '--yes')).code).toBe(0)
    expect((await run('roles', '--types')).code).toBe(0)
    expect(readFileSync(join(repo, '.agents/types/roles.d.ts'), 'utf8')).toContain('mine: {')
  })

  test('in a subfolder writes at the root of the repository and says so', async () => {
    const { at, repo } = person({ 'packages/a/package.json': '{}', 'package.json': '{"scripts":{"test":"true"}}' })
    const init = await cli(join(repo, 'packages/a'), ['init'], cliEnv(at))
    expect(init.stdout).toContain(`this goes to its root, ${repo}, not to packages/a`)
    expect(existsSync(join(repo, 'packages/a/.agents'))).toBe(false)
    expect(readFileSync(join(repo, 'codeband.config.ts'), 'utf8')).toContain(`checks: [['npm', 'test']]`)
  })

  test.each(['committer', 'jira'])('--example %s brings roles that load and whose types are known', async (example) => {
    const { repo, run } = person({ 'a.txt': 'a\n' })
    const init = await run('init', '--example', example)
    expect({ code: init.code, stderr: init.stderr }).toEqual({ code: 0, stderr: '' })
    const guide = /what it needs: +(\S+)/.exec(init.stdout)?.[1]
    expect(readFileSync(guide!, 'utf8')).toMatch(/^# /)
    const { roles, diagnostics } = JSON.parse((await run('roles', '--json')).stdout)
    expect(diagnostics).toEqual([])
    const own = roles.flatMap(({ id, source }: { id: string; source: string }) =>
      source.startsWith('.agents/') ? [id] : [],
    )
    expect(own.sort()).toEqual(example === 'committer' ? ['coder', 'committer', 'scribe'] : ['jira-agent', 'scribe'])
    // What it says of Node's own modules an editor without @types/node cannot know.
    const said = typesOf(repo)
      .split('\n')
      .filter((line) => line && !/TS2591|HeadersInit|^\s/.test(line))
    expect(said).toEqual([])
  })

  test('an example that does not exist is named with those that do', async () => {
    const { run } = person({ 'a.txt': 'a\n' })
    const init = await run('init', '--example', 'jora')
    expect({ code: init.code, stderr: init.stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/'jora'.*committer, jira/),
    })
  })

  test('roles --types follows the definitions, and once it is current writes nothing', async () => {
    const { repo, run } = person({ 'a.txt': 'a\n' })
    await run('init')
    writeFileSync(
      join(repo, '.agents/counter.ts'),
      `/// <reference path="./types/codeband.d.ts" />
import { defineRole, z } from 'codeband'
export default defineRole({
  id: 'counter',
  description: 'Counts. */',
  input: z.object({ of: z.array(z.enum(['a', "it's"])), most: z.number().optional(), 'a-b': z.unknown() }),
  output: z.record(z.string(), z.union([z.number(), z.null()])),
})
`,
    )
    rmSync(join(repo, '.agents/tools'), { recursive: true })
    writeFileSync(
      join(repo, '.agents/scribe.ts'),
      readFileSync(join(repo, '.agents/scribe.ts'), 'utf8').replace(", 'list_todos'", ''),
    )
    expect((await run('trust', '--yes')).code).toBe(0)
    expect(JSON.parse((await run('roles', '--types', '--json')).stdout).written).toEqual(['.agents/types/roles.d.ts'])
    const text = readFileSync(join(repo, '.agents/types/roles.d.ts'), 'utf8')
    expect(text).toContain(
      `counter: { in: { of: ('a' | 'it\\'s')[]; most?: number; 'a-b': unknown }; out: Record<string, number | null> }`,
    )
    expect(text).not.toContain('list_todos')
    expect(JSON.parse((await run('roles', '--types', '--json')).stdout).written).toEqual([])
    mkdirSync(join(repo, '.agents/tools'))
    expect(typesOf(repo)).toBe('')
  })

  test('roles --types says what a role takes that replaces a built-in, where that differs', async () => {
    const { repo, run } = person({ 'a.txt': 'a\n' })
    await run('init')
    const write = (name: string, text: string): void =>
      writeFileSync(
        join(repo, '.agents', name),
        `/// <reference path="./types/codeband.d.ts" />\nimport { defineRole, z } from 'codeband'\nimport { coder, planner } from 'codeband/roles'\n${text}`,
      )
    write(
      'planner.ts',
      `export const all = [z, coder]
export default defineRole({ ...planner, input: z.object({ task: z.string(), files: z.array(z.string()), hints: z.array(z.string()) }), userPrompt: '{{task}} {{hints}}' })
`,
    )
    write(
      'coder.ts',
      `export const all = [z, planner]\nexport default defineRole({ ...coder, systemPrompt: 'Be brief.' })\n`,
    )
    write(
      'conductor.ts',
      `export const all = [z, coder, planner]
export default defineRole({
  id: 'conductor',
  description: 'Plans with hints.',
  spawnableRoles: ['planner', 'coder'],
  *steps({ task, band }) {
    const plan = yield* band.reviewed('planner', { task, files: [], hints: ['a'] })
    yield* band.each(plan.subtasks, (subtask) => band.reviewed('coder', { subtask, files: [] }))
  },
})
`,
    )
    expect((await run('trust', '--yes')).code).toBe(0)
    expect((await run('roles', '--types')).code).toBe(0)
    const text = readFileSync(join(repo, '.agents/types/roles.d.ts'), 'utf8')
    expect(text).toContain('planner: { in: { task: string; files: string[]; hints: string[] }; out: Plan }')
    expect(text).not.toMatch(/^ +(coder|conductor): /m)
    expect(typesOf(repo)).toBe('')
  })

  test.each([
    [
      'npm',
      { scripts: { test: 'vitest run --coverage' } },
      [
        'npx',
        'vitest',
        'run',
        '--coverage',
        '--reporter=default',
        '--reporter=junit',
        '--outputFile.junit=reports/junit.xml',
      ],
      'reports/junit.xml',
    ],
    [
      'pnpm',
      { scripts: { test: 'vitest' } },
      [
        'pnpm',
        'exec',
        'vitest',
        'run',
        '--reporter=default',
        '--reporter=junit',
        '--outputFile.junit=reports/junit.xml',
      ],
      'reports/junit.xml',
    ],
    [
      'npm',
      { scripts: { test: 'node --test test/a.test.js' } },
      [
        'node',
        '--test',
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        '--test-reporter=junit',
        '--test-reporter-destination=reports/junit.xml',
        'test/a.test.js',
      ],
      'reports/junit.xml',
    ],
    [
      'npm',
      { scripts: { test: 'jest --ci' }, devDependencies: { jest: '1', 'jest-junit': '1' } },
      ['npx', 'jest', '--ci', '--reporters=default', '--reporters=jest-junit'],
      'junit.xml',
    ],
    // Nobody can tell from outside what these run, or what would write a report.
    ['npm', { scripts: { test: 'jest' } }, undefined, undefined],
    ['npm', { scripts: { test: 'tsc && vitest run' } }, undefined, undefined],
    ['npm', { scripts: { test: 'NODE_ENV=test vitest run' } }, undefined, undefined],
    ['npm', { scripts: { test: 'node test.js' } }, undefined, undefined],
  ])(
    'of %s and %j the form with a report stands beside the check as a comment',
    async (manager, manifest, command, report) => {
      const files: Record<string, string> = { 'package.json': JSON.stringify(manifest), [`${manager}-lock.yaml`]: '' }
      const project = await setupOf({ has: async (file) => file in files, read: async (file) => files[file]! })
      expect(project.reporting).toEqual(command && { command, report })
      const text = configSource({ clients: [], branch: 'main', ...project })
      expect(text).toContain(`  checks: [['${manager}', 'test']],`)
      const comment = /^ {2}\/\/ .*: checks: (\[.*\]),$/m.exec(text)?.[1]
      // What stands there can be put in the place of the check as it is.
      const shown = comment && JSON.parse(comment.replaceAll("'", '"').replace(/(command|report):/g, '"$1":'))
      expect(shown).toEqual(command && [{ command, report }])
      if (shown) expect(resolveConfig({ checks: shown }, 'a test', () => undefined).checks).toEqual(shown)
    },
  )

  test('of a pyproject.toml that names pytest too', async () => {
    const at = (text: string) => setupOf({ has: async (file) => file === 'pyproject.toml', read: async () => text })
    const reporting = { command: ['pytest', '--junitxml=reports/junit.xml'], report: 'reports/junit.xml' }
    expect(await at('[tool.pytest.ini_options]\n')).toMatchObject({ checks: [['pytest']], reporting })
    expect((await at('[project]\n')).reporting).toBeUndefined()
  })

  test('of a Python project without one where another file names pytest; else its Makefile decides', async () => {
    const of = (files: Readonly<Record<string, string>>) =>
      setupOf({ has: async (file) => file in files, read: async (file) => files[file]! })
    for (const file of ['pytest.ini', 'tox.ini', 'setup.cfg', 'setup.py', 'requirements.txt'])
      expect(await of({ [file]: '[pytest]\n', Makefile: '' })).toMatchObject({
        manager: 'python',
        checks: [['pytest']],
      })
    expect(await of({ 'requirements.txt': 'flask\n', Makefile: '' })).toMatchObject({ checks: [['make', 'test']] })
  })

  test('without a lockfile the package.json says which package manager it is', async () => {
    const of = (packageManager: string) =>
      setupOf({
        has: async (file) => file === 'package.json',
        read: async () => JSON.stringify({ packageManager, devDependencies: { vitest: '1' } }),
      })
    expect(await of('pnpm@11.1.0')).toMatchObject({ setup: [['pnpm', 'install', '--frozen-lockfile']] })
    expect(await of('cargo@1')).toMatchObject({ setup: [['npm', 'install']] })
  })

  test('a branch with a quote in its name stays a name in the configuration', () => {
    const text = configSource({
      clients: [],
      branch: "it's', x: '",
      manager: undefined,
      setup: [],
      checks: [['a', "b'c"]],
    })
    expect(text).toContain(`into: 'it\\'s\\', x: \\'',`)
    expect(text).toContain(`[['a', 'b\\'c']]`)
  })
})
