import type { Risk } from '../protocol/verdict.ts'
import { manifestRisk } from './manifest.ts'
import { fold, protection } from './protected.ts'
import { secretIn } from './secret.ts'

/** One changed file, as git compares two commits. */
export interface ChangedFile {
  path: string
  /** Before a rename. */
  from?: string
  status: 'added' | 'modified' | 'deleted' | 'renamed' | 'type-changed'
  /** Lines; undefined for a binary file. */
  added?: number
  deleted?: number
  /** As git has them: `100644`, `100755`, `120000`, `160000`; 000000 for none. */
  oldMode: string
  newMode: string
}

export interface RiskOptions {
  /** Contents before and after, at least of every package.json and lock file: with them a mere dependency bump is told from a
   *  change of scripts. Undefined inside: not there. */
  contents?: ReadonlyMap<string, { before?: string | undefined; after?: string | undefined }>
  /** The commands that must pass, and those that roles may run: a file that they name is what they mean. */
  checks?: readonly (readonly string[])[]
  /** The unified diff; its added lines are searched for secrets. */
  patch?: string
  /** `patch` or `contents` is not all of it. */
  unread?: boolean
}

export interface RiskFloor {
  risk: Risk
  /** Each names the file and the rule; the gravest first. */
  reasons: string[]
}

interface Reason {
  risk: Risk
  text: string
}

const order: readonly Risk[] = ['low', 'medium', 'high', 'critical']
const smallLines = 200
const largeLines = 600

/** The least risk that a change has, whatever a reviewer says. Only what is known to be harmless is low. */
export function riskFloor(files: readonly ChangedFile[], options: RiskOptions = {}): RiskFloor {
  const reasons = [...files.flatMap((file) => risksOf(file, options)), ...risksOfWhole(files, options)]
  reasons.sort((a, b) => order.indexOf(b.risk) - order.indexOf(a.risk))
  return { risk: reasons[0]?.risk ?? 'low', reasons: [...new Set(reasons.map(({ text }) => text))] }
}

function risksOf(file: ChangedFile, options: RiskOptions): Reason[] {
  const { path, from, status, oldMode, newMode, added } = file
  const reasons: Reason[] = []
  const add = (risk: Risk, rule: string, at = path) => reasons.push({ risk, text: `${at}: ${rule}` })
  for (const at of from === undefined ? [path] : [path, from]) {
    if (protection(at)) add('critical', 'steers agents, git or CI (protected path)', at)
    const rule = pathRules.find(({ fits }) => fits(at))
    if (rule) add(rule.risk, rule.rule, at)
    if (namedByChecks(at, options.checks ?? []))
      add('critical', 'is named by a check, so it decides what passing means', at)
  }
  if (newMode === '160000' || oldMode === '160000') add('critical', 'is a submodule')
  else if (newMode === '120000') add('critical', 'becomes a symbolic link')
  else if (newMode === '100755' && oldMode !== '100755') add('critical', 'becomes executable')
  else if (status === 'type-changed' || (oldMode !== newMode && status === 'modified')) add('high', 'changes its mode')
  if (status === 'deleted') add('high', 'is deleted')
  const whole = manifestRisk(path, options.contents?.get(path))
  if (whole) add(whole.risk, whole.rule)
  if (status !== 'deleted' && status !== 'renamed' && added === undefined)
    add('medium', 'is binary, no review can read it')
  return reasons
}

