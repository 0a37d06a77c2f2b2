import { opendirSync, readFileSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandLimits, CommandResult } from '../../core/ports/sandbox.ts'
import { OUTPUT_BYTES } from './limits.ts'

const SHORTEST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 200
/** What a disk takes meanwhile is less than anybody keeps free. */
const DISK_EVERY_MS = 250

/** One process as /proc tells it. */
export interface ProcessLine {
  pid: number
  parent: number
  group: number
  threads: number
  /** Moment of its start in ticks since boot; with the pid it names a process for ever. */
  began: number
  /** Memory in pages, shared ones included. */
  pages: number
  /** It has ended and only waits to be asked how. */
  zombie: boolean
}

/** A running command as its watch sees it. */
export interface Watched {
  /** Folders that it writes in. */
  writes: readonly string[]
  /** Folder of a /proc that shows its processes; undefined while it is not known. */
  proc(): string | undefined
  /** Which of those processes are the command's; absent where all are. */
  own?(all: readonly ProcessLine[]): readonly ProcessLine[]
  /** Bytes of output so far. */
  received(): number
  /** Ends all of it at once. */
  end(): void
}

/** Looks at the processes of a command up to forty times a second, and ends it when together they are over a limit. `stop` gives the
 *  limit that ended it. Contract of the caller: `stop` is called when the command has ended. */
export function watch(command: Watched, limits: CommandLimits): { stop(): Promise<CommandResult['limit']> } {
  const over = new AbortController()
  let limit: CommandResult['limit']
  const disk = diskWatch(command.writes, limits.freeMb)
  const looking = (async () => {
    for (let pause = SHORTEST_PAUSE_MS; await rested(pause, over.signal); ) {
      const began = performance.now()
      limit = (await look(command, limits)) ?? (await disk())
      if (over.signal.aborted) return
      if (limit) return command.end()
      // Looking costs what there is to see, and while one does not look a bomb doubles.
      const spared = 20 * (performance.now() - began)
      pause = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, spared))
    }
  })()
  return {
    async stop() {
      const ended = limit
      over.abort()
      await looking
      return ended
    },
  }
}

const rested = (ms: number, signal: AbortSignal): Promise<boolean> =>
  sleep(ms, undefined, { signal }).then(
    () => true,
    () => false,
  )

/** 'disk' where little is left free on one of the file systems; it looks only now and then. */
function diskWatch(folders: readonly string[], freeMb: number): () => Promise<'disk' | undefined> {
  let next = 0
  return async () => {
    if (freeMb === 0 || performance.now() < next) return undefined
    next = performance.now() + DISK_EVERY_MS
    // A folder that has gone fills nothing.
    const found = await Promise.all(folders.map((folder) => statfs(folder).catch(() => undefined)))
    return found.some((one) => one && one.bavail * one.bsize < freeMb * 1024 ** 2) ? 'disk' : undefined
  }
}

async function look(command: Watched, limits: CommandLimits): Promise<CommandResult['limit']> {
  if (command.received() > OUTPUT_BYTES) return 'output'
  const proc = command.proc()
  if (proc === undefined) return undefined
  // Of a bomb only as many are counted as prove it: while one looks it grows.
  if (!command.own && processIds(proc, limits.processes + 1).length > limits.processes) return 'processes'
  const own = command.own?.(processes(proc)) ?? processes(proc)
  const tasks = own.reduce((sum, { threads }) => sum + threads, 0)
  if (tasks > limits.processes) return 'processes'
  const most = limits.memoryMb * 1024 ** 2
  if (own.reduce((sum, { pages }) => sum + pages, 0) * pageBytes() <= most) return undefined
  // Pages that many processes share were counted for each; the exact sum costs a walk through all their tables.
  const shares = await Promise.all(own.map((one) => proportional(proc, one)))
  return shares.reduce((sum, bytes) => sum + bytes, 0) > most ? 'memory' : undefined
}

/** Every process that it shows. Synchronous: a fork bomb leaves no time for a queue of reads. */
export function processes(proc: string): ProcessLine[] {
  return processIds(proc, Number.POSITIVE_INFINITY).flatMap((pid) => processLine(proc, pid) ?? [])
}

function processIds(proc: string, most: number): number[] {
  const pids: number[] = []
  try {
    using folder = opendirSync(proc, { bufferSize: 256 })
    for (let entry = folder.readSync(); entry && pids.length < most; entry = folder.readSync()) {
      const pid = Number(entry.name)
      if (pid > 0) pids.push(pid)
    }
  } catch {
    // The namespace has gone.
  }
  return pids
}

function processLine(proc: string, pid: number): ProcessLine | undefined {
  let stat: string
  try {
    stat = readFileSync(`${proc}/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // The program's name stands in parentheses and may hold anything, parentheses included.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (field: number): number => Number(fields[field - 3])
  const zombie = fields[0] === 'Z' || fields[0] === 'X'
  return { pid, parent: at(4), group: at(5), threads: at(20), began: at(22), pages: at(24), zombie }
}

let page: number | undefined
/** The kernel's choice; 4096 nearly everywhere. The same size told in kB and in pages gives it away. */
function pageBytes(): number {
  if (page !== undefined) return page
  const kilobytes = Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1])
  const pages = Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[0])
  page = 2 ** Math.round(Math.log2((kilobytes * 1024) / pages))
  return page
}

/** Bytes, shared pages divided by those who share them; all its pages where it keeps others from looking. */
async function proportional(proc: string, { pid, pages }: ProcessLine): Promise<number> {
  const text = await readFile(`${proc}/${pid}/smaps_rollup`, 'latin1').catch(() => '')
  const pss = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1]
  return pss === undefined ? pages * pageBytes() : Number(pss) * 1024
}
