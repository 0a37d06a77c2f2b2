import { describe, expect, test } from 'vitest'
import { type ChangedFile, type RiskOptions, riskFloor } from '../../core/boundary/risk.ts'

function file(path: string, rest: Partial<ChangedFile> = {}): ChangedFile {
  return { path, status: 'modified', added: 5, deleted: 2, oldMode: '100644', newMode: '100644', ...rest }
}

const added = { status: 'added', oldMode: '000000' } as const

describe('the floor of risk of one changed file', () => {
  test.each([
    ['low', file('src/a.ts')],
    ['low', file('README.md', { added: 400 })],
    ['low', file('test/a.test.ts', { added: 300 })],
    ['low', file('docs/auth/login.md')],
    ['low', file('src/author.ts')],
    ['low', file('src/parser/token.ts')],
    ['low', file('test/auth/login.test.ts')],
    ['low', file('.gitignore')],
    ['low', file('src/a.ts', { status: 'renamed', from: 'src/b.ts', added: 0, deleted: 0 })],
    ['medium', file('src/a.ts', { added: 201 })],
    ['high', file('package-lock.json')],
    ['high', file('go.sum')],
    ['medium', file('requirements-dev.txt')],
    ['medium', file('Cargo.toml')],
    ['medium', file('tsconfig.json')],
    ['medium', file('Dockerfile')],
    ['medium', file('src/logo.png', { added: undefined, deleted: undefined, ...added })],
    ['medium', file('test/a.test.ts', { added: 0, deleted: 9 })],
    ['medium', file('test/__snapshots__/a.test.ts.snap')],
    ['high', file('src/a.ts', { added: 601 })],
    ['high', file('src/a.ts', { status: 'deleted', newMode: '000000' })],
    ['high', file('test/a.test.ts', { status: 'deleted', newMode: '000000' })],
    ['high', file('db/migrations/001.ts')],
    ['high', file('schema.sql')],
    ['high', file('src/auth/index.ts')],
    ['high', file('src/userPassword.ts')],
    ['high', file('src/payment-form.tsx')],
    ['high', file('CLAUDE.md')],
    ['high', file('docs/AGENTS.md')],
    ['high', file('.env.production')],
    ['critical', file('.github/workflows/ci.yml')],
    ['critical', file('.gitattributes')],
    ['critical', file('.agents/coder.ts')],
    ['critical', file('codeband.config.ts')],
    ['critical', file('.GITLAB-ci.yml')],
    ['critical', file('src/ci.yml', { status: 'renamed', from: '.github/workflows/ci.yml' })],
    ['critical', file('vitest.config.ts')],
    ['critical', file('conftest.py')],
    ['critical', file('.yarnrc.yml')],
    ...[
      'Makefile',
      'rules.mk',
      'justfile',
      '.justfile',
      'Taskfile.yml',
      'Rakefile',
      'gradlew',
      'jest.config.js',
      'jest.setup.ts',
      'vitest.workspace.ts',
      'pytest.ini',
      'tox.ini',
      'setup.cfg',
      'noxfile.py',
      '.cargo/config.toml',
      '.config/nextest.toml',
      'rust-toolchain.toml',
      'go.work',
      '.golangci.yml',
      '.mvn/jvm.config',
      'phpunit.xml',
      '.rspec',
      'uv.toml',
      '.circleci/config.yml',
      'Jenkinsfile',
      // What runs when something is installed.
      ...['setup.py', 'Gemfile', 'my.gemspec', 'crates/a/build.rs', 'binding.gyp', 'build.gradle.kts', 'pom.xml'],
      ...['pnpm-workspace.yaml', '.pnpmfile.mjs', 'poetry.toml', 'composer.json', 'deno.jsonc'],
      // What was installed, and is run by checks.
      ...['node_modules/vitest/dist/cli.js', 'packages/a/node_modules/.bin/jest', '.venv/bin/pytest'],
      ...['.yarn/releases/yarn-4.cjs', '.pnp.cjs', '.pnp.loader.mjs', 'vendor/bundle/ruby/x.rb', 'vendor/autoload.php'],
      // What runs at the person's.
      ...['mise.toml', '.mise/config.toml', '.devcontainer/devcontainer.json', '.nvim.lua', '.dir-locals.el'],
      ...['x.code-workspace', 'flake.nix', '.githooks/pre-commit', '.cursor/mcp.json', 'opencode.json'],
      'ruff.toml',
    ].map((path): [string, ChangedFile] => ['critical', file(path)]),
    ...['src/makefile.ts', 'docs/justfile.md', 'src/cargo.ts', 'lib/go.work.md', 'src/venv.ts', 'vendor/a.go'].map(
      (path): [string, ChangedFile] => ['low', file(path)],
    ),
    ['critical', file('lib', { ...added, newMode: '160000' })],
    ['critical', file('link', { ...added, newMode: '120000' })],
    ['critical', file('src/a.ts', { status: 'type-changed', newMode: '120000' })],
    ['critical', file('run.sh', { newMode: '100755' })],
    ['critical', file('run.sh', { ...added, newMode: '100755' })],
    ['critical', file('package.json')],
  ] satisfies [string, ChangedFile][])('%s: %j', (risk, one) => {
    const floor = riskFloor([one])
    expect(floor).toMatchObject({ risk })
    if (risk !== 'low') expect(floor.reasons[0]).toMatch(/^(\S+|the change): .{5}/)
  })
})

