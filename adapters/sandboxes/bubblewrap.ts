import { statSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandLimits, CommandResult, Sandbox, SandboxCommand } from '../../core/ports/sandbox.ts'
import { type Egress, openEgress } from '../network/egress-proxy.ts'
import { type WayOut, wayOut } from '../network/way-out.ts'
import { type LiveProcess, run } from '../processes/process.ts'
import { signalGroup, signalProcess } from '../processes/process-group.ts'
import { HOSTNAME, madeUpFiles, programBinds, SYSTEM, systemBinds, within } from './bubblewrap/binds.ts'
import { withoutKeyrings } from './bubblewrap/keyrings.ts'
import { relay, relayed, relayFile, socketFile } from './bubblewrap/relay.ts'
import { freshHome } from './fresh-home.ts'
import { findLimiters, firstToGo, type Limiters, limited, startProblem, told } from './limits.ts'
import { openPrograms, type Programs } from './programs.ts'
import { type Snapshot, snapshot } from './protected-paths.ts'
import { scratchCopy, withoutCopy } from './scratch-copy.ts'
import { type Watched, watch } from './watch.ts'

export interface Bubblewrap {
  /** Absolute path of bwrap. */
  program: string
  /** Options this bwrap knows, as in its `--help`. */
  options: ReadonlySet<string>
  limiters: Limiters
  /** Where the writes of `writable: false` go: an overlay that bwrap makes (from 0.9 on), one that is mounted for it in a namespace
   *  around it, or a copy of the worktree, which takes seconds for a large one. */
  throwAway: ThrowAway
}

export type ThrowAway = 'overlay' | 'mounted' | 'copy'

/** Memory: a full /tmp must not take the host's. */
const TMP_BYTES = 1024 ** 3

const PLACES = ['/usr/bin', '/bin', '/usr/local/bin', '/run/wrappers/bin', '/run/current-system/sw/bin']

/** The installed bwrap with all it needs, or what is missing. `places` are folders. */
export async function findBubblewrap(places: readonly string[] = PLACES): Promise<Bubblewrap | { missing: string }> {
  const limiters = await findLimiters()
  for (const place of places) {
    const program = `${place}/bwrap`
    const limits = { timeoutMs: 10_000, maxOutput: 64_000 }
    const { exitCode, stdout } = await run([program, '--help'], { cwd: '/', env: {}, ...limits })
    if (exitCode !== 0) continue
    if (!limiters) return { missing: 'util-linux' }
    const options = new Set(stdout.match(/--[a-z0-9-]+/g))
    return { program, options, limiters, throwAway: options.has('--tmp-overlay') ? 'overlay' : 'mounted' }
  }
  return { missing: 'bubblewrap' }
}

/** Runs each command in namespaces of its own, with minimal read-only binds of the host. Hosts are reached by a proxy on this side,
 *  which goes out by `way`. A command ended by a signal has exit code 128 + its number, as in a shell; PWD is added to its environment. */
export async function bubblewrap(found: Bubblewrap, limits: CommandLimits, way: WayOut = wayOut()): Promise<Sandbox> {
  const system = await systemBinds()
  const opened = { ...found, limits, programs: openPrograms() }
  async function run(installed: Opened, command: SandboxCommand): Promise<CommandResult> {
    if (command.writable || installed.throwAway === 'overlay')
      return runIn(installed, system, command.worktree, command)
    if (installed.throwAway === 'mounted') return runIn(installed, system, MOUNTED, command)
    const copy = await scratchCopy(command.worktree, command)
    try {
      if (copy.path === undefined) return { ...withoutCopy(copy.made), sandbox: 'bubblewrap' }
      return await runIn(installed, system, copy.path, command)
    } finally {
      await copy.remove()
    }
  }
  return {
    kind: 'bubblewrap',
    freshHome,
    async run(command) {
      await mkdir(command.home, { recursive: true, mode: 0o700 })
      if (command.network.length === 0) return run(opened, command)
      const egress = await openEgress(command.network, way)
      try {
        const result = await run({ ...opened, egress }, command)
        const refusedHosts = egress.refused()
        return refusedHosts.length > 0 ? { ...result, refusedHosts } : result
      } finally {
        await egress.close()
      }
    },
  }
}

