import type { Risk } from '../protocol/verdict.ts'
import { fold } from './protected.ts'

interface Contents {
  before?: string | undefined
  after?: string | undefined
}

/** What changed inside a package.json or a lock file; undefined where the path alone says enough. */
export function manifestRisk(path: string, contents: Contents | undefined): { risk: Risk; rule: string } | undefined {
  const name = fold(path.slice(path.lastIndexOf('/') + 1))
  if (name === 'package.json') return packageRisk(contents)
  if (name === 'composer.json') return packageRisk(contents, composer)
  if (/^deno\.jsonc?$/.test(name)) return packageRisk(contents, deno)
  if (name === 'pyproject.toml' || name === 'cargo.toml') return tomlRisk(contents)
  if (name === 'go.mod') return goRisk(contents)
  if (contents && lockFiles.has(name)) {
    const known = hostsIn(contents.before ?? '')
    const foreign = [...hostsIn(contents.after ?? '')].find((host) => !known.has(host))
    if (contents.before !== undefined && foreign !== undefined) {
      return { risk: 'critical', rule: `takes packages from a host that was not in it before (${foreign})` }
    }
  }
  return undefined
}

const lockFiles = new Set([
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'uv.lock',
  'poetry.lock',
  'composer.lock',
  'gemfile.lock',
  'cargo.lock',
])
const dependencies = new Set([
  'dependencies',
  'devDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'optionalDependencies',
  'bundledDependencies',
  'bundleDependencies',
  'overrides',
  'resolutions',
  'engines',
  'packageManager',
  'workspaces',
  'type',
  'main',
  'module',
  'exports',
  'imports',
  'types',
  'files',
  'browser',
  'sideEffects',
])
const descriptive = new Set([
  'name',
  'version',
  'description',
  'keywords',
  'author',
  'contributors',
  'license',
  'homepage',
  'repository',
  'bugs',
  'funding',
  'private',
])

const composer = new Set(['require', 'require-dev', 'conflict', 'provide', 'suggest', 'minimum-stability'])
const deno = new Set(['imports', 'exports', 'workspace'])

/** A key nobody classified may well configure a test runner, so it counts as one that does. */
function packageRisk(
  contents: Contents | undefined,
  needs: ReadonlySet<string> = dependencies,
): { risk: Risk; rule: string } {
  if (contents === undefined) return { risk: 'critical', rule: 'may change scripts; its contents are not known here' }
  const before = objectIn(contents.before)
  const after = objectIn(contents.after)
  if (!before || !after) return { risk: 'critical', rule: 'is not readable as JSON' }
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  )
  const grave = changed.find((key) => !needs.has(key) && !descriptive.has(key))
  if (grave !== undefined) {
    const rule =
      grave === 'codeband'
        ? 'changes the configuration of codeband'
        : `changes '${grave}', which may decide what checks run`
    return { risk: 'critical', rule }
  }
  const dependency = changed.find((key) => needs.has(key))
  if (dependency !== undefined) return { risk: 'medium', rule: `changes '${dependency}'` }
  return { risk: 'low', rule: 'changes only what describes the package' }
}

/** Tables that only say what is needed or what the package is called. */
const plainTable =
  /^(project|package|(workspace\.)?(dev-|build-)?dependencies(\..*)?|target\..*\.(dev-|build-)?dependencies(\..*)?|project\.(optional-dependencies|urls|authors)(\..*)?|dependency-groups|features|workspace\.package|tool\.poetry(\.(dev-|group\.[\w-]+\.)?dependencies)?|badges)$/
/** Keys of plain tables that run or replace something all the same. */
const graveKey =
  /^\s*(build|links|autotests|autobins|autoexamples|autobenches|default-run|metadata|path|git|dynamic|packages|include|exclude)\b|\b(path|git|url)\s*=/

/** A table that nobody classified may well configure a test runner or the build. */
function tomlRisk(contents: Contents | undefined): { risk: Risk; rule: string } | undefined {
  if (contents === undefined) return undefined
  const before = tablesIn(contents.before)
  const after = tablesIn(contents.after)
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [old = [], now = []] = [before.get(name), after.get(name)]
    const differing = [...old.filter((line) => !now.includes(line)), ...now.filter((line) => !old.includes(line))]
    if (differing.length === 0) continue
    const grave = plainTable.test(name) ? differing.find((line) => graveKey.test(line)) : `[${name}]`
    if (grave !== undefined)
      return { risk: 'critical', rule: `changes '${grave.trim().slice(0, 60)}', which may decide what checks run` }
  }
  return undefined
}

/** Lines by the table that they stand in, without comments and blanks; '' before the first header. */
function tablesIn(text = ''): Map<string, string[]> {
  const tables = new Map<string, string[]>()
  let name = ''
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[+\s*([^\]]+?)\s*\]+\s*(#.*)?$/.exec(line)?.[1]
    if (header !== undefined) name = header.replaceAll(/["']/g, '')
    else if (/^\s*(#.*)?$/.test(line)) continue
    tables.set(name, [...(tables.get(name) ?? []), ...(header === undefined ? [line] : [])])
  }
  return tables
}

/** Where modules come from, and with which tool chain. */
function goRisk(contents: Contents | undefined): { risk: Risk; rule: string } | undefined {
  const told = (text = ''): string =>
    [...text.matchAll(/^\s*(replace|toolchain|godebug|tool)\b[^(\n]*(\([^)]*\))?|^.*=>.*$/gm)]
      .map(([all]) => all)
      .join('\n')
  if (contents === undefined || told(contents.before) === told(contents.after)) return undefined
  return { risk: 'critical', rule: 'replaces modules or the tool chain' }
}

function objectIn(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    // Not JSON is an answer here, not a failure.
    return undefined
  }
}

function hostsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/[a-z][a-z+]*:\/\/([^/\s"'\\]+)/gi)].map(([, host]) => host!.toLowerCase()))
}