test.each([
  ['medium', { dependencies: { a: '2' } }],
  ['low', { version: '2.0.0' }],
  ['critical', { scripts: { test: 'true' } }],
  ['critical', { scripts: { test: 'x', postinstall: 'curl' } }],
  ['critical', { codeband: {} }],
  ['critical', { jest: { testMatch: [] } }],
  ['critical', { dependencies: { a: '2' }, scripts: {} }],
])('a package.json is judged by what changed in it: %s for %j', (risk, change) => {
  const before = { name: 'x', version: '1.0.0', scripts: { test: 'x' }, dependencies: { a: '1' } }
  const contents = new Map([
    ['package.json', { before: JSON.stringify(before), after: JSON.stringify({ ...before, ...change }, null, 2) }],
  ])
  expect(riskFloor([file('package.json')], { contents }).risk).toBe(risk)
})

test.each([
  ['medium', 'composer.json', { require: { a: '2' } }],
  ['critical', 'composer.json', { require: { a: '2' }, scripts: { 'post-install-cmd': 'evil' } }],
  ['medium', 'deno.json', { imports: { a: 'jsr:a' } }],
  ['critical', 'deno.json', { tasks: { test: 'true' } }],
])('%s: a change of %s to %j', (risk, path, after) => {
  const contents = new Map([[path, { before: '{}', after: JSON.stringify(after) }]])
  expect(riskFloor([file(path)], { contents }).risk).toBe(risk)
})

test('a package.json that is not JSON is critical', () => {
  expect(
    riskFloor([file('package.json')], { contents: new Map([['package.json', { before: '{}', after: '{' }]]) }).risk,
  ).toBe('critical')
})

test('a lock file that takes packages from a new host is critical (SC-003)', () => {
  const before = '"resolved": "https://packages.example/a.tgz"'
  const manifest = { before: '{}', after: '{ "dependencies": { "b": "1" } }' }
  const options = (after: string): RiskOptions => ({
    contents: new Map([
      ['package-lock.json', { before, after }],
      ['package.json', manifest],
    ]),
  })
  const both = [file('package-lock.json'), file('package.json')]
  expect(riskFloor(both, options(before.replace('a.tgz', 'b.tgz'))).risk).toBe('medium')
  expect(riskFloor(both, options(`${before}, "https://evil.example/a.tgz"`))).toEqual({
    risk: 'critical',
    reasons: [
      'package-lock.json: takes packages from a host that was not in it before (evil.example)',
      'package-lock.json: is a dependency manifest or lock file',
      "package.json: changes 'dependencies'",
    ],
  })
})

test('a lock file alone installs something that no manifest asks for', () => {
  expect(riskFloor([file('yarn.lock')])).toEqual({
    risk: 'high',
    reasons: [
      'yarn.lock: installs something else, though no manifest changed',
      'yarn.lock: is a dependency manifest or lock file',
    ],
  })
  expect(riskFloor([file('Cargo.lock'), file('crates/a/Cargo.toml')]).risk).toBe('medium')
})

