import { closeSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import { seal, type Tip } from './chain.ts'
import { replaceFile } from './replace-file.ts'

/** A point the log had reached: its last event, and the highest epoch of a lead. */
export interface Checkpoint extends Tip {
  readonly epoch: number
}

export interface CheckpointFile {
  /** The points that the log must still hold, or undefined without a file. Throws a sentence when it is unreadable. */
  read(): readonly Checkpoint[] | undefined
  /** Durable when it returns. Callers hold the log's write lock, so that no older point overwrites a newer one. */
  write(point: Checkpoint): void
  /** Overwrites a line in place, at once or within milliseconds, without a sync: it outlives a killed process, not a power failure. */
  note(point: Checkpoint): void
  /** Writes what is still to be noted. */
  close(): void
}

/** Both lines lie in one sector of 512 bytes, which a disk writes whole. */
const LINE = 200
/** A second file that changes makes the journal of the file system, and so each sync of the log, a third slower: not for every commit of
 *  a burst. */
const NOTE_MS = 2

/** Two lines beside the log, outside its WAL: the last synced point, and the last commit. SQLite drops what follows a broken
 *  frame of its WAL in silence; only a second file can tell. */
export function checkpointFile(file: string): CheckpointFile {
  let open: number | undefined

  let latest: Checkpoint | undefined
  let timer: NodeJS.Timeout | undefined

  function put(point: Checkpoint): void {
    try {
      if (open !== undefined && fstatSync(open).nlink === 0) forget()
      open ??= openSync(file, 'r+')
      writeSync(open, format(point), LINE)
    } catch {
      // The commit stands whatever happens here; without this line the synced one still guards the log.
      forget()
    }
  }

  function forget(): void {
    if (open !== undefined) closeSync(open)
    open = undefined
  }

  return {
    read() {
      const bytes = readIfThere(file)
      if (!bytes) return undefined
      const [synced, noted] = [parse(bytes.subarray(0, LINE)), parse(bytes.subarray(LINE, 2 * LINE))]
      if (!synced) throw new Error(`its checkpoint '${file}' is unreadable`)
      // The second line was never synced, so a power failure may have left anything there.
      return noted ? [synced, noted] : [synced]
    },
    write(point) {
      const line = format(point)
      replaceFile(file, line + line)
    },
    note(point) {
      latest = point
      if (timer !== undefined) return
      put(point)
      latest = undefined
      timer = setTimeout(() => {
        timer = undefined
        if (latest) this.note(latest)
      }, NOTE_MS)
      timer.unref()
    },
    close() {
      clearTimeout(timer)
      if (latest) put(latest)
      forget()
    },
  }
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function format({ seq, hash, epoch }: Checkpoint): string {
  const text = JSON.stringify({ count: seq, hash, epoch })
  return `${`${text} ${seal(text)}`.padEnd(LINE - 1)}\n`
}

function parse(line: Buffer): Checkpoint | undefined {
  const [text, check, ...rest] = line.toString('latin1').trimEnd().split(' ')
  if (text === undefined || rest.length > 0 || check !== seal(text)) return undefined
  const { count, hash, epoch } = JSON.parse(text) as { count: number; hash: string; epoch: number }
  return { seq: count, hash, epoch }
}
