import { mkdir, realpath } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { protectedPaths } from '../boundary/protected.ts'
import { CodebandError } from '../errors.ts'
import type { Worktree } from '../ports/workspace.ts'
import type { Runtime } from './runtime.ts'

/** Files whose change makes `setup` run once more at the commit itself. */
const manifests =
  /(^|\/)(package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|requirements[^/]*\.txt|pyproject\.toml|uv\.lock|poetry\.lock|Cargo\.(toml|lock)|go\.(mod|sum)|Gemfile(\.lock)?)$/

/** What installing needs to know of this machine; none of it is a secret. */
const passed = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'npm_config_registry',
  'npm_config_cafile',
  'NPM_CONFIG_REGISTRY',
  'NPM_CONFIG_CAFILE',
]

/** Those that name a file, which the sandbox must show. */
const certificates = new Set(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'npm_config_cafile', 'NPM_CONFIG_CAFILE'])

/** A worktree at `commit`, made ready: `setup` runs with the files of `base`, which a person has on the branch, never with what is
 *  under review; where the change touches dependencies it runs again at the commit, with install scripts off. CB_SETUP_FAILED. */
export async function prepareWorktree(
  runtime: Runtime,
  name: string,
  base: string,
  commit: string,
  env: Readonly<Record<string, string>>,
): Promise<Worktree> {
  const { workspaces, config } = runtime
  if (config.setup.length === 0) return workspaces.checkout(name, commit)
  const fresh = await workspaces.checkout(name, base)
  await runSetup(runtime, fresh, base, env)
  if (commit === base) return fresh
  const worktree = await workspaces.checkout(name, commit, { keepIgnored: true })
  const touched = await workspaces.diff(base, commit)
  if (touched.some(({ path }) => manifests.test(path))) {
    await runSetup(runtime, worktree, commit, { ...env, npm_config_ignore_scripts: 'true' })
  }
  return worktree
}

async function runSetup(
  runtime: Runtime,
  worktree: Worktree,
  commit: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { sandbox, config, workspaces, stopping, hostEnv } = runtime
  const home = join(runtime.home, 'cache')
  await mkdir(home, { recursive: true, mode: 0o700 })
  const fromHost: Record<string, string> = {}
  const shown: string[] = []
  for (const name of passed) {
    const given = hostEnv[name]
    if (given === undefined) continue
    // Without links on the way: nothing can be bound over one. A file that is not there is the installer's to complain about.
    const file = certificates.has(name) && isAbsolute(given) ? await realpath(given).catch(() => undefined) : undefined
    if (file !== undefined) shown.push(file)
    fromHost[name] = file ?? given
  }
  for (const argv of config.setup) {
    const { exitCode, output, cancelled, timedOut } = await sandbox.run({
      argv,
      cwd: worktree.path,
      worktree: worktree.path,
      writable: true,
      protect: protectedPaths,
      readable: [workspaces.store, ...shown],
      home,
      network: true,
      env: { ...env, ...fromHost, HOME: home, npm_config_update_notifier: 'false' },
      timeoutMs: config.limits.commandMinutes * 60_000,
      maxOutput: 64 * 1024,
      signal: stopping,
    })
    if (exitCode === 0 || cancelled) continue
    const exit = timedOut ? 'a time-out' : exitCode === null ? 'a signal' : `exit code ${exitCode}`
    throw new CodebandError('CB_SETUP_FAILED', { commit, command: argv.join(' '), exit, output: output.slice(-4000) })
  }
  // What setup made is nobody's work; what it changed (a lock file that an installer rewrites) would count as the worker's.
  const changed = await worktree.trackedChanges()
  await worktree.restore(changed.map(({ path }) => path))
  await worktree.settle()
}
