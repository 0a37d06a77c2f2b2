import { CodebandError } from '../errors.ts'
import type { EventStore, Lead } from '../ports/event-store.ts'
import { type Command, isPersons, isRejection, type Principal, type Rejection } from '../protocol/commands.ts'
import { decide } from '../protocol/decide.ts'
import type { Event, Recorded } from '../protocol/events.ts'
import { evolve } from '../protocol/evolve.ts'
import { FOLD } from '../protocol/fold-version.ts'
import { initialState, type State } from '../protocol/state.ts'
import { get } from '../protocol/table.ts'
import { upcast, versioned } from '../protocol/upcast.ts'
import { Halt } from './journal.ts'
import type { Redact } from './redact.ts'

/** A command without its time and its author: the log stamps both. */
export type Request = Command extends infer C ? (C extends { at: number } ? Omit<C, 'at' | 'who'> : never) : never

/** The one way into the log: decide in memory, append, then answer. What one event-loop turn asks commits together. */
export interface Log {
  /** The fold of what is durable. */
  readonly state: State
  /** All commands or none, in one transaction; the answer comes when it is durable. */
  dispatch(...requests: readonly Request[]): Promise<readonly Recorded[] | Rejection>
  /** The same, where a refusal would be a fault of the runtime: CB_INTERNAL, CB_NOT_LEADER. Throws `Halt` where the task is cancelled. */
  must(...requests: readonly Request[]): Promise<readonly Recorded[]>
  /** Calls back for each durable event, own and others', in order. Returns the function that stops it. */
  on(listener: (event: Recorded) => void): () => void
  /** Resolves with the first value that is not undefined, now or after later events; undefined when `signal` aborts.
   *  Rejects with what ended the log. */
  until<T>(look: (state: State) => T | undefined, signal: AbortSignal): Promise<T | undefined>
  /** The durable events after number `from`, as they were recorded. */
  read(from: number): AsyncIterable<Recorded>
  /** What ended it, if anything did: from then on nothing is acted on. */
  readonly failure: unknown
  close(): void
}

/** Events from one kept fold to the next while it works; a sixteenth of the log where that is more, since each holds the whole state. */
const KEEP_EVERY = 4096
/** Fewer events than this are folded again sooner than a fold is kept. */
const KEEP_AT_CLOSE = 256

interface Entry {
  requests: readonly Request[]
  settle(answer: readonly Recorded[] | Rejection): void
  fail(error: unknown): void
}

/** A person's word is theirs, whoever carries it; all else is said by the process that leads, in its epoch. */
function authorOf(request: Request, lead: Lead | undefined): Principal {
  if (isPersons(request.type) && 'by' in request) return { kind: 'person', name: request.by }
  return lead ? { kind: 'leader', epoch: lead.epoch } : { kind: 'person', name: 'a process that does not lead' }
}

