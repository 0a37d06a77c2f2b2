import { hash } from 'node:crypto'

/** Hash, in hex, that the first event builds on. */
export const GENESIS = '0'.repeat(64)

/** A place in the log: the number of an event and its hash; 0 and `GENESIS` before the first. */
export interface Tip {
  readonly seq: number
  readonly hash: string
}

export const START: Tip = { seq: 0, hash: GENESIS }

/** SHA-256, in hex, over the previous hash in hex and the event's text. Hex, because hashing one string costs half of what
 *  filling a buffer does. */
export function link(previous: string, data: string): string {
  return hash('sha256', previous + data)
}

/** Short check of a line that no chain covers. */
export function seal(text: string): string {
  return hash('sha256', text).slice(0, 16)
}
