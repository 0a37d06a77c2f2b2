import { mkdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandResult, Sandbox, SandboxCommand } from '../../core/ports/sandbox.ts'
import { run } from '../process.ts'
import { type Snapshot, snapshot } from '../protected-paths.ts'
import { scratchCopy, withoutCopy } from '../scratch-copy.ts'
import { HOSTNAME, madeUpFiles, programBinds, systemBinds } from './bubblewrap/binds.ts'

export interface Bubblewrap {
  /** Absolute path of bwrap. */
  program: string
  /** Options this bwrap knows, as in its `--help`. */
  options: ReadonlySet<string>
  /** Where the writes of `writable: false` go: an overlay that bwrap makes (from 0.9 on), one that is mounted for it in a namespace
   *  around it, or a copy of the worktree, which takes seconds for a large one. */
  throwAway: ThrowAway
}

export type ThrowAway = 'overlay' | 'mounted' | 'copy'

/** Memory: a full /tmp must not take the host's. */
const TMP_BYTES = 1024 ** 3

const PLACES = ['/usr/bin', '/bin', '/usr/local/bin', '/run/wrappers/bin', '/run/current-system/sw/bin']

/** The installed bwrap, undefined without one. */
export async function findBubblewrap(): Promise<Bubblewrap | undefined> {
  for (const place of PLACES) {
    const program = `${place}/bwrap`
    const limits = { timeoutMs: 10_000, maxOutput: 64_000 }
    const { exitCode, stdout } = await run([program, '--help'], { cwd: '/', env: {}, ...limits })
    if (exitCode !== 0) continue
    const options = new Set(stdout.match(/--[a-z0-9-]+/g))
    return { program, options, throwAway: options.has('--tmp-overlay') ? 'overlay' : 'mounted' }
  }
  return undefined
}

/** Runs each command in namespaces of its own, with minimal read-only binds of the host.
 *  A command ended by a signal has exit code 128 + its number, as in a shell; PWD is added to its environment. */
export async function bubblewrap(installed: Bubblewrap): Promise<Sandbox> {
  const system = await systemBinds()
  return {
    kind: 'bubblewrap',
    async run(command) {
      await mkdir(command.home, { recursive: true, mode: 0o700 })
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
    },
  }
}

async function runIn(
  installed: Bubblewrap,
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
  const made = madeUpFiles(command.network)
  const hidden = [command.worktree, command.home, ...command.readable]
  const options = [
    ...isolation(installed, command.network),
    ...sameUser(installed, command),
    ...system,
    ...Object.keys(made).flatMap((path, index) => ['--file', String(index + 4), path]),
    ...(await programBinds(command.env.PATH ?? '', hidden)),
    ...command.readable.flatMap((path) => ['--ro-bind-try', path, path]),
    ...['--bind', command.home, command.home],
    ...worktreeBinds(installed, source, command, guard),
    ...['--remount-ro', '/', '--clearenv'],
    ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--chdir', command.cwd],
    ...['--json-status-fd', String(Object.keys(made).length + 4)],
  ]
  const argv = command.argv.length > 0 ? command.argv : ['']
  // An environment of bwrap's own would stand in /proc/1/environ, its arguments in every list of processes.
  const {
    stdout: _,
    report,
    ...result
  } = await run([...around(installed, command), installed.program, '--args', '3', '--', ...argv], {
    cwd: '/',
    env: {},
    files: [`${options.join('\0')}\0`, ...Object.values(made)],
    report: true,
    timeoutMs: command.timeoutMs,
    maxOutput: command.maxOutput,
    ...(command.signal && { signal: command.signal }),
  })
  await namespaceGone(report)
  await guard.restore()
  return { ...result, exitCode: exitCodeOf(result), sandbox: 'bubblewrap' }
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

function isolation({ options }: Bubblewrap, network: boolean): string[] {
  const tmpfs = (path: string) => [
    ...(options.has('--perms') ? ['--perms', '1777'] : []),
    ...(options.has('--size') ? ['--size', String(TMP_BYTES)] : []),
    ...['--tmpfs', path],
  ]
  return [
    '--unshare-all',
    ...(network ? ['--share-net'] : []),
    ...(options.has('--disable-userns') ? ['--unshare-user', '--disable-userns'] : []),
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--hostname', HOSTNAME],
    ...['--proc', '/proc', '--dev', '/dev', ...tmpfs('/dev/shm'), ...tmpfs('/tmp')],
    ...['--dir', '/run', '--dir', '/var', '--symlink', '/tmp', '/var/tmp', '--symlink', '/run', '/var/run'],
    ...(network
      ? ['--ro-bind-try', '/etc/resolv.conf', '/etc/resolv.conf', '--ro-bind-try', '/etc/hosts', '/etc/hosts']
      : []),
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
  const pid = /"child-pid": ?(\d+)/.exec(report)?.[1]
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
