import { hash as digest } from 'node:crypto'
import { type Fetch, type Packed, unpack } from './bodies.ts'
import { link, START, type Tip } from './chain.ts'
import type { Database } from './driver.ts'
import { damaged } from './trouble.ts'

const PAGE = 500
/** Rows in one INSERT. */
const BLOCK = 16

/** The hash comes in hex; SQLite unpacks it for a fraction of what a Buffer takes. */
const ROW = '(?, ?, unhex(?))'

type Row = [seq: number, data: string, hash: string]

export interface Log {
  /** Number of the last event that any process committed. */
  head(): number
  /** The events after `from`, at most a page and none after `last`, as texts that continue the chain, and where they end. */
  page(from: Tip, last: number): { readonly texts: readonly string[]; readonly end: Tip }
  /** Checks every link after `from`, up to the head, and that `from` is still there. Returns the head. */
  verify(from: Tip): Tip
  /** Checks a page of links after `from`, and the bodies of their events. Returns where it ends: at `from` when that is the head. */
  check(from: Tip): Tip
  /** True when event `seq` is there and the chain has this hash at it. */
  holds(tip: Tip): boolean
  /** The place of event `seq`. */
  tip(seq: number): Tip
  /** Writes events after `tip` within the caller's transaction. Returns the new end. */
  write(tip: Tip, events: readonly Packed[]): Tip
  /** The event behind a text of a page. */
  event(text: string, seq: number): object
}

/** The tables of events and bodies. Every method throws CB_LOG_DAMAGED with the place, or SQLite's own error. */
export function logOf(db: Database, file: string): Log {
  const countAll = db.prepare('SELECT max(seq) AS head FROM events')
  const hashOf = db.prepare('SELECT lower(hex(hash)) AS hash FROM events WHERE seq = ?')
  const texts = db.prepare('SELECT data FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?')
  texts.setReturnArrays(true)
  const links = db.prepare('SELECT seq, data, lower(hex(hash)) FROM events WHERE seq > ? ORDER BY seq LIMIT ?')
  links.setReturnArrays(true)
  const insert = db.prepare(`INSERT INTO events (seq, data, hash) VALUES ${ROW}`)
  const insertBlock = db.prepare(`INSERT INTO events (seq, data, hash) VALUES ${Array(BLOCK).fill(ROW).join()}`)
  const keep = db.prepare('INSERT INTO bodies (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const body = bodiesOf(db)

  const head = () => Number(countAll.get()?.head ?? 0)
  const hashAt = (seq: number) => (seq === 0 ? START.hash : (hashOf.get(seq)?.hash as string | undefined))

  function rowsAfter(seq: number): [number, string, string][] {
    return links.all(seq, PAGE) as unknown as [number, string, string][]
  }

  function follow(from: Tip, rows: readonly [number, string, string][]): Tip {
    let { seq, hash } = from
    for (const [at, data, stored] of rows) {
      seq += 1
      if (at !== seq) throw damaged(file, seq, `it is missing; the next one is ${at}`)
      hash = link(hash, data)
      if (hash !== stored) throw damaged(file, seq, 'its content does not fit the chain')
    }
    return { seq, hash }
  }

  function verify(from: Tip): Tip {
    const found = hashAt(from.seq)
    if (found === undefined) throw damaged(file, from.seq, `the log ends at event ${head()}, but had reached this one`)
    if (found !== from.hash) throw damaged(file, from.seq, 'it is not the event that was there before')
    for (let at = from; ; ) {
      const rows = rowsAfter(at.seq)
      at = follow(at, rows)
      if (rows.length < PAGE) return at
    }
  }

  function event(text: string, seq: number): object {
    try {
      return unpack(text, body)
    } catch (error) {
      if (error instanceof Error && !('code' in error)) throw damaged(file, seq, error.message, error)
      throw error
    }
  }

  /** One statement for many rows costs less than a run of the same statement for each. */
  function insertRows(rows: readonly Row[]): void {
    let at = 0
    for (; at + BLOCK <= rows.length; at += BLOCK) insertBlock.run(...rows.slice(at, at + BLOCK).flat())
    for (; at < rows.length; at++) insert.run(...rows[at]!)
  }

  return {
    head,
    verify,
    check(from) {
      const rows = rowsAfter(from.seq)
      const end = follow(from, rows)
      for (const [seq, data] of rows) event(data, seq)
      return end
    },
    holds: ({ seq, hash }) => hashAt(seq) === hash,
    tip(seq) {
      const hash = hashAt(seq)
      if (hash === undefined) throw damaged(file, seq, 'it is missing')
      return { seq, hash }
    },
    page(from, last) {
      const rows = texts.all(from.seq, last, PAGE) as unknown as [string][]
      let { hash } = from
      const found = rows.map(([data]) => {
        hash = link(hash, data)
        return data
      })
      const seq = from.seq + found.length
      if (hashAt(seq) !== hash || (found.length < PAGE && seq < last)) {
        verify(from)
        throw damaged(file, seq, 'it changed while it was read')
      }
      return { texts: found, end: { seq, hash } }
    },
    write(tip, events) {
      let { seq, hash } = tip
      const rows: Row[] = []
      for (const { data, bodies } of events) {
        for (const [sha256, content] of bodies) {
          const { changes } = keep.run(Buffer.from(sha256, 'hex'), content)
          // An event must not lean on a copy that rotted since it was stored.
          if (Number(changes) === 0 && digest('sha256', body(sha256) ?? '') !== sha256) {
            throw damaged(file, seq + 1, `the stored copy of its body ${sha256} was altered`)
          }
        }
        seq += 1
        hash = link(hash, data)
        rows.push([seq, data, hash])
      }
      insertRows(rows)
      return { seq, hash }
    },
    event,
  }
}

/** What the table of bodies holds. A flipped bit can make another type of a value, which no schema looks at when it is read: no content
 *  then, whose hash fits nothing. */
export function bodiesOf(db: Database): Fetch {
  const select = db.prepare('SELECT body FROM bodies WHERE hash = ?')
  return (sha256) => {
    const row = select.get(Buffer.from(sha256, 'hex'))
    return row && (row.body instanceof Uint8Array ? row.body : new Uint8Array())
  }
}
