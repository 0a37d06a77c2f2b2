import { CodebandError } from '../../core/errors.ts'
import type { EventStore, Lead, Snapshot } from '../../core/ports/event-store.ts'
import type { Event, Recorded } from '../../core/protocol/events.ts'

/** The log that several memory stores share, as processes share a file. */
export interface MemoryLog {
  /** Events as JSON, so that nobody changes a fact through a reference. */
  readonly events: string[]
  epoch: number
  leader: { readonly process: string; readonly lead: Lead } | undefined
  readonly watchers: Map<() => void, MemoryEventStore>
  /** As JSON. */
  snapshot?: { readonly fold: string; readonly text: string }
}

export interface MemoryEventStore extends EventStore {
  /** Give it to another `memoryEventStore` and both are handles on one log. */
  readonly log: MemoryLog
}

interface Waiting {
  readonly events: readonly string[]
  readonly expected: number
  readonly lead: Lead | undefined
  done(): void
  fail(error: unknown): void
}

/** A log that lives as long as the process: for tests, and for bands that need no memory. Keeps every promise of the port but durability. */
export function memoryEventStore({
  log = { events: [], epoch: 0, leader: undefined, watchers: new Map() },
  process: name = 'memory',
}: {
  log?: MemoryLog
  process?: string
} = {}): MemoryEventStore {
  let waiting: Waiting[] = []
  let closed = false
  let own: Lead | undefined

  function checkOpen(): void {
    if (closed) throw new CodebandError('CB_INTERNAL', { detail: 'the log in memory was used after it was closed' })
  }

  function refusal({ expected, lead }: Waiting): CodebandError | undefined {
    if (lead && (!log.leader || lead.epoch !== log.epoch)) {
      return new CodebandError('CB_NOT_LEADER', { epoch: lead.epoch, current: log.epoch })
    }
    if (expected === log.events.length) return undefined
    return new CodebandError('CB_VERSION_CONFLICT', { expected, found: log.events.length })
  }

  function flush(): void {
    const batch = waiting
    waiting = []
    const before = log.events.length
    for (const one of batch) {
      const refused = refusal(one)
      if (refused) one.fail(refused)
      else {
        log.events.push(...one.events)
        one.done()
      }
    }
    if (log.events.length === before) return
    for (const [changed, watcher] of log.watchers) if (watcher !== store) setImmediate(() => notify(changed))
  }

  function notify(changed: () => void): void {
    if (log.watchers.has(changed)) changed()
  }

  const store: MemoryEventStore = {
    log,
    head() {
      checkOpen()
      return log.events.length
    },
    async *read(from = 0) {
      checkOpen()
      const last = log.events.length
      for (let seq = Math.max(from, 0) + 1; seq <= last; seq++) {
        const event = JSON.parse(log.events[seq - 1]!) as Recorded
        event.seq = seq
        yield event
      }
    },
    append(events, expected, lead) {
      return new Promise((done, fail) => {
        checkOpen()
        const texts = events.map(write)
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ events: texts, expected, lead, done, fail })
      })
    },
    snapshot(fold) {
      checkOpen()
      return log.snapshot?.fold === fold ? (JSON.parse(log.snapshot.text) as Snapshot) : undefined
    },
    keep(snapshot, fold) {
      checkOpen()
      log.snapshot = { fold, text: JSON.stringify(snapshot) }
    },
    async check() {
      checkOpen()
      return log.events.length
    },
    remarks: [],
    async lead() {
      checkOpen()
      if (log.leader) return undefined
      log.epoch += 1
      const lead: Lead = {
        epoch: log.epoch,
        async release() {
          if (log.leader?.lead !== lead) return
          flush()
          log.leader = undefined
        },
      }
      own = lead
      log.leader = { process: name, lead }
      return lead
    },
    leader() {
      checkOpen()
      return log.leader?.process
    },
    watch(changed) {
      checkOpen()
      const callback = () => changed()
      log.watchers.set(callback, store)
      return () => {
        log.watchers.delete(callback)
      }
    },
    async close() {
      if (closed) return
      flush()
      await own?.release()
      for (const [callback, watcher] of log.watchers) if (watcher === store) log.watchers.delete(callback)
      closed = true
    },
  }
  return store
}

function write(event: Event): string {
  const { seq: _, ...own } = event as Event & { seq?: number }
  try {
    return JSON.stringify(own)
  } catch (error) {
    const detail = `event '${event.type}' is not JSON (${(error as Error).message})`
    throw new CodebandError('CB_INTERNAL', { detail }, { cause: error })
  }
}
