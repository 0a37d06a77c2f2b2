import { existsSync } from 'node:fs'
import type { Recorded } from '../../../core/protocol/events.ts'
import { type Fetch, unpack } from './bodies.ts'
import { link, START } from './chain.ts'
import { type Checkpoint, checkpointFile } from './checkpoint.ts'
import { type Database, openDatabase } from './driver.ts'
import { bodiesOf } from './log.ts'
import { cannotOpen } from './trouble.ts'

/** Where the log is not what it was, and how: events `seq` to `to`; 0 is the file as a whole. `text` is what stands there now, where
 *  anything does; it must not be taken for the event. */
export interface Damage {
  readonly seq: number
  readonly to: number
  readonly damage: string
  readonly text?: string
}

export type Salvaged = Recorded | Damage

export function isDamage(one: Salvaged): one is Damage {
  return 'damage' in one
}

/** How far to look for events where neither the database nor its checkpoint tells how many there were. */
const BLIND = 100_000

/** Every event that is still as it was written, and each damage at its place, in order. Only reads, so that nothing gets worse by it: no
 *  recovery, no checkpoint, no lock that a leading process would feel. Throws CB_LOG_OPEN where there is no file. */
export function* salvage(file: string): Generator<Salvaged> {
  if (!existsSync(file) && !existsSync(`${file}.head`)) throw cannotOpen(file, 'it does not exist')
  let open: Damage | undefined
  for (const one of look(file)) {
    if (open && isDamage(one) && one.damage === open.damage && one.text === undefined && one.seq === open.to + 1) {
      open = { ...open, to: one.seq }
      continue
    }
    if (open) yield open
    open = isDamage(one) ? one : undefined
    if (!isDamage(one)) yield one
  }
  if (open) yield open
}

const at = (seq: number, damage: string, text?: string): Damage => ({ seq, to: seq, damage, ...(text && { text }) })

function* look(file: string): Generator<Salvaged> {
  let points: readonly Checkpoint[] = []
  try {
    points = checkpointFile(`${file}.head`).read() ?? []
  } catch (error) {
    yield at(0, (error as Error).message)
  }
  if (!existsSync(file)) {
    const reached = Math.max(0, ...points.map(({ seq }) => seq))
    return yield { ...at(1, `the file is gone, but had reached event ${reached}`), to: reached }
  }
  let db: Database | undefined
  try {
    db = openDatabase(file, { readOnly: true })
    yield* events(db, points)
  } catch (error) {
    yield at(0, (error as Error).message)
  } finally {
    db?.close()
  }
}

function* events(db: Database, points: readonly Checkpoint[]): Generator<Salvaged> {
  const row = db.prepare('SELECT data, lower(hex(hash)) AS hash FROM events WHERE seq = ?')
  const body = bodiesOf(db)
  const reached = Math.max(0, ...points.map(({ seq }) => seq))
  const hashes = new Map(points.map(({ seq, hash }) => [seq, hash]))
  let held = 0
  try {
    held = Number(db.prepare('SELECT max(seq) AS head FROM events').get()?.head ?? 0)
  } catch (error) {
    held = Math.max(reached, BLIND)
    yield at(0, (error as Error).message)
  }
  let before: string | undefined = START.hash
  for (let seq = 1; seq <= Math.max(held, reached); seq++) {
    const previous: string | undefined = before
    before = undefined
    try {
      const found = row.get(seq) as { data: string; hash: string } | undefined
      if (!found) {
        yield at(seq, seq > held ? `the log ends before it, but had reached event ${reached}` : 'it is missing')
        continue
      }
      const { data, hash } = found
      before = hash
      // After a gap nothing tells whether an event is right but that the next one builds on it.
      if (previous !== undefined && link(previous, data) !== hash) {
        yield at(seq, 'its content does not fit the chain', data)
      } else if ((hashes.get(seq) ?? hash) !== hash) yield at(seq, 'its checkpoint knows another event', data)
      else yield whole(data, seq, body)
    } catch (error) {
      yield at(seq, (error as Error).message)
    }
  }
}

function whole(data: string, seq: number, body: Fetch): Salvaged {
  try {
    return Object.assign(unpack(data, body), { seq }) as Recorded
  } catch (error) {
    return at(seq, (error as Error).message, data)
  }
}
