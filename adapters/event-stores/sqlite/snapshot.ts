import { hash as digest } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Tip } from './chain.ts'
import { replaceFile } from './replace-file.ts'

/** A kept fold, as its file has it: what was folded up to `seq`, where the chain had `hash`. */
export interface KeptFold extends Tip {
  readonly fold: string
  readonly state: Uint8Array
}

export interface SnapshotFile {
  /** Undefined without a file. Throws a sentence when it is not, to the byte, what was kept. */
  read(): KeptFold | undefined
  write(at: Tip, fold: string, state: string): void
}

const HASH = 64
const LINE_FEED = 10

/** Beside the log, so that losing it loses nothing: a line of two hashes around the place and the name of the fold, then the state
 *  as JSON. The first hash covers every byte after it. */
export function snapshotFile(file: string): SnapshotFile {
  return {
    read() {
      let bytes: Buffer
      try {
        bytes = readFileSync(file)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
      const covered = bytes.subarray(HASH)
      if (bytes.toString('latin1', 0, HASH) !== digest('sha256', covered)) throw new Error('its bytes were altered')
      const end = covered.indexOf(LINE_FEED)
      const { seq, hash, fold } = JSON.parse(covered.toString('utf8', 0, end)) as Omit<KeptFold, 'state'>
      return { seq, hash, fold, state: covered.subarray(end + 1) }
    },
    write({ seq, hash }, fold, state) {
      const covered = ` ${JSON.stringify({ seq, hash, fold })}\n${state}`
      replaceFile(file, digest('sha256', covered) + covered)
    },
  }
}