function risksOfWhole(files: readonly ChangedFile[], { patch, unread }: RiskOptions): Reason[] {
  const reasons: Reason[] = []
  const size = (some: readonly ChangedFile[]) =>
    some.reduce((sum, { added = 0, deleted = 0 }) => sum + added + deleted, 0)
  const lines = size(files)
  if (lines > largeLines) reasons.push({ risk: 'high', text: `the change: ${lines} lines, more than ${largeLines}` })
  const source = files.filter(({ path }) => !isDocs(path) && !isTest(path))
  const tested = files.some(({ path, status }) => isTest(path) && status !== 'deleted')
  if (!tested && size(source) > smallLines) {
    reasons.push({
      risk: 'medium',
      text: `the change: ${size(source)} lines without a change of tests, more than ${smallLines}`,
    })
  }
  for (const { path, added = 0, deleted = 0 } of files) {
    if (isTest(path) && deleted > added) reasons.push({ risk: 'medium', text: `${path}: loses lines of a test` })
  }
  for (const { path } of files) {
    const own = declares.find(([lock]) => lock.test(base(path)))
    if (own && !files.some((other) => own[1].test(base(other.path)))) {
      reasons.push({ risk: 'high', text: `${path}: installs something else, though no manifest changed` })
    }
  }
  for (const path of repositoryLike(files)) {
    reasons.push({
      risk: 'critical',
      text: `${path}: git could take its folder for a repository and obey what lies in it`,
    })
  }
  if (unread) reasons.push({ risk: 'critical', text: 'the change: too long to be searched to its end' })
  const secret = patch === undefined ? undefined : secretIn(patch)
  if (secret)
    reasons.push({ risk: 'critical', text: `${secret.path}: an added line looks like a secret (${secret.kind})` })
  return reasons
}

/** Files that make, or complete, what git takes for a repository: HEAD beside objects and refs, or beside commondir. The gate lets no
 *  file tool make one; a command may. */
function repositoryLike(files: readonly ChangedFile[]): string[] {
  const paths = files.filter(({ status }) => status !== 'deleted').map(({ path }) => path)
  const folders = (mark: string): Set<string> =>
    new Set(
      paths.flatMap((path) => {
        const names = path.split('/').map(fold)
        return names.flatMap((name, at) => (name === mark ? [names.slice(0, at).join('/')] : []))
      }),
    )
  const refs = folders('refs')
  const both = new Set([...folders('objects')].filter((folder) => refs.has(folder)))
  return paths.filter(
    (path) =>
      ['head', 'commondir'].includes(base(path)) ||
      [...both].some((folder) => fold(path).startsWith(folder === '' ? 'objects/' : `${folder}/objects/`)),
  )
}

interface PathRule {
  risk: Risk
  rule: string
  fits(path: string): boolean
}

const base = (path: string): string => fold(path.slice(path.lastIndexOf('/') + 1))

const checkConfiguration =
  /^(vitest|vite|jest|playwright|cypress|karma|ava|mocha|wdio|tap|nyc|c8|stryker)\.(config|workspace|setup|conf)\.[a-z]+$|^\.(mocharc|nycrc|c8rc|taprc|jestrc|coveragerc)(\.[a-z]+)?$|^(pytest\.ini|conftest\.py|tox\.ini|noxfile\.py|setup\.cfg|phpunit\.xml(\.dist)?|codecov\.yml|biome\.jsonc?|\.eslintrc(\.[a-z]+)?|eslint\.config\.[a-z]+|nextest\.toml|\.golangci\.[a-z]+|\.rspec|(spec|rails|test)_helper\.rb|(site|user)customize\.py|[^/]*\.pth|node\.config\.json|(web-test-runner|cucumber|codecept|protractor)(\.conf(ig)?)?\.[cm]?[jt]s|\.eslintignore|\.prettier(rc(\.[a-z0-9]+)?|ignore)|\.stylelintrc(\.[a-z]+)?|\.oxlintrc\.json|\.flake8|\.?ruff\.toml|\.?mypy\.ini|pyrightconfig\.json|\.?pylintrc|\.rubocop\.ya?ml|\.?clippy\.toml|phpstan\.neon(\.dist)?|psalm\.xml(\.dist)?)$/
/** They say what a command such as `make test` does, as the scripts of a package.json do. */
const commandFile =
  /^(makefile|gnumakefile|[^/]*\.mk|\.?justfile|taskfile(\.dist)?\.ya?ml|rakefile|gradlew(\.bat)?|mvnw(\.cmd)?|\.bazelrc|directory\.build\.(props|targets)|rust-toolchain(\.toml)?|go\.work)$/
