import { expect, test } from 'vitest'
import { memoryEventStore } from '../../adapters/event-stores/memory.ts'
import { isRejection } from '../../core/protocol/commands.ts'
import type { Event } from '../../core/protocol/events.ts'
import { tasksOf } from '../../core/protocol/state.ts'
import { openLog } from '../../core/runtime/log.ts'
import { submitTask } from '../../core/runtime/submit-task.ts'
import { policy } from '../protocol/given.ts'

const task = (id: string) => ({ type: 'SubmitTask', task: id, text: 'x', policy, by: 'ada' }) as const

test('what one event-loop turn asks is decided in order and is all there', async () => {
  const store = memoryEventStore()
  const log = await openLog({ store, now: () => 1 })
  const answers = await Promise.all([log.dispatch(task('t1')), log.dispatch(task('t1')), log.dispatch(task('t2'))])
  expect(answers.map((answer) => (isRejection(answer) ? answer.code : answer.map(({ seq }) => seq)))).toEqual([
    [1],
    'duplicate',
    [2],
  ])
  expect(tasksOf(log.state).map(({ id }) => id)).toEqual(['t1', 't2'])
})

test('several commands in one dispatch are one transaction: when one is refused, none has happened', async () => {
  const log = await openLog({ store: memoryEventStore(), now: () => 1 })
  const answer = await log.dispatch(task('t1'), task('t1'))
  expect(answer).toMatchObject({ rejected: true, code: 'duplicate' })
  expect(log.state.version).toBe(0)
})

test('the same command id gives the same answer and no new event, from whatever process it comes (I-23)', async () => {
  const first = memoryEventStore()
  const a = await openLog({ store: first, now: () => 1 })
  const b = await openLog({ store: memoryEventStore({ log: first.log }), now: () => 2 })
  const said = { ...task('t1'), id: 'hook-7' }
  const [one, two] = await Promise.all([a.dispatch(said), a.dispatch(said)])
  expect(one).toMatchObject([{ type: 'TaskSubmitted', seq: 1, cause: 'hook-7' }])
  expect(two).toEqual(one)
  expect(await b.dispatch(said)).toEqual(one)
  expect(a.state.version).toBe(1)
})

test('two logs on one store decide again on what the other appended, and nobody overwrites anybody (I-07)', async () => {
  const first = memoryEventStore()
  const second = memoryEventStore({ log: first.log })
  const a = await openLog({ store: first, now: () => 1 })
  const b = await openLog({ store: second, now: () => 1 })
  const both = await Promise.all([a.dispatch(task('t1')), b.dispatch(task('t1'))])
  expect(both.map((answer) => isRejection(answer)).sort()).toEqual([false, true])
  await b.must(task('t2'))
  await a.must(task('t3'))
  expect(tasksOf(a.state).map(({ id }) => id)).toEqual(['t1', 't2', 't3'])
})

test('an event of a type that is not known stops the log; it is never skipped (I-24)', async () => {
  const store = memoryEventStore()
  await store.append([{ type: 'FromTheFuture', at: 1, task: 't1' } as unknown as Event], 0)
  await expect(openLog({ store, now: () => 1 })).rejects.toMatchObject({ code: 'CB_EVENT_VERSION' })
})

test('after a failed append nothing more is answered, although there would be space again', async () => {
  const store = memoryEventStore()
  let failures = 0
  const append: typeof store.append = (...given) =>
    failures++ === 0 ? Promise.reject(new Error('no space')) : store.append(...given)
  const log = await openLog({ store: { ...store, append }, now: () => 1 })
  await expect(log.dispatch(task('t1'))).rejects.toThrow('no space')
  await expect(log.dispatch(task('t2'))).rejects.toThrow('no space')
  expect(log.state.version).toBe(0)
})

test('two processes that queue a task at once get two ids', async () => {
  const first = memoryEventStore()
  const logs = [first, memoryEventStore({ log: first.log })].map((store) => openLog({ store, now: () => 1 }))
  const ids = await Promise.all(logs.map(async (log) => submitTask(await log, { text: 'x', policy, by: 'ada' })))
  expect(ids.sort()).toEqual(['t1', 't2'])
})