export async function openLog({
  store,
  now,
  lead,
  redact = (value) => value,
}: {
  store: EventStore
  now: () => number
  lead?: Lead
  /** Takes secrets out of what is about to be written. */
  redact?: Redact
}): Promise<Log> {
  let state = initialState
  let failure: unknown
  let queue: Entry[] = []
  let flushing = false
  /** Number of the last event in the kept fold. */
  let keptAt = 0
  const failed = new Set<() => void>()
  const listeners = new Set<(event: Recorded) => void>()

  function take(event: Recorded): void {
    try {
      state = evolve(state, event)
    } catch (cause) {
      const detail = `event ${event.seq} (${event.type}) cannot be folded (${(cause as Error).message})`
      throw new CodebandError('CB_INTERNAL', { detail }, { cause })
    }
    for (const listener of listeners) listener(event)
  }

  async function catchUp(): Promise<void> {
    for await (const stored of store.read(state.version)) {
      const event = upcast(stored)
      // Skipping what is not understood would decide on half of the truth.
      if (!event) throw new CodebandError('CB_EVENT_VERSION', { type: stored.type, seq: stored.seq })
      take(event)
    }
  }

  function keep(every: number): void {
    if (!lead || failure !== undefined || state.version - keptAt < every) return
    store.keep({ seq: state.version, state }, FOLD)
    keptAt = state.version
  }

  /** From here on nothing is acted on. */
  function stop(error: unknown): void {
    failure ??= error
    for (const entry of queue.splice(0)) entry.fail(failure)
    for (const tell of failed) tell()
  }

  /** Decides a batch against the durable state; entries that are refused leave no event. */
  function decideAll(batch: readonly Entry[]): {
    events: Event[]
    answers: (Rejection | { from: number; to: number })[]
  } {
    const events: Event[] = []
    let current = state
    const answers = batch.map(({ requests }) => {
      let next = current
      const mine: Event[] = []
      for (const request of requests) {
        const answer = decide({ ...request, at: now(), who: authorOf(request, lead) } as Command, next)
        if (isRejection(answer)) return answer
        for (const event of answer) next = evolve(next, event)
        mine.push(...answer.map((event) => versioned(event)))
      }
      current = next
      events.push(...mine)
      return { from: events.length - mine.length, to: events.length }
    })
    return { events, answers }
  }

  /** The events that commands with these ids led to when they were said first; none where they bear no id. */
  async function firstAnswer(requests: readonly Request[]): Promise<Recorded[]> {
    const events: Recorded[] = []
    for (const { id } of requests) {
      const told = id === undefined ? undefined : get(state.answers, id)
      if (told === undefined) continue
      for await (const stored of store.read(told.from - 1)) {
        if (stored.seq > told.to) break
        const event = upcast(stored)
        if (event && event.cause === id) events.push(event)
      }
    }
    return events
  }

  async function flush(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue
      queue = []
      try {
        for (;;) {
          // What goes on beside, the check of the older history, may have ended it meanwhile.
          if (failure !== undefined) throw failure
          const { events, answers } = decideAll(batch)
          const { version } = state
          try {
            if (events.length > 0) await store.append(events, version, lead)
          } catch (error) {
            // Another process appended a person's command meanwhile: decide again on what it left.
            if (!CodebandError.is(error, 'CB_VERSION_CONFLICT')) throw error
            await catchUp()
            continue
          }
          const recorded = events.map((event, index) => ({ ...event, seq: version + index + 1 }) as Recorded)
          for (const event of recorded) take(event)
          for (const [index, answer] of answers.entries()) {
            const { requests, settle, fail } = batch[index]!
            if (!('from' in answer)) settle(answer)
            else if (answer.from < answer.to) settle(recorded.slice(answer.from, answer.to))
            else firstAnswer(requests).then(settle, fail)
          }
          break
        }
      } catch (error) {
        // A failed commit ends the process: what was decided is not durable, so nothing may follow from it.
        for (const entry of batch) entry.fail(error)
        stop(error)
      }
      keep(Math.max(KEEP_EVERY, state.version / 16))
    }
    flushing = false
  }

  function dispatch(...requests: readonly Request[]): Promise<readonly Recorded[] | Rejection> {
    return new Promise((settle, fail) => {
      if (failure !== undefined) return fail(failure)
      queue.push({ requests: redact(requests), settle, fail })
      if (flushing) return
      flushing = true
      setImmediate(flush)
    })
  }

  const kept = store.snapshot(FOLD)
  if (kept) state = kept.state as State
  keptAt = state.version
  await catchUp()
  // The events before the snapshot were not read. Who acts on them has them checked, while it works.
  let closed = false
  if (lead && kept) store.check().catch((error: unknown) => closed || stop(error))
  const stopWatching = store.watch(() => {
    // An entry in the queue makes the flush look at what others appended, in order with our own.
    void dispatchNothing()
  })

  async function dispatchNothing(): Promise<void> {
    if (flushing || failure !== undefined) return
    flushing = true
    try {
      await catchUp()
    } catch (error) {
      stop(error)
    }
    await flush()
  }

  return {
    get state() {
      return state
    },
    get failure() {
      return failure
    },
    dispatch,
    read: (from) => store.read(from),
    async must(...requests) {
      const answer = await dispatch(...requests)
      if (!isRejection(answer)) return answer
      if (answer.code === 'cancelled') throw new Halt()
      if (answer.code === 'not-leader')
        throw new CodebandError('CB_NOT_LEADER', { epoch: lead?.epoch ?? 0, current: state.epoch })
      throw new CodebandError('CB_INTERNAL', {
        detail: `${requests.map(({ type }) => type).join(' + ')} was refused: ${answer.code}: ${answer.reason}`,
      })
    },
    on(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    until(look, signal) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          const value = signal.aborted || failure !== undefined ? undefined : look(state)
          if (value === undefined && !signal.aborted && failure === undefined) return
          listeners.delete(check)
          failed.delete(check)
          signal.removeEventListener('abort', check)
          if (failure !== undefined && !signal.aborted) reject(failure)
          else resolve(value)
        }
        listeners.add(check)
        failed.add(check)
        signal.addEventListener('abort', check)
        check()
      })
    },
    close() {
      closed = true
      stopWatching()
      keep(KEEP_AT_CLOSE)
      listeners.clear()
    },
  }
}