const commandFolder = /(^|\/)(\.cargo|\.mvn|gradle\/wrapper)\//i
/** Programs that an installer runs when it reads them: in `setup`, at the change and, once they have landed, with the network for all. */
const installCode =
  /^(setup\.py|conanfile\.py|gemfile|[^/]*\.gemspec|podfile|mix\.exs|package\.swift|build\.rs|[^/]*\.gypi?|[^/]*\.gradle(\.kts)?|[^/]*\.sbt|pom\.xml)$/
/** Where installers put what commands then run, and package managers keep their own programs. */
const installed =
  /(^|\/)(node_modules|bower_components|\.venv|venv|site-packages|__pypackages__|\.yarn|\.bundle|vendor\/(bundle|bin|composer))\/|(^|\/)\.pnp\.[a-z.]+$|(^|\/)vendor\/autoload\.php$/i
/** They run programs in the editor, the shell, the hooks or the agent of whoever has the repository. */
const personsFile =
  /^(\.?mise(\.[a-z]+)?\.toml|\.tool-versions|\.?devcontainer\.json|\.exrc|\.nvimrc|\.nvim\.lua|\.l?vimrc|\.dir-locals(-2)?\.el|[^/]*\.(code-workspace|sublime-project)|[^/]*\.nix|vagrantfile|tiltfile|\.irbrc|\.pryrc|\.autoenv(\.zsh)?|\.aider\.conf\.ya?ml|opencode\.jsonc?)$/
const personsFolder =
  /(^|\/)(\.mise|\.config\/mise|\.devcontainer|\.zed|\.fleet|\.cursor|\.gemini|\.windsurf|\.kiro|\.roo|\.cline|\.continue|\.opencode|\.amazonq|\.?git-?hooks)\//i
const build =
  /^(cmakelists\.txt|build\.(zig|ts|js|mjs|xml)|gulpfile\.[a-z]+|gruntfile\.[a-z]+|webpack\.config\.[a-z]+|rollup\.config\.[a-z]+|tsup\.config\.[a-z]+|babel\.config\.[a-z]+|\.babelrc|tsconfig[^/]*\.json|turbo\.json|nx\.json|lerna\.json|dockerfile[^/]*|containerfile|docker-compose[^/]*\.ya?ml|compose\.ya?ml|meson\.build|build\.bazel|workspace|module\.bazel|next\.config\.[a-z]+)$/
const manifest =
  /^(package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|requirements[^/]*\.(txt|in)|pyproject\.toml|pipfile(\.lock)?|uv\.lock|poetry\.lock|cargo\.(toml|lock)|go\.(mod|sum)|gemfile\.lock|composer\.lock|mix\.lock|pubspec\.(yaml|lock)|packages\.lock\.json|[^/]*\.(csproj|podspec)|podfile\.lock|gradle\.lockfile|libs\.versions\.toml)$/
const installer =
  /^(uv\.toml|p(oetry|dm)\.toml|\.pdm\.toml|nuget\.config|\.yarnrc(\.yml)?|\.pnpmfile\.[cm]?js|pnpm-workspace\.yaml|\.gemrc|\.bunfig\.toml|bunfig\.toml|pip\.conf|\.pypirc|\.netrc|\.pre-commit-config\.yaml|lefthook\.ya?ml|\.lefthook\.ya?ml|\.lintstagedrc[^/]*)$/
const agentInstructions = /^(claude|agents|gemini|codex)(\.local)?\.md$|^\.cursorrules$/
const credentials = /^\.env(\..*)?$|\.(pem|key|p12|pfx|jks|keystore)$|^id_(rsa|ed25519|ecdsa)$/
const sensitive = new Set(
  'auth authn authz authentication authorization oauth oauth2 oidc saml sso jwt login logout signin signup session sessions password passwords passwd credential credentials crypto cryptography encrypt encryption decrypt cipher signing signature permission permissions acl rbac policy policies security sandbox csrf cors payment payments billing checkout invoice invoices payout refund refunds wallet stripe paypal'.split(
    ' ',
  ),
)
const migration = new Set(['migration', 'migrations', 'migrate', 'alembic', 'flyway', 'liquibase'])

