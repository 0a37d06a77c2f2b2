import { randomUUID } from 'node:crypto'
import { delimiter, relative, resolve, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandLimits, CommandResult, Sandbox, SandboxCommand } from '../../core/ports/sandbox.ts'
import { proxiesOf } from '../network/way-out.ts'
import { type LiveProcess, run, will } from '../processes/process.ts'
import { killMarked, signalGroup, signalProcess } from '../processes/process-group.ts'
import { within } from './bubblewrap/binds.ts'
import { freshHome } from './fresh-home.ts'
import { findLimiters, firstToGo, type Limiters, limited, startProblem, told } from './limits.ts'
import { openPrograms } from './programs.ts'
import { snapshot } from './protected-paths.ts'
import { scratchCopy, withoutCopy } from './scratch-copy.ts'
import { type ProcessLine, processes, type Watched, watch } from './watch.ts'

const MARK = 'CODEBAND_COMMAND'

/** No wall: the command runs as the user, with the user's network and files; one that has hosts is told the proxies of `env`. What it
 *  changes at protected paths is put back when it has ended. On Linux its limits hold (that of files with util-linux), and processes that left its group are found by a
 *  variable in their environment or because they were seen when it began them; elsewhere only time and output are limited. */
export function none(limits: CommandLimits, env: Readonly<Record<string, string | undefined>> = {}): Sandbox {
  let limiters: Promise<Limiters | undefined> | undefined
  const program = openPrograms()
  return {
    kind: 'none',
    freshHome,
    async run(given) {
      const [name = '', ...args] = given.argv
      const inside = (folder: string) => [given.worktree, given.home].some((own) => within(folder, own))
      const found = await program(name, given.env.PATH ?? '', { shown: () => true, written: inside })
      const proxies = given.network.length > 0 ? proxiesOf(env) : {}
      const command = { ...given, argv: [found, ...args], env: { ...proxies, ...given.env } }
      limiters ??= process.platform === 'linux' ? findLimiters() : Promise.resolve(undefined)
      const limit = { limits, limiters: await limiters }
      if (command.writable) return runIn(command.worktree, command, limit)
      const copy = await scratchCopy(command.worktree, command)
      try {
        return copy.path === undefined
          ? { ...withoutCopy(copy.made), sandbox: 'none' }
          : await runIn(copy.path, command, limit)
      } finally {
        await copy.remove()
      }
    },
  }
}

async function runIn(
  worktree: string,
  command: SandboxCommand,
  { limits, limiters }: { limits: CommandLimits; limiters: Limiters | undefined },
): Promise<CommandResult> {
  const mark = randomUUID()
  const settled = will().ends('mark', `${MARK}=${mark}`)
  const here = (path: string) => moved(path, command.worktree, worktree)
  const PATH = command.env.PATH?.split(delimiter).map(here).join(delimiter)
  const guard = command.writable ? await snapshot(worktree, command.protect, { contents: true }) : undefined
  const family = familyOf([worktree, command.home])
  const watched = watch(family.watched, limits)
  const {
    stdout: _,
    report: __,
    ...result
  } = await run(
    limiters ? firstToGo(limiters, limited(limiters, command.argv, limits, { alone: false })) : command.argv,
    {
      cwd: here(command.cwd),
      env: { HOME: command.home, ...command.env, ...(PATH !== undefined && { PATH }), [MARK]: mark },
      timeoutMs: command.timeoutMs,
      maxOutput: command.maxOutput,
      started: family.began,
      ...(command.signal && { signal: command.signal }),
    },
  )
  const limit = await watched.stop()
  await family.gone()
  await killMarked(MARK, mark)
  settled()
  await guard?.restore()
  const output = startProblem(result.exitCode, result.output) ?? result.output
  return { ...told({ ...result, output }, limit, limits), sandbox: 'none' }
}

/** The processes that descend from a command, also those that left its group and lost their parents since they were seen. */
function familyOf(writes: readonly string[]): {
  watched: Watched
  began(live: LiveProcess): void
  gone(): Promise<void>
} {
  let live: LiveProcess | undefined
  /** Moment of the start by pid: a number may be another's later. */
  const known = new Map<number, number>()
  const own = (all: readonly ProcessLine[]): ProcessLine[] => {
    const children = Map.groupBy(all, ({ parent }) => parent)
    const found = new Set<ProcessLine>()
    const add = (one: ProcessLine): void => {
      if (found.has(one)) return
      found.add(one)
      children.get(one.pid)?.forEach(add)
    }
    for (const one of all) if (one.group === live?.pid || known.get(one.pid) === one.began) add(one)
    for (const { pid, began } of found) known.set(pid, began)
    return [...found]
  }
  const killLeft = (): boolean => {
    const left = process.platform === 'linux' ? own(processes('/proc')).filter(({ zombie }) => !zombie) : []
    for (const { pid } of left) signalProcess(pid, 'SIGKILL')
    return left.length > 0
  }
  return {
    watched: {
      writes,
      proc: () => (process.platform === 'linux' && live ? '/proc' : undefined),
      own,
      received: () => live?.received ?? 0,
      end: () => {
        if (live) signalGroup(live.pid, 'SIGKILL')
        killLeft()
      },
    },
    began: (started) => {
      live = started
    },
    async gone() {
      // Its group has ended, and the number may soon be another's.
      live = undefined
      if (known.size === 0) return
      for (let round = 0; round < 20 && killLeft(); round++) await sleep(5)
    },
  }
}

/** `path` as seen from a worktree that lies at `to` instead of `from`. */
function moved(path: string, from: string, to: string): string {
  return path === from || path.startsWith(from + sep) ? resolve(to, relative(from, path)) : path
}