const cargo = '[package]\nname = "x"\nversion = "1.0.0"\n\n[dependencies]\nserde = "1"\n'
const python = '[project]\nname = "x"\ndependencies = ["a"]\n\n[tool.pytest.ini_options]\naddopts = "-q"\n'
const gomod = 'module x\n\ngo 1.22\n\nrequire a.example/b v1.0.0\n'
test.each([
  ['medium', 'Cargo.toml', cargo, cargo.replace('serde = "1"', 'serde = "2"')],
  ['medium', 'Cargo.toml', cargo, cargo.replace('1.0.0', '1.1.0')],
  ['critical', 'Cargo.toml', cargo, `${cargo}\n[[test]]\nname = "t"\nharness = false\n`],
  ['critical', 'Cargo.toml', cargo, `${cargo}\n[patch.crates-io]\nserde = { path = "evil" }\n`],
  ['critical', 'Cargo.toml', cargo, cargo.replace('serde = "1"', 'serde = { git = "https://evil.example" }')],
  ['critical', 'Cargo.toml', cargo, cargo.replace('name = "x"', 'name = "x"\nbuild = "evil.rs"')],
  ['medium', 'pyproject.toml', python, python.replace('["a"]', '["a", "b"]')],
  ['critical', 'pyproject.toml', python, python.replace('-q', '-q --ignore=tests')],
  ['critical', 'pyproject.toml', python, `${python}\n[build-system]\nbuild-backend = "evil"\n`],
  ['medium', 'go.mod', gomod, gomod.replace('v1.0.0', 'v1.1.0')],
  ['critical', 'go.mod', gomod, `${gomod}\nreplace a.example/b => ../evil\n`],
  ['critical', 'go.mod', gomod, `${gomod}\nreplace (\n\ta.example/b => ./evil\n)\n`],
  ['critical', 'go.mod', gomod, `${gomod}\ntoolchain go1.99\n`],
])('%s: a change of %s that %#', (risk, path, before, after) => {
  expect(riskFloor([file(path)], { contents: new Map([[path, { before, after }]]) }).risk).toBe(risk)
})

test('a file that a check names is critical', () => {
  expect(riskFloor([file('scripts/check.js')], { checks: [['node', './scripts/check.js']] }).risk).toBe('critical')
  expect(riskFloor([file('scripts/other.js')], { checks: [['node', './scripts/check.js']] }).risk).toBe('low')
  for (const argv of [
    ['node', 'scripts/check'],
    ['run', '--config=scripts/check.js'],
    ['python', '-m', 'scripts.check'],
  ])
    expect(riskFloor([file('scripts/check.js')], { checks: [argv] }).risk, argv.join(' ')).toBe('critical')
  expect(riskFloor([file('tools/check/__main__.py')], { checks: [['python', '-m', 'tools.check']] }).risk).toBe(
    'critical',
  )
  expect(riskFloor([file('check.js')], { checks: [['npm', 'run', 'check']] }).risk).toBe('low')
})

test('a secret in an added line is critical, and the reason does not repeat it', () => {
  const key = `sk-ant-${'a1'.repeat(20)}`
  const patch = `--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-x\n+const key = '${key}'\n`
  const floor = riskFloor([file('src/a.ts')], { patch })
  expect(floor).toEqual({ risk: 'critical', reasons: ['src/a.ts: an added line looks like a secret (Anthropic key)'] })
  expect(riskFloor([file('src/a.ts')], { patch: patch.replace('+const', '-const') }).risk).toBe('low')
})

test('a secret in an added line that reads like the head of a file is critical too', () => {
  const key = `sk-ant-${'a1'.repeat(20)}`
  const patch = `--- a/notes.txt\n+++ b/notes.txt\n@@ -1 +1 @@\n--- x\n+++ ${key}\n`
  expect(riskFloor([file('notes.txt')], { patch }).risk).toBe('critical')
})

test.each([
  [['made/HEAD', 'made/objects/x', 'made/refs/x']],
  [['made/HEAD']],
  [['made/head', 'made/commondir']],
  [['made/objects/x', 'made/refs/x']],
])('files that git could take for a repository are critical, also where a command made them: %j', (paths) => {
  expect(riskFloor(paths.map((path) => file(path, { status: 'added', oldMode: '000000' }))).risk).toBe('critical')
})

test('a folder of objects alone is none', () => {
  expect(riskFloor([file('src/objects/a.ts'), file('lib/refs/b.ts'), file('src/head.ts')]).risk).toBe('low')
})

test('a larger change stays low when it comes with tests', () => {
  expect(riskFloor([file('src/a.ts', { added: 250 })]).risk).toBe('medium')
  expect(riskFloor([file('src/a.ts', { added: 250 }), file('test/a.test.ts')]).risk).toBe('low')
})

test('a change is as grave as its gravest file, and every reason is kept, the gravest first', () => {
  const { risk, reasons } = riskFloor([
    file('src/a.ts'),
    file('Cargo.toml'),
    file('.npmrc'),
    file('src/old.ts', { status: 'deleted' }),
  ])
  expect({ risk, reasons }).toEqual({
    risk: 'critical',
    reasons: [
      '.npmrc: steers agents, git or CI (protected path)',
      'src/old.ts: is deleted',
      'Cargo.toml: is a dependency manifest or lock file',
    ],
  })
})

test('nothing changed is low', () => expect(riskFloor([])).toEqual({ risk: 'low', reasons: [] }))

test('what was not read to its end is critical, whatever was read', () => {
  expect(riskFloor([], { patch: '+harmless\n', unread: true })).toEqual({
    risk: 'critical',
    reasons: ['the change: too long to be searched to its end'],
  })
})
