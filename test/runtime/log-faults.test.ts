import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type MemoryLog, memoryEventStore } from '../../adapters/event-stores/memory.ts'
import type { EventStore } from '../../core/ports/event-store.ts'
import { isRejection } from '../../core/protocol/commands.ts'
import type { Event, Recorded } from '../../core/protocol/events.ts'
import { fold } from '../../core/protocol/evolve.ts'
import { initialState } from '../../core/protocol/state.ts'
import { openLog, type Request } from '../../core/runtime/log.ts'
import { readAll } from '../contracts/event-store.ts'
import { eventsOf, history, stateHash } from '../histories/golden.ts'
import { policy } from '../protocol/given.ts'

const newLog = (): MemoryLog => memoryEventStore().log

/** What the person and the leader of a small band ask; each with an id, so that it may arrive again. */
const words: readonly Request[] = ['t1', 't2', 't3'].flatMap((task): Request[] => [
  { type: 'SubmitTask', id: `${task} submit`, task, text: `do ${task}`, policy, by: 'ada' },
  { type: 'StartTask', id: `${task} start`, task, base: 'base' },
  {
    type: 'BeginEffect',
    id: `${task} begin`,
    task,
    place: 'conductor/0',
    effect: { kind: 'spawn', role: 'planner', hash: 'h' },
  },
  { type: 'EndEffect', id: `${task} end`, task, place: 'conductor/0', result: { of: task } },
  { type: 'EndTask', id: `${task} over`, task, outcome: 'success', reason: 'done' },
])

async function lead(log: MemoryLog) {
  const store = memoryEventStore({ log })
  const held = (await store.lead())!
  const opened = await openLog({ store, now: () => 1, lead: held })
  await opened.must({ type: 'TakeLead', epoch: held.epoch, process: 'p' })
  return {
    ...opened,
    get state() {
      return opened.state
    },
    end: () => held.release(),
  }
}

/** The state without the numbers of events, which follow the order of arrival. */
function tasksOf(log: MemoryLog): Record<string, unknown> {
  const { tasks } = fold(
    initialState,
    log.events.map((text) => JSON.parse(text) as Event),
  )
  return JSON.parse(JSON.stringify(tasks, (key, value: unknown) => (key === 'seq' ? undefined : value)))
}

test('a process that dies between deciding and appending has done nothing, and the next one decides the same (F-DE-01, I-02)', async () => {
  for (let alive = 0; alive < words.length; alive++) {
    const log = newLog()
    const first = await lead(log)
    for (const word of words.slice(0, alive)) await first.must(word)
    await first.end()
    const store = memoryEventStore({ log })
    const decided: Event[] = []
    const dying: EventStore = {
      ...store,
      append(events) {
        decided.push(...events)
        return new Promise(() => undefined)
      },
    }
    const held = (await store.lead())!
    const dead = await openLog({ store: dying, now: () => 1, lead: held })
    // It never answers: the append is where it dies.
    void dead.dispatch({ type: 'TakeLead', epoch: held.epoch, process: 'p' }, words[alive]!)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(decided.length).toBeGreaterThan(1)
    expect(log.events).toHaveLength((await readAll(store)).length)
    await held.release()
    const before = log.events.length
    const again = (await store.lead())!
    const next = await openLog({ store: memoryEventStore({ log }), now: () => 1, lead: again })
    await next.must({ type: 'TakeLead', epoch: again.epoch, process: 'p' }, words[alive]!)
    const plain = (events: readonly Event[]) => events.map((event) => ({ ...event, epoch: 0, seq: 0 }))
    expect(plain((await readAll(store, before)) as Event[])).toEqual(plain(decided))
  }
})

test('commands that arrive up to three times leave the state of one arrival (F-DE-04, I-23)', async () => {
  const once = newLog()
  const calm = await lead(once)
  for (const word of words) await calm.must(word)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 15, maxLength: 15 }),
      fc.boolean(),
      async (times, late) => {
        const log = newLog()
        const band = await lead(log)
        for (const [i, word] of words.entries()) {
          for (let n = 0; n < times[i]!; n++) expect(isRejection(await band.dispatch(word))).toBe(false)
          // And an older one once more, long after it was answered.
          if (late && i > 0) await band.dispatch(words[i - 1]!)
        }
        expect(log.events).toEqual(once.events)
      },
    ),
    { numRuns: 20 },
  )
})

test('commands of different tasks end in one state whatever their order; those of one task keep theirs (F-DE-05, I-07)', async () => {
  const straight = newLog()
  const calm = await lead(straight)
  for (const word of words) await calm.must(word)
  const wanted = tasksOf(straight)
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat(2)), async (picks) => {
      const log = newLog()
      const band = await lead(log)
      const queues = [0, 1, 2].map((t) => words.slice(t * 5, t * 5 + 5))
      while (queues.some((queue) => queue.length > 0)) {
        const queue = queues[picks.next().value!]!
        if (queue.length > 0) await band.must(queue.shift()!)
      }
      expect(tasksOf(log)).toEqual(wanted)
    }),
    { numRuns: 30 },
  )
})

test('whatever a band had counted, it has counted after a restart: turns, failures, rounds, spending (F-DE-09, I-13)', async () => {
  for (const name of ['escalated', 'revised', 'red-checks', 'refused']) {
    const events = eventsOf(history(name))
    for (let alive = 1; alive <= events.length; alive += 9) {
      const store = memoryEventStore()
      await store.append(events.slice(0, alive), 0)
      const { state } = await openLog({ store: memoryEventStore({ log: store.log }), now: () => 1 })
      expect(stateHash(state)).toBe(stateHash(fold(initialState, events.slice(0, alive))))
    }
  }
})

test('an event that cannot be folded stops the log at its number, whoever wrote it, and leaves the log as it is (F-DE-13, I-24)', async () => {
  const events = eventsOf(history('landed'))
  const at = events.findIndex(({ type }) => type === 'VerdictGiven')
  const broken = { ...events[at]!, verdict: undefined } as unknown as Recorded
  const store = memoryEventStore()
  await store.append(events.toSpliced(at, 1, broken), 0)
  const before = [...store.log.events]
  await expect(openLog({ store, now: () => 1 })).rejects.toMatchObject({
    code: 'CB_INTERNAL',
    message: expect.stringContaining(`event ${at + 1} (VerdictGiven) cannot be folded`),
  })
  expect(store.log.events).toEqual(before)
})

test('a type that comes while the log is open stops it too, at its number, and is not skipped (F-DE-12, I-24)', async () => {
  const log = newLog()
  const band = await lead(log)
  const newer = memoryEventStore({ log })
  await newer.append([{ type: 'FromTheFuture', at: 1 } as unknown as Event], newer.head())
  await expect(band.until(() => undefined, new AbortController().signal)).rejects.toMatchObject({
    code: 'CB_EVENT_VERSION',
  })
  await expect(band.dispatch(words[0]!)).rejects.toMatchObject({ code: 'CB_EVENT_VERSION', values: { seq: 2 } })
})