/** `egress`: the way out of a command that has one. */
type Opened = Bubblewrap & { limits: CommandLimits; programs: Programs; egress?: Egress }

async function runIn(
  installed: Opened,
  system: readonly string[],
  source: string,
  command: SandboxCommand,
): Promise<CommandResult> {
  const env = { HOME: command.home, ...command.env }
  // Options are separated by NUL: one in a value would begin an option of the caller's choice.
  if (
    Object.entries(env)
      .flat()
      .some((text) => text.includes('\0'))
  )
    return refused('a NUL byte in the environment')
  const guard = await snapshot(command.worktree, command.protect)
  const { egress } = installed
  const made = { ...madeUpFiles(), ...(egress && { [relayFile]: relay }) }
  const hidden = [command.worktree, command.home, ...command.readable]
  const path = command.env.PATH ?? ''
  const binds = await programBinds(path, hidden)
  const options = [
    ...isolation(installed),
    ...sameUser(installed, command),
    ...system,
    ...Object.keys(made).flatMap((path, index) => ['--file', String(index + 4), path]),
    ...(egress ? ['--ro-bind', egress.socket, socketFile] : []),
    ...binds,
    ...command.readable.flatMap((path) => ['--ro-bind-try', path, path]),
    ...['--bind', command.home, command.home],
    ...worktreeBinds(installed, source, command, guard),
    // The kernel takes a root's word for its settings even without a capability, and one of them names a program to run.
    ...['--remount-ro', '/proc', '--remount-ro', '/', '--clearenv'],
    ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--chdir', command.cwd],
    ...['--seccomp', String(Object.keys(made).length + 4)],
    ...['--json-status-fd', String(Object.keys(made).length + 5)],
  ]
  const [name = '', ...args] = command.argv
  const program = await installed.programs(name, path, {
    shown: (folder) => [...SYSTEM, ...binds].some((one) => within(folder, one)),
    written: (folder) => hidden.some((one) => within(folder, one)),
  })
  const bare = limited(installed.limiters, [program, ...args], installed.limits, { alone: true })
  const argv = egress ? relayed(bare) : bare
  let live: LiveProcess | undefined
  const watched = watch(
    watchedNamespace([command.worktree, command.home], () => live),
    installed.limits,
  )
  // An environment of bwrap's own would stand in /proc/1/environ, its arguments in every list of processes.
  const {
    stdout: _,
    report,
    ...result
  } = await run(
    firstToGo(installed.limiters, [...around(installed, command), installed.program, '--args', '3', '--', ...argv]),
    {
      cwd: '/',
      env: {},
      files: [`${options.join('\0')}\0`, ...Object.values(made), withoutKeyrings],
      report: true,
      started: (running) => {
        live = running
      },
      timeoutMs: command.timeoutMs,
      maxOutput: command.maxOutput,
      ...(command.signal && { signal: command.signal }),
    },
  )
  const limit = await watched.stop()
  await namespaceGone(report)
  await guard.restore()
  const exitCode = exitCodeOf(result)
  const output = startProblem(exitCode, result.output) ?? result.output
  return { ...told({ ...result, exitCode, output }, limit, installed.limits), sandbox: 'bubblewrap' }
}

/** Its processes are those of its own /proc; with the first of them the kernel ends all. */
function watchedNamespace(writes: readonly string[], live: () => LiveProcess | undefined): Watched {
  const first = () => firstProcess(live()?.report ?? '')
  let proc: string | undefined
  return {
    writes,
    proc() {
      const pid = first()
      if (pid !== undefined) proc ??= ownProc(`/proc/${pid}/root/proc`)
      return proc
    },
    received: () => live()?.received ?? 0,
    end: () => {
      const pid = first()
      if (pid === undefined) signalGroup(live()?.pid ?? Number.NaN, 'SIGKILL')
      else endNamespace(pid)
    },
  }
}

/** Undefined while the namespace is made: its root is that of the host for a moment, and so are the processes there. */
function ownProc(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && found.dev !== statSync('/proc').dev ? path : undefined
}

/** The first process ends the others when its turn comes, which among thousands of them takes long. Only root may hurry it, and only
 *  for root there can be so many: for everybody else the kernel counts. */
function endNamespace(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST)
  } catch {
    // Not root, or it has ended.
  }
  signalProcess(pid, 'SIGKILL')
}

