import process from 'node:process'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { CodebandError } from '../../core/errors.ts'
import type { EventStore, Lead } from '../../core/ports/event-store.ts'
import type { Event, Recorded } from '../../core/protocol/events.ts'
import { type Packed, pack } from './sqlite/bodies.ts'
import { START } from './sqlite/chain.ts'
import { isBusy } from './sqlite/driver.ts'
import { leadLock } from './sqlite/lead.ts'
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
 *  `process` is the name that `leader()` tells others. Every event is checked before this returns. To restore a copy, remove
 *  `<file>.head`, or the copy counts as damaged because it is older. Throws CB_LOG_OPEN, CB_LOG_VERSION, CB_LOG_DAMAGED. */
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
      return work()
    } catch (error) {
      throw readTrouble(error, file, 0)
    }
  }

  function flush(): void {
    const batch = waiting
    waiting = []
    if (batch.length > 0) writer.commit(batch)
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

  function release(lead: Lead): void {
    if (current !== lead) return
    flush()
    current = undefined
    ended.add(lead)
    try {
      writer.endLead(lead.epoch)
    } catch {
      // Without the record this handle still refuses the lead, and the next one gets a higher epoch.
    } finally {
      lock.free()
    }
  }

  async function close(): Promise<void> {
    for (const stop of stops) stop()
    flush()
    if (current) release(current)
    lock.close()
    writer.close()
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

    async lead() {
      for (let tries = 1; !reading(lock.take); tries++) {
        if (lock.held() || tries === LEAD_TRIES) return undefined
        await delay(Math.random() * LEAD_PAUSE_MS)
      }
      try {
        const lead: Lead = { epoch: writer.startLead(name), release: async () => release(lead) }
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
