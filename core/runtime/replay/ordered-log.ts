import { CodebandError } from '../../errors.ts'
import { type Command, isRejection, type Rejection, rejection } from '../../protocol/commands.ts'
import { decide } from '../../protocol/decide.ts'
import type { Event, Recorded } from '../../protocol/events.ts'
import { evolve } from '../../protocol/evolve.ts'
import { initialState, type State, taskOf } from '../../protocol/state.ts'
import { Halt } from '../journal.ts'
import type { Log, Request } from '../log.ts'
import type { Redact } from '../redact.ts'
import { same } from './compare.ts'
import { isLate, lifeEnd, type Recording } from './recording.ts'

/** What is asked now where the log has something else. */
export type Now =
  | { kind: 'event'; event: Event }
  /** A part of the world was asked for what it never gave. */
  | ({ kind: 'port' } & PortAsk)
  /** The program ended, or threw. */
  | { kind: 'ended'; error?: unknown }

export interface PortAsk {
  what: 'gate' | 'checks' | 'merge' | 'landing'
  turn?: string
  place?: string
  /** What was, and what is. */
  before: string
  now: string
}

/** The first place at which a replay asks for something else. */
export interface Fork {
  /** The recorded event; undefined where the log ends before. */
  recorded?: Recorded
  now: Now
}

/** A log in memory that takes only what is recorded, in the recorded order: what is asked early waits, so that every decision falls
 *  on the state it fell on, however the branches of a program run. */
export interface OrderedLog {
  readonly state: State
  /** The log as one life of the program sees it. */
  open(): Log
  /** Waits for something outside of memory; until it is there nothing is taken for a difference. */
  busy<T>(work: Promise<T>): Promise<T>
  /** Never resolves: what is asked was never recorded. */
  diverge(ask: PortAsk): Promise<never>
  /** Takes in what came from outside before a life began; false where there was no more to it. */
  begin(): boolean
  /** Until the life that `driven` plays has come to its recorded end, or asks for something else. */
  play(driven: Promise<unknown>): Promise<Fork | undefined>
}

/** Events that no program asks for: a person's, another process's, the clock's. Those that a program may ask for too are matched first. */
const fromOutside: ReadonlySet<string> = new Set<Event['type']>([
  'LeaderElected',
  'CancelRequested',
  'ApprovalGiven',
  'ApprovalRefused',
  'MessageSent',
  'StallNoticed',
  'PersonReminded',
  'BudgetReserved',
])
/** Requests that follow from the clock or from how a model's usage came in pieces: what came of them is recorded, when they come is not. */
const incidental: ReadonlySet<string> = new Set<Request['type']>(['ReserveMore', 'NoticeStall', 'RemindPerson'])

interface Entry {
  requests: readonly Request[]
  settle(answer: readonly Recorded[] | Rejection): void
  fail(error: Halt): void
}

/** How often the event loop goes round without anything happening before nothing more is waited for. */
const calm = 3

