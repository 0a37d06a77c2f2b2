import { expect, test } from 'vitest'
import type { Event } from '../../core/protocol/events.ts'
import { type Steps, type Stored, upcast, versioned } from '../../core/protocol/upcast.ts'

/** As if parking had once had one sentence, then a reason beside it, then the two names it has today. */
const steps: Steps = {
  TaskParked: [
    ({ why, ...rest }) => ({ ...rest, reason: 'approval', text: why }),
    ({ text, ...rest }) => ({ ...rest, detail: text }),
  ],
}
const stored = (event: object): Stored => ({ at: 1, seq: 7, ...event }) as unknown as Stored

test('an event of any older shape comes in the shape of today, with its number (F-DE-11, I-24)', () => {
  const today = { at: 1, seq: 7, v: 3, type: 'TaskParked', task: 't1', reason: 'approval', detail: 'a person' }
  expect(upcast(stored({ type: 'TaskParked', task: 't1', why: 'a person' }), steps)).toEqual(today)
  expect(upcast(stored({ type: 'TaskParked', v: 2, task: 't1', reason: 'approval', text: 'a person' }), steps)).toEqual(
    today,
  )
  expect(upcast(stored(today), steps)).toEqual(today)
})

test('an older event is left as it was stored', () => {
  const old = Object.freeze(stored({ type: 'TaskParked', task: 't1', why: 'a person' }))
  upcast(old, steps)
  expect(old).toEqual({ at: 1, seq: 7, type: 'TaskParked', task: 't1', why: 'a person' })
})

test('an event of a type or a version that this codeband does not know is not passed off as one that it knows (F-DE-12, I-24)', () => {
  for (const event of [
    { type: 'FromTheFuture' },
    { type: 'TaskParked', v: 4 },
    { type: 'TaskResumed', v: 2 },
    { type: 'TaskResumed', v: 0 },
    { type: 'TaskResumed', v: 1.5 },
    { type: 'TaskResumed', v: '1' },
    { type: 'constructor' },
    { type: '__proto__' },
  ])
    expect(upcast(stored(event), steps), JSON.stringify(event)).toBeUndefined()
})

test('an event whose shape never changed carries no version; another is written with its own', () => {
  const resumed: Event = { at: 1, type: 'TaskResumed', task: 't1' }
  expect(versioned(resumed, steps)).toBe(resumed)
  expect(upcast(stored(resumed), steps)).toEqual({ ...resumed, seq: 7 })
  const parked: Event = { at: 1, type: 'TaskParked', task: 't1', reason: 'ask', detail: 'x' }
  expect(versioned(parked, steps)).toEqual({ ...parked, v: 3 })
})
