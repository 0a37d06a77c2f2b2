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

/** A key nobody classified may well configure a test runner, so it counts as one that does. */
function packageRisk(contents: Contents | undefined): { risk: Risk; rule: string } {
  if (contents === undefined) return { risk: 'critical', rule: 'may change scripts; its contents are not known here' }
  const before = objectIn(contents.before)
  const after = objectIn(contents.after)
  if (!before || !after) return { risk: 'critical', rule: 'is not readable as JSON' }
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  )
  const grave = changed.find((key) => !dependencies.has(key) && !descriptive.has(key))
  if (grave !== undefined) {
    const rule =
      grave === 'codeband'
        ? 'changes the configuration of codeband'
        : `changes '${grave}', which may decide what checks run`
    return { risk: 'critical', rule }
  }
  const dependency = changed.find((key) => dependencies.has(key))
  if (dependency !== undefined) return { risk: 'medium', rule: `changes '${dependency}'` }
  return { risk: 'low', rule: 'changes only what describes the package' }
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