/** Id on the host of the first process of the namespace. */
function firstProcess(report: string): number | undefined {
  const pid = /"child-pid": ?(\d+)/.exec(report)?.[1]
  return pid === undefined ? undefined : Number(pid)
}

const refused = (why: string): CommandResult => ({
  exitCode: 126,
  timedOut: false,
  cancelled: false,
  output: `the command was not started: ${why}`,
  truncated: false,
  ms: 0,
  sandbox: 'bubblewrap',
})

function isolation({ options, limits }: Opened): string[] {
  const bytes = Math.min(TMP_BYTES, limits.memoryMb * 1024 ** 2)
  const tmpfs = (path: string) => [
    ...(options.has('--perms') ? ['--perms', '1777'] : []),
    ...(options.has('--size') ? ['--size', String(bytes)] : []),
    ...['--tmpfs', path],
  ]
  return [
    '--unshare-all',
    ...(options.has('--disable-userns') ? ['--unshare-user', '--disable-userns'] : []),
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--hostname', HOSTNAME],
    ...['--proc', '/proc', '--dev', '/dev', ...tmpfs('/dev/shm'), ...tmpfs('/tmp')],
    ...['--dir', '/run', '--dir', '/var', '--symlink', '/tmp', '/var/tmp', '--symlink', '/run', '/var/run'],
  ]
}

/** The namespace around bwrap knows its user as root. */
function sameUser({ throwAway }: Bubblewrap, { writable }: SandboxCommand): string[] {
  if (writable || throwAway !== 'mounted') return []
  return ['--unshare-user', '--uid', String(process.getuid?.() ?? 0), '--gid', String(process.getgid?.() ?? 0)]
}

/** Any folder that every host has and no command needs; the mount is in a namespace of its own. */
const ROOM = '/mnt'
const MOUNTED = `${ROOM}/all`
const mounting = `mount -t tmpfs -o size=${TMP_BYTES} tmpfs ${ROOM} && mkdir ${ROOM}/new ${ROOM}/work ${MOUNTED} &&
  mount -t overlay -o "lowerdir=$1,upperdir=${ROOM}/new,workdir=${ROOM}/work,userxattr" overlay ${MOUNTED} && shift && exec "$@"`

/** What starts bwrap, where an overlay must be mounted for it. */
function around({ throwAway }: Bubblewrap, { worktree, writable }: SandboxCommand): string[] {
  if (writable || throwAway !== 'mounted') return []
  // Characters that separate folders and options of an overlay.
  const lower = worktree.replace(/[\\:,]/g, '\\$&')
  return ['/usr/bin/unshare', '--user', '--map-root-user', '--mount', '/bin/sh', '-c', mounting, 'sh', lower]
}

function worktreeBinds({ throwAway }: Bubblewrap, source: string, command: SandboxCommand, guard: Snapshot): string[] {
  const overlay = throwAway === 'overlay'
  const at = (path: string) => source + path.slice(command.worktree.length)
  return [
    ...(!command.writable && overlay
      ? ['--overlay-src', command.worktree, '--tmp-overlay', command.worktree]
      : ['--bind', source, command.worktree]),
    // A mount point cannot be moved away, a plain folder with one inside can.
    ...(overlay && !command.writable ? [] : guard.parents.flatMap((path) => ['--bind', at(path), path])),
    ...guard.existing.flatMap((path) => ['--ro-bind', at(path), path]),
  ]
}

/** bwrap ends with its command, a moment before the namespace does. Its first process becomes a zombie, or is gone, when all others are. */
async function namespaceGone(report: string): Promise<void> {
  const pid = firstProcess(report)
  for (const deadline = performance.now() + 2_000; pid && performance.now() < deadline; await sleep(1)) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (stat === '' || /\) [ZX] /.test(stat)) return
  }
}

/** bwrap has one exit code, 1, for all that keeps it from starting the command. A command that prints the same is believed: it
 *  could have ended with that code itself. */
function exitCodeOf({ exitCode, output }: { exitCode: number | null; output: string }): number | null {
  if (exitCode !== 1 || !output.startsWith('bwrap: ')) return exitCode
  return /^bwrap: execvp .*: No such file or directory\n$/s.test(output) ? 127 : 126
}
