import { chmod, lstat, mkdir, realpath, rm } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { ownRegistry } from '../boundary/host.ts'
import { protectedPaths } from '../boundary/protected.ts'
import { packageRegistries } from '../config.ts'
import { CodebandError } from '../errors.ts'
import type { Worktree } from '../ports/workspace.ts'
import type { Runtime } from './runtime.ts'

/** Files whose change makes `setup` run once more at the commit itself. */
const manifests =
  /(^|\/)(package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|requirements[^/]*\.txt|pyproject\.toml|uv\.lock|poetry\.lock|Cargo\.(toml|lock)|go\.(mod|sum)|Gemfile(\.lock)?)$/

/** What installing needs to know of this machine. Its proxy is not among it: the way out is the sandbox's, and a proxy may have a
 *  password. */
const passed = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'npm_config_registry',
  'npm_config_cafile',
  'NPM_CONFIG_REGISTRY',
  'NPM_CONFIG_CAFILE',
]

/** Those that name a file, which the sandbox must show. */
const certificates = new Set(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'npm_config_cafile', 'NPM_CONFIG_CAFILE'])

/** Where commands run: a worktree by that name, and a home of their own. */
export interface CommandPlace {
  name: string
  home: string
  /** What `homeEnv` gives is part of it. */
  env: Readonly<Record<string, string>>
}

export function homeEnv(home: string): { HOME: string; TMPDIR: string } {
  return { HOME: home, TMPDIR: join(home, 'tmp') }
}

/** A new home: what the tests of one change leave in theirs has no say in those of the next. `from`: with what installers put into that one. */
export async function newHome({ sandbox, standIns }: Runtime, home: string, from?: string): Promise<void> {
  if (standIns) return
  await sandbox.freshHome(home, from)
  await mkdir(homeEnv(home).TMPDIR, { recursive: true, mode: 0o700 })
}

/** A folder that can be written, in the place of whatever a script of an installer has put there: it would stop every `setup` from then on. */
async function folderAt(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isDirectory() === false) await rm(path, { force: true })
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
}

/** A worktree at `commit` and a new home, made ready: `setup` runs with the files that a person has on the branch below `base`, never with
 *  what is under review or only waits to land, in a home that it has for itself and that every place gets a copy of; where dependencies
 *  differ from there it runs again at the commit, with install scripts off, and what it installs then stays in this place.
 *  CB_SETUP_FAILED. */
export async function prepareWorktree(
  runtime: Runtime,
  { name, home, env }: CommandPlace,
  base: string,
  commit: string,
): Promise<Worktree> {
  const { workspaces, config, settingUp } = runtime
  if (config.setup.length === 0) {
    await newHome(runtime, home)
    return workspaces.checkout(name, commit)
  }
  const own = join(runtime.home, 'cache')
  await folderAt(homeEnv(own).TMPDIR)
  // A change that builds on others has them in its base.
  const landed = await workspaces.landedBelow(base)
  const fresh = await workspaces.checkout(name, landed)
  const there = { commit: landed, whose: 'base', home: own, env: { ...env, ...homeEnv(own) } } as const
  await settingUp.run('fill', () => runSetup(runtime, fresh, there))
  await settingUp.run('copy', () => newHome(runtime, home, own))
  if (commit === landed) return fresh
  const worktree = await workspaces.checkout(name, commit, { keepIgnored: true })
  const touched = await workspaces.diff(landed, commit)
  if (touched.some(({ path }) => manifests.test(path))) {
    await runSetup(runtime, worktree, {
      commit,
      whose: 'change',
      home,
      env: { ...env, npm_config_ignore_scripts: 'true' },
    })
  }
  return worktree
}

async function runSetup(
  runtime: Runtime,
  worktree: Worktree,
  { commit, whose, home, env }: Omit<CommandPlace, 'name'> & { commit: string; whose: 'base' | 'change' },
): Promise<void> {
  const { sandbox, config, workspaces, stopping, hostEnv } = runtime
  const fromHost: Record<string, string> = {}
  const shown: string[] = []
  for (const name of passed) {
    const given = hostEnv[name]
    if (given === undefined) continue
    // Without links on the way: nothing can be bound over one. A file that is not there is the installer's to complain about.
    const file = certificates.has(name) && isAbsolute(given) ? await realpath(given).catch(() => undefined) : undefined
    if (file !== undefined) shown.push(file)
    fromHost[name] = file ?? (whose === 'change' ? withoutLogin(given) : given)
  }
  const network = reachable(config.network, hostEnv)
  for (const argv of config.setup) {
    const { exitCode, output, cancelled, timedOut, refusedHosts } = await sandbox.run({
      argv,
      cwd: worktree.path,
      worktree: worktree.path,
      writable: true,
      protect: protectedPaths,
      readable: [workspaces.store, ...shown],
      home,
      network,
      env: { ...env, ...fromHost, npm_config_update_notifier: 'false' },
      timeoutMs: config.limits.commandMinutes * 60_000,
      maxOutput: 64 * 1024,
      signal: stopping,
    })
    if (exitCode === 0 || cancelled) continue
    const exit = timedOut ? 'a time-out' : exitCode === null ? 'a signal' : `exit code ${exitCode}`
    const cure = refusedHosts ? wanted(refusedHosts, config.network, whose) : ''
    throw new CodebandError('CB_SETUP_FAILED', {
      ...{ commit, command: argv.join(' '), exit },
      output: `${output.slice(-4000).trimEnd()}${cure}`,
    })
  }
  // What setup made is nobody's work; what it changed (a lock file that an installer rewrites) would count as the worker's.
  const changed = await worktree.trackedChanges()
  await worktree.restore(changed.map(({ path }) => path))
  await worktree.settle()
}

/** What is under review could carry a password to any host of `network`. */
function withoutLogin(value: string): string {
  const url = URL.parse(value)
  if (url === null || (url.username === '' && url.password === '')) return value
  url.username = ''
  url.password = ''
  return url.href
}

/** A machine that has a mirror of npm's registry has it in the place of the original. */
function reachable(network: readonly string[], hostEnv: Runtime['hostEnv']): readonly string[] {
  const own = network.includes('registry.npmjs.org') ? ownRegistry(hostEnv) : undefined
  return own === undefined ? network : [...network, own]
}

/** Who reads it decides about a host that a change may have named. */
function wanted(hosts: readonly string[], network: readonly string[], whose: 'base' | 'change'): string {
  const list = hosts.map((host) => `'${host}'`).join(', ')
  const whole = network.join() === packageRegistries.join() ? ` (\`network: [...packageRegistries, ${list}]\`)` : ''
  const it = hosts.length === 1 ? 'it' : 'them'
  const where = whose === 'change' ? ', with the files of a change that is not reviewed yet' : ''
  return `\n\`setup\` wanted ${hosts.join(', ')}${where}; add ${it} to \`network\` in codeband.config.ts if you trust ${it}${whole}.`
}