export function openOrderedLog(recording: Recording, redact: Redact = (value) => value): OrderedLog {
  const { events, task } = recording
  let state = evolve(initialState, recording.submitted)
  /** Where the life that is played now ends. */
  let end = 0
  let queue: Entry[] = []
  let asks: PortAsk[] = []
  let outside = 0
  /** Counts whatever happens, so that stillness can be seen. */
  let activity = 0
  let listeners = new Set<(event: Recorded) => void>()
  let wake = (): void => undefined

  function take(event: Recorded): void {
    state = evolve(state, event)
    recording.head++
    activity++
    for (const listener of [...listeners]) listener(event)
  }

  /** What would follow from a transaction now; times are those of the record. */
  function decided(requests: readonly Request[]): readonly Event[] | Rejection {
    const at = events[recording.head]?.at ?? 0
    let current = state
    const all: Event[] = []
    for (const request of requests) {
      const who = { kind: 'leader', epoch: state.epoch } as const
      const answer = decide({ ...request, at, who } as Command, current)
      if (isRejection(answer)) return answer
      for (const event of answer) current = evolve(current, event)
      all.push(...answer)
    }
    return all
  }

  function isRecordedNext(entry: Entry): boolean {
    const now = decided(entry.requests)
    if (isRejection(now) || now.length === 0 || recording.head + now.length > end) return false
    return now.every((event, index) => same(event, events[recording.head + index]!))
  }

  function takeRecorded(): boolean {
    const entry = queue.find(isRecordedNext)
    if (entry === undefined) return false
    queue = queue.filter((one) => one !== entry)
    const { length } = decided(entry.requests) as readonly Event[]
    const taken = events.slice(recording.head, recording.head + length)
    for (const event of taken) take(event)
    entry.settle(taken)
    return true
  }

  /** Takes the next event if no program asks for it. */
  function takeGiven(): boolean {
    const event = events[recording.head]
    if (event === undefined || recording.head >= end || !isGiven(event)) return false
    take(event)
    return true
  }

  function isGiven(event: Recorded): boolean {
    if (fromOutside.has(event.type) || isLate(event)) return true
    // Of a process that died.
    if (event.type === 'TurnEnded') return event.outcome === 'cancelled' && event.failure !== undefined
    // Of a person who ended what nobody drove.
    const before = events[recording.head - 1]
    return event.type === 'TaskEnded' && before?.type === 'CancelRequested' && taskOf(state, task)?.status !== 'running'
  }

  /** Answers what leaves no event: refusals, and what was there already. */
  function answerRest(): boolean {
    for (const entry of queue) {
      const now = decided(entry.requests)
      // The worker is free as soon as the log has come to the end of its turn.
      if (isRejection(now) && now.code === 'busy') continue
      const empty = isRejection(now) || now.length === 0
      if (!empty && !entry.requests.every(({ type }) => incidental.has(type))) continue
      queue = queue.filter((one) => one !== entry)
      activity++
      entry.settle(isRejection(now) ? now : empty ? [] : rejection('not-recorded', 'it did not come to that'))
      return true
    }
    return false
  }

  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  /** True once nothing has happened for a while, and nothing outside of memory is waited for. */
  async function isCalm(): Promise<boolean> {
    for (let round = 0; round < calm; round++) {
      const before = activity
      await pause()
      if (activity !== before) return false
    }
    if (outside === 0) return true
    await new Promise<void>((resolve) => {
      wake = resolve
    })
    return false
  }

  function dispatch(own: object, requests: readonly Request[]): Promise<readonly Recorded[] | Rejection> {
    return new Promise((settle, fail) => {
      // A life that has ended asks for nothing any more.
      if (own !== listeners) return fail(new Halt())
      activity++
      queue.push({ requests: redact(requests), settle, fail })
    })
  }

  /** What is asked instead of the next event: of its own turn or place first; what is recorded for later is merely early. */
  function blame(ended: { error?: unknown } | undefined): Fork {
    const recorded = recording.head < end ? events[recording.head] : undefined
    const asked = queue.flatMap(({ requests }): { now: Now; near: number }[] => {
      const now = decided(requests)
      if (isRejection(now)) return []
      const index = now.findIndex(
        (event, at) => !events[recording.head + at] || !same(event, events[recording.head + at]!),
      )
      const event = now[Math.max(index, 0)]
      if (event === undefined) return []
      const early = now.every((one) => events.slice(recording.head, end).some((other) => same(one, other)))
      return [{ now: { kind: 'event', event }, near: early ? -1 : nearness(event, recorded) }]
    })
    const ports = asks.map((ask) => ({ now: { kind: 'port', ...ask } as const, near: nearness(ask, recorded) }))
    const best = [...ports, ...asked].sort((a, b) => b.near - a.near)[0]
    return { ...(recorded && { recorded }), now: best?.now ?? { kind: 'ended', ...ended } }
  }

  return {
    get state() {
      return state
    },
    open() {
      const own = new Set<(event: Recorded) => void>()
      listeners = own
      return {
        get state() {
          return state
        },
        failure: undefined,
        dispatch: (...requests) => dispatch(own, requests),
        async must(...requests) {
          const answer = await dispatch(own, requests)
          if (!isRejection(answer)) return answer
          if (answer.code === 'cancelled') throw new Halt()
          const asked = requests.map(({ type }) => type).join(' + ')
          throw new CodebandError('CB_INTERNAL', {
            detail: `${asked} was refused: ${answer.code}: ${answer.reason}`,
          })
        },
        on(listener) {
          own.add(listener)
          return () => own.delete(listener)
        },
        until(look, signal) {
          return new Promise((resolve) => {
            const check = (): void => {
              const value = signal.aborted ? undefined : look(state)
              if (value === undefined && !signal.aborted) return
              own.delete(check)
              signal.removeEventListener('abort', check)
              resolve(value)
            }
            own.add(check)
            signal.addEventListener('abort', check)
            check()
          })
        },
        async *read(from) {
          // Here the submission is the first event, whatever its number was.
          yield* events.slice(Math.max(0, from - 1), recording.head)
        },
        close: () => own.clear(),
      }
    },
    async busy(work) {
      outside++
      try {
        return await work
      } finally {
        outside--
        activity++
        wake()
      }
    },
    diverge(ask) {
      activity++
      asks.push(ask)
      return new Promise(() => undefined)
    },
    begin() {
      end = lifeEnd(recording)
      while (takeGiven());
      return recording.head < end
    },
    async play(driven) {
      let ended: { error?: unknown } | undefined
      const stop = (error?: { error: unknown }): void => {
        ended = error ?? {}
        activity++
      }
      driven.then(
        () => stop(),
        (error: unknown) => stop({ error }),
      )
      try {
        while (recording.head < end) {
          if (takeRecorded()) {
            await pause()
          } else if ((await isCalm()) && !takeRecorded() && !takeGiven() && !answerRest()) return blame(ended)
        }
        return undefined
      } finally {
        const left = queue
        listeners = new Set()
        queue = []
        asks = []
        for (const { fail } of left) fail(new Halt())
      }
    },
  }
}

/** How much an ask has to do with an event: the same turn, the same place, the same kind. */
function nearness(ask: object, event: Recorded | undefined): number {
  if (event === undefined) return 0
  const { turn, place, type } = ask as { turn?: string; place?: string; type?: string }
  if (turn !== undefined && 'turn' in event && event.turn === turn) return 3
  if (place !== undefined && 'place' in event && event.place === place) return 2
  return type === event.type ? 1 : 0
}