/** Lock files, and the manifests of which they are the consequence. */
const declares: readonly (readonly [RegExp, RegExp])[] = [
  [
    /^(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?)$/,
    /^(package\.json|pnpm-workspace\.yaml)$/,
  ],
  [/^(uv|poetry|pdm)\.lock$|^pipfile\.lock$/, /^(pyproject\.toml|pipfile|setup\.(py|cfg))$/],
  [/^cargo\.lock$/, /^cargo\.toml$/],
  [/^go\.sum$/, /^go\.mod$/],
  [/^gemfile\.lock$/, /^(gemfile|[^/]*\.gemspec)$/],
  [/^composer\.lock$/, /^composer\.json$/],
  [/^mix\.lock$/, /^mix\.exs$/],
  [/^deno\.lock$/, /^(deno\.jsonc?|package\.json)$/],
]

/** The first that fits counts. */
const pathRules: readonly PathRule[] = [
  { risk: 'critical', rule: 'configures what checks mean', fits: (path) => checkConfiguration.test(base(path)) },
  {
    risk: 'critical',
    rule: 'says what a command does',
    fits: (path) => commandFile.test(base(path)) || commandFolder.test(path),
  },
  { risk: 'critical', rule: 'configures the installer or hooks', fits: (path) => installer.test(base(path)) },
  { risk: 'critical', rule: 'is a program that installing runs', fits: (path) => installCode.test(base(path)) },
  { risk: 'critical', rule: 'lies where installers put what checks run', fits: (path) => installed.test(path) },
  {
    risk: 'critical',
    rule: "steers a person's editor, shell, hooks or agent",
    fits: (path) => personsFile.test(base(path)) || personsFolder.test(path),
  },
  { risk: 'high', rule: 'instructs agents', fits: (path) => agentInstructions.test(base(path)) },
  { risk: 'high', rule: 'is a place for credentials', fits: (path) => credentials.test(base(path)) },
  {
    risk: 'medium',
    rule: 'is a dependency manifest or lock file',
    fits: (path) => manifest.test(base(path)) && base(path) !== 'package.json',
  },
  { risk: 'medium', rule: 'configures the build', fits: (path) => build.test(base(path)) },
  {
    risk: 'medium',
    rule: 'is a recorded result of tests',
    fits: (path) => /(\.snap$|(^|\/)__snapshots__\/|\.golden$|(^|\/)goldens?\/)/i.test(path),
  },
  {
    risk: 'high',
    rule: 'migrates data',
    fits: (path) => !isDocs(path) && !isTest(path) && (hasWord(path, migration) || /\.sql$/i.test(path)),
  },
  {
    risk: 'high',
    rule: 'is about authentication, cryptography, permissions or payment',
    fits: (path) => !isDocs(path) && !isTest(path) && hasWord(path, sensitive),
  },
]

function isDocs(path: string): boolean {
  return /\.(md|mdx|markdown|txt|rst|adoc)$/i.test(path) && !manifest.test(base(path))
}

function isTest(path: string): boolean {
  return (
    /(^|\/)(tests?|__tests__|spec|specs|testing|e2e)\//i.test(path) ||
    /([._-](test|spec)s?\.[a-z]+|_test\.[a-z]+|(^|\/)test_[^/]*)$/i.test(path)
  )
}

function hasWord(path: string, words: ReadonlySet<string>): boolean {
  const spaced = path.replace(/([a-z0-9])([A-Z])/g, '$1 $2')
  return spaced.split(/[^A-Za-z0-9]+/).some((word) => words.has(word.toLowerCase()))
}

/** `./scripts/check.js`, `scripts/check` for `scripts/check.js`, `--config=ci/test.json`, `-m tools.check` for `tools/check.py`. */
function namedByChecks(path: string, checks: readonly (readonly string[])[]): boolean {
  const bare = path.replace(/\.[^./]+$/, '')
  return checks.some((argv) =>
    argv.some((word, at) => {
      const named = word.replace(/^-[^=]*=/, '').replace(/^\.\//, '')
      const module = argv[at - 1] === '-m' ? word.replaceAll('.', '/') : undefined
      return (
        named === path || (named === bare && named.includes('/')) || module === bare || `${module}/__main__` === bare
      )
    }),
  )
}
