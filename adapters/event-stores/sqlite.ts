import process from 'node:process'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { CodebandError } from '../../core/errors.ts'
import type { EventStore, Lead } from '../../core/ports/event-store.ts'
import type { Event, Recorded } from '../../core/protocol/events.ts'
import { type Packed, pack } from './sqlite/bodies.ts'
import { START } from './sqlite/chain.ts'
import { isBusy } from './sqlite/driver.ts'
import { leadLock } from './sqlite/lead.ts'
import { briefly, PATIENCE_MS, pause } from './sqlite/patience.ts'
import { readTrouble } from './sqlite/trouble.ts'
import { openWriter, type Waiting } from './sqlite/writer.ts'

export interface SqliteEventStore extends EventStore {
  /** Versions below 3.51.3 can lose a commit when several processes checkpoint at once: https://sqlite.org/wal.html#walresetbug */
  readonly sqliteVersion: string
}

const POLL_MS = 150
/** Of two that reach for the lead in one moment both may fail, so each tries again after an uneven pause. */
const LEAD_TRIES = 4
const LEAD_PAUSE_MS = 10

/** The log in one SQLite file, made with its folder where there is none; beside it `<file>.head` (checkpoint) and `<file>.lead` (lock).
 *  `process` is the name that `leader()` tells others. `<file>.snapshot` (a kept fold). Every event
 *  that no kept fold covers is checked before this returns. To restore a copy, remove `<file>.head`, or the copy counts as damaged
 *  because it is older. Throws CB_LOG_OPEN, CB_LOG_VERSION, CB_LOG_DAMAGED. */
export function sqliteEventStore({
  file,
  process: name = `pid ${process.pid}`,
}: {
  file: string
  process?: string
}): SqliteEventStore {
  const writer = openWriter(file)
  const { db, log, records } = writer
  const lock = leadLock(`${file}.lead`)
  const stops = new Set<() => void>()
  const ended = new WeakSet<Lead>()
  let waiting: Waiting[] = []
  let current: Lead | undefined
  let closing: Promise<void> | undefined

  function reading<T>(work: () => T): T {
    if (closing) throw new CodebandError('CB_INTERNAL', { detail: `the log '${file}' was used after it was closed` })
    try {
      return briefly(work)
    } catch (error) {
      throw readTrouble(error, file, 0)
    }
  }

  let busySince: number | undefined

  function flush(): void {
    const batch = waiting
    if (batch.length === 0) return
    waiting = []
    if (writer.commit(batch)) {
      busySince = undefined
      return
    }
    // Another process writes. Whoever asks meanwhile waits in the same line.
    busySince ??= performance.now()
    if (performance.now() - busySince > PATIENCE_MS) {
      busySince = undefined
      const told = new CodebandError('CB_LOG_APPEND', { file, detail: 'another process held it for too long' })
      for (const one of batch) one.fail(told)
      return
    }
    waiting = batch
    setTimeout(flush, pause())
  }

  async function drain(): Promise<void> {
    flush()
    while (waiting.length > 0) await delay(pause())
  }

  async function* read(from = 0): AsyncGenerator<Recorded> {
    const last = reading(log.head)
    if (from >= last) return
    let at = from > 0 ? reading(() => log.tip(from)) : START
    while (at.seq < last) {
      const page = reading(() => log.page(at, last))
      let { seq } = at
      for (const text of page.texts) {
        seq += 1
        const event = reading(() => log.event(text, seq)) as Recorded
        event.seq = seq
        yield event
      }
      at = page.end
      await turn()
    }
  }

  async function release(lead: Lead): Promise<void> {
    if (ended.has(lead)) return
    ended.add(lead)
    await drain()
    try {
      await writer.endLead(lead.epoch)
    } catch {
      // Without the record this handle still refuses the lead, and the next one gets a higher epoch.
    } finally {
      current = undefined
      lock.free()
    }
  }

  async function close(): Promise<void> {
    for (const stop of stops) stop()
    await drain()
    if (current) await current.release()
    lock.close()
    await writer.close()
  }

  return {
    sqliteVersion: String(db.prepare('SELECT sqlite_version() AS version').get()?.version),
    head: () => reading(log.head),
    read,

    append(events, expected, lead) {
      return new Promise((done, fail) => {
        reading(() => undefined)
        if (lead && ended.has(lead)) {
          throw new CodebandError('CB_NOT_LEADER', { epoch: lead.epoch, current: reading(records.read).epoch })
        }
        const packed = events.map(packOrThrow)
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ events: packed, expected, lead, done, fail })
      })
    },

    remarks: writer.remarks,
    snapshot: (fold) => reading(() => writer.takeSnapshot(fold)),
    keep: (snapshot, fold) => reading(() => writer.keep(snapshot, fold)),

    async check() {
      for (let at = START; ; ) {
        const end = reading(() => log.check(at))
        if (end.seq === at.seq) return end.seq
        at = end
        await turn()
      }
    },

    async lead() {
      for (let tries = 1; !reading(lock.take); tries++) {
        if (lock.held() || tries === LEAD_TRIES) return undefined
        await delay(Math.random() * LEAD_PAUSE_MS)
      }
      try {
        const epoch = await writer.startLead(name)
        let released: Promise<void> | undefined
        const lead: Lead = { epoch, release: () => (released ??= release(lead)) }
        current = lead
        return lead
      } catch (error) {
        lock.free()
        throw error
      }
    },

    leader() {
      return reading(() => (lock.taken() ? (records.read().holder ?? undefined) : undefined))
    },

    watch(changed) {
      const version = db.prepare('PRAGMA data_version')
      // The head counts everybody's events, so what is not ours is others'.
      const state = () => ({ version: version.get()?.data_version, others: log.head() - writer.written() })
      let known = reading(state)
      const timer = setInterval(() => {
        try {
          if (version.get()?.data_version === known.version) return
          const { others } = known
          known = state()
          if (known.others !== others) changed()
        } catch (error) {
          // Whoever is called back reads, and meets the damage where it is handled.
          if (!isBusy(error)) changed()
        }
      }, POLL_MS)
      timer.unref()
      const stop = () => {
        clearInterval(timer)
        stops.delete(stop)
      }
      stops.add(stop)
      return stop
    },

    close() {
      closing ??= close()
      return closing
    },
  }
}

function packOrThrow(event: Event): Packed {
  try {
    return pack(event)
  } catch (error) {
    const detail = `event '${event.type}' is not JSON (${(error as Error).message})`
    throw new CodebandError('CB_INTERNAL', { detail }, { cause: error })
  }
}
