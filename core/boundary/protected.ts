/** Steer agents, git, editors or installers wherever they lie: protected at any depth. */
const anywhere = [
  '.git',
  '.agents',
  '.claude',
  '.codex',
  '.mcp.json',
  '.npmrc',
  '.gitattributes',
  '.gitmodules',
  '.gitconfig',
  '.envrc',
  '.vscode',
  '.husky',
  '.idea',
  '.ripgreprc',
  'Jenkinsfile',
]

/** Continuous integration reads these at the top of a repository. */
const atTop = [
  '.github',
  '.gitlab',
  '.gitlab-ci.yml',
  '.gitea',
  '.forgejo',
  '.circleci',
  '.buildkite',
  '.ci',
  '.travis.yml',
  '.drone.yml',
  '.cirrus.yml',
  '.semaphore',
  '.teamcity',
  '.woodpecker',
  '.woodpecker.yml',
  '.appveyor.yml',
  'appveyor.yml',
  'azure-pipelines.yml',
  'azure-pipelines.yaml',
  'bitbucket-pipelines.yml',
  'buildspec.yml',
  'cloudbuild.yaml',
  'wercker.yml',
]

const configNames = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json', 'yaml', 'yml'].map(
  (ext) => `codeband.config.${ext}`,
)

/** Concrete names at the top of a worktree that the sandbox binds read-only over themselves, existing or not. */
export const protectedPaths: readonly string[] = [...anywhere, ...atTop, ...configNames, '.codebandrc']

/** Code points that some file system leaves out of names: HFS+ those that git's check for `.git` knows, ext4 and f2fs where they fold
 *  case all that Unicode calls ignorable. */
const ignorable = /\p{Default_Ignorable_Code_Point}|\p{Cf}/gu

const everywhere = new Set(anywhere.map(fold))
const top = new Set(atTop.map(fold))
/** First letters of what Windows calls `.gitmodules` in short: `gitmod~1`; the extension does not count. */
const shortNames = new Set([...protectedPaths, 'package.json'].map(shortStem))
/** Git's own short names, where the stem is a hash. */
const hashedShortName = /^gi(7eba|7d29|250a)~\d$/

/** What file systems may take a name for: without ignorable code points, case and compatible forms; without the trailing dots,
 *  blanks and stream names of Windows. Over-approximates: two names with different keys are different everywhere. */
export function fold(name: string): string {
  return name
    .replace(ignorable, '')
    .normalize('NFKC')
    .replace(ignorable, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '')
}

function shortStem(name: string): string {
  const plain = fold(name).replace(/^\.+/, '')
  const dot = plain.lastIndexOf('.')
  return (dot < 0 ? plain : plain.slice(0, dot)).replace(/[. ]/g, '').slice(0, 6)
}

function isProtectedName(folded: string): boolean {
  if (everywhere.has(folded) || folded.startsWith('codeband.config') || folded.startsWith('.codebandrc')) return true
  const tilde = folded.indexOf('~')
  if (tilde < 1 || !/^~\d+/.test(folded.slice(tilde))) return false
  return shortNames.has(folded.slice(0, tilde)) || hashedShortName.test(folded)
}

/** The rule that protects a path inside the worktree, or undefined. `.git` may not even be read. */
export function protection(path: string): { name: string; readable: boolean } | undefined {
  const parts = path.split(/[\\/]/)
  const folded = parts.map(fold)
  if (folded.some(isGit)) return { name: '.git', readable: false }
  const at = folded.findIndex((name, depth) => isProtectedName(name) || (depth === 0 && top.has(name)))
  if (at >= 0) return { name: parts[at]!, readable: true }
  if (folded[0] === '.config' && folded[1]?.startsWith('codeband')) return { name: '.config/codeband*', readable: true }
  return undefined
}

function isGit(folded: string): boolean {
  return folded === '.git' || /^git~\d+$/.test(folded)
}

/** Whether a file is a package.json, whose `codeband` key is protected. */
export function isManifest(path: string): boolean {
  return fold(path.slice(path.lastIndexOf('/') + 1)) === 'package.json'
}

/** Whether writing a package.json so would change its `codeband` key; undecidable counts as yes. */
export function changesBandKey(before: string | undefined, after: string | undefined): boolean {
  const old = before === undefined ? undefined : bandKey(before)
  const now = after === undefined ? undefined : bandKey(after)
  // A file that was broken before has no key that anything reads; one that becomes broken hides what it will say.
  if (now === unreadable) return true
  return old === unreadable ? now !== undefined : old !== now
}

const unreadable = Symbol('not JSON')

function bandKey(text: string): string | undefined | typeof unreadable {
  try {
    const value: unknown = JSON.parse(text)
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, 'codeband')) return undefined
    return JSON.stringify((value as Record<string, unknown>).codeband)
  } catch {
    // Not JSON is an answer here, not a failure.
    return unreadable
  }
}
