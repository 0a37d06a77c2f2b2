import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { CommandResult, Sandbox, SandboxCommand } from '../../core/ports/sandbox.ts'
import { nodeProbe, type ProbeTargets, shellProbe } from './probe.ts'

/** One wall of a sandbox, and what came of trying to get over it. */
export interface Wall {
  name: keyof typeof walls
  holds: boolean
  /** What holds, or what a command could do. */
  found: string
}

/** Every wall, or why no command could be run behind them. */
export type SelfTest = { walls: readonly Wall[] } | { unusable: string }

const walls = {
  files: 'nothing beside the worktree can be read or written',
  worktree: 'a worktree can be written where it should be, and is as before where not',
  protected: '.git and protected paths can be neither written nor moved',
  repository: 'what may be read cannot be written',
  network: 'no server of the host answers on TCP or UDP, which is how names are looked up',
  sockets: 'no UNIX socket of the host answers, by path or by name',
  processes: 'no process of the host is to be seen',
  environment: 'no environment of the host is to be read',
  capabilities: 'no capability is left, and no program gives one',
  mounts: 'nothing can be mounted',
  session: 'no terminal of the host can be typed into',
  kernel: 'no device, setting, table or keyring of the kernel is within reach',
} as const

/** Tries to get out of the sandbox, from a writable worktree and from one that is not. */
export async function selfTest(sandbox: Sandbox): Promise<SelfTest> {
  const room = await realpath(await mkdtemp(join(tmpdir(), 'codeband-sandbox-')))
  const host = await openCanaries(room)
  try {
    const [writable, readOnly] = await Promise.all([
      probeWritable(sandbox, room, host.targets),
      probeReadOnly(sandbox, room),
    ])
    if ('unusable' in writable) return writable
    if ('unusable' in readOnly) return readOnly
    const over: Partial<Record<Wall['name'], string>> = { ...host.reached, ...readOnly, ...writable }
    const written = [join(room, 'outside/written'), join(room, 'store/written')]
    for (const [index, name] of (['files', 'repository'] as const).entries()) {
      if (await exists(written[index]!)) over[name] = 'wrote beside its worktree'
    }
    return {
      walls: (Object.keys(walls) as Wall['name'][]).map((name) => ({
        name,
        holds: over[name] === undefined,
        found: over[name] === undefined ? walls[name] : `a command ${over[name]}`,
      })),
    }
  } finally {
    host.close()
    await rm(room, { recursive: true, force: true })
  }
}

type Over = Partial<Record<Wall['name'], string>> | { unusable: string }

async function probeWritable(sandbox: Sandbox, room: string, targets: ProbeTargets): Promise<Over> {
  const command = await commandIn(room, 'writable')
  const result = await sandbox.run({
    ...command,
    argv: [process.execPath, '-e', nodeProbe, JSON.stringify(targets)],
    readable: [targets.store],
  })
  const said = /^probe (.*)$/m.exec(result.output)?.[1]
  if (result.exitCode !== 0 || said === undefined) return unusable(result)
  const over = JSON.parse(said) as Partial<Record<Wall['name'], string>>
  if (!(await exists(join(command.worktree, 'inside')))) over.worktree = 'could not write its worktree'
  for (const path of command.protect) {
    const text = await readFile(path, 'utf8').catch(() => readFile(join(path, 'file'), 'utf8').catch(() => ''))
    if (text !== 'before') over.protected ??= `changed ${basename(path)}`
  }
  return over
}

async function probeReadOnly(sandbox: Sandbox, room: string): Promise<Over> {
  const command = await commandIn(room, 'read-only')
  const argv = ['/bin/sh', '-c', shellProbe, 'sh', command.worktree]
  const result = await sandbox.run({ ...command, argv, writable: false })
  if (result.exitCode !== 0 || !result.output.includes('probe done')) return unusable(result)
  return {
    ...(result.output.includes('over mounts') && { mounts: 'could mount' }),
    ...((await exists(join(command.worktree, 'inside'))) && { worktree: 'wrote a worktree that it may not write' }),
    ...((await readFile(join(command.worktree, '.git'), 'utf8')) !== 'before' && { protected: 'changed .git' }),
  }
}

/** A worktree of its own, with a protected file, a protected folder and a `.git` file. */
async function commandIn(room: string, name: string): Promise<SandboxCommand> {
  const [worktree, home] = [join(room, name, 'worktree'), join(room, name, 'home')]
  await mkdir(join(worktree, 'folder/inner'), { recursive: true })
  await mkdir(home)
  for (const path of ['.git', 'protected', 'folder/inner/file']) await writeFile(join(worktree, path), 'before')
  return {
    argv: [],
    cwd: worktree,
    worktree,
    writable: true,
    protect: ['.git', 'protected', 'folder/inner'].map((path) => join(worktree, path)),
    readable: [],
    home,
    network: [],
    env: { PATH: '/usr/bin:/bin' },
    timeoutMs: 20_000,
    maxOutput: 4_000,
  }
}

/** Files and servers of the host that nothing in a sandbox may reach. */
async function openCanaries(room: string): Promise<{ targets: ProbeTargets; reached: Over; close(): void }> {
  const reached: Record<string, string> = {}
  const [outside, store, path] = [join(room, 'outside'), join(room, 'store'), join(room, 'outside/socket')]
  for (const folder of [outside, store]) await mkdir(folder)
  await writeFile(join(outside, 'secret'), 'secret')
  const abstract = `\0${basename(room)}`
  const onLinux = process.platform === 'linux'
  const servers = await Promise.all(
    [
      { wall: 'network', to: { port: 0, host: '127.0.0.1' } },
      { wall: 'sockets', to: { path } },
      ...(onLinux ? [{ wall: 'sockets', to: { path: abstract } }] : []),
    ].map(async ({ wall, to }) => {
      const server = createServer((socket) => {
        reached[wall] = 'reached a server of the host'
        socket.destroy()
      })
      await once(server.listen(to), 'listening')
      return server
    }),
  )
  const datagrams = createSocket('udp4', () => {
    reached.network = 'sent a datagram to the host'
  })
  datagrams.bind(0, '127.0.0.1')
  await once(datagrams, 'listening')
  const { port: tcp } = servers[0]!.address() as { port: number }
  const names = ['HOME', 'PATH', 'PWD']
  return {
    targets: { outside, store, tcp, udp: datagrams.address().port, path, abstract, names, expected: shown(room) },
    reached,
    close() {
      for (const server of servers) server.close()
      datagrams.close()
    },
  }
}

/** All that a command may see at the top of the file system: the folders of programs, those that bwrap makes, and those on the way
 *  to its worktree and to Node. */
function shown(room: string): ProbeTargets['expected'] {
  const [, ofRoom = ''] = room.split('/')
  const [, ofNode = ''] = process.execPath.split('/')
  const system = ['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'nix', 'gnu', 'etc']
  return { '/': [...system, 'proc', 'dev', 'tmp', 'run', 'var', ofRoom, ofNode], '/var': ['tmp', 'run'], '/run': [] }
}

const unusable = ({ output, exitCode }: CommandResult): { unusable: string } => ({
  unusable: output.trim().split('\n')[0] || `the probe ended with ${exitCode ?? 'a signal'}`,
})

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
