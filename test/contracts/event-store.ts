import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { EventStore, Lead } from '../../core/ports/event-store.ts'
import type { Event, Recorded } from '../../core/protocol/events.ts'

/** One log, on which handles open as processes would. */
export interface SharedLog {
  open(process: string): EventStore | Promise<EventStore>
  /** Called after every handle was closed. */
  dispose?(): void | Promise<void>
}

export function resumed(task: string): Event {
  return { type: 'TaskResumed', at: 1_700_000_000_000, task }
}

export async function readAll(store: EventStore, from?: number): Promise<Recorded[]> {
  const events: Recorded[] = []
  for await (const event of store.read(from)) events.push(event)
  return events
}

/** The events as the log should hold them after `before` others. */
export function recorded(events: readonly Event[], before = 0): Recorded[] {
  return events.map((event, index) => ({ ...event, seq: before + index + 1 }))
}

/** Every promise of the port `EventStore`, asked of one adapter. */
export function eventStoreContract(name: string, share: () => SharedLog | Promise<SharedLog>): void {
  const cleanups: (() => unknown)[] = []

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  async function shared(): Promise<(process?: string) => Promise<EventStore>> {
    const log = await share()
    cleanups.push(() => log.dispose?.())
    return async (process = 'first') => {
      const store = await log.open(process)
      cleanups.push(() => store.close())
      return store
    }
  }
  const alone = async () => (await shared())()

  describe(`${name} keeps the contract of a log:`, () => {
    test('an empty log has head 0 and yields nothing', async () => {
      const store = await alone()
      expect([store.head(), await readAll(store), await readAll(store, 5)]).toEqual([0, [], []])
    })

    test('events are numbered 1..n without holes, in the order of the appends (I-07)', async () => {
      const store = await alone()
      await store.append([resumed('a'), resumed('b')], 0)
      await store.append([resumed('c')], 2)
      expect(await readAll(store)).toEqual(recorded([resumed('a'), resumed('b'), resumed('c')]))
      expect(store.head()).toBe(3)
    })

    test('reading starts after a number', async () => {
      const store = await alone()
      await store.append([resumed('a'), resumed('b'), resumed('c')], 0)
      expect(await readAll(store, 2)).toEqual(recorded([resumed('c')], 2))
      expect(await readAll(store, 3)).toEqual([])
      expect(await readAll(store, 4)).toEqual([])
    })

    test('a log longer than any page reads whole, and from any place', async () => {
      const store = await alone()
      const events = Array.from({ length: 2345 }, (_, i) => resumed(`t${i}`))
      await store.append(events, 0)
      expect(await readAll(store)).toEqual(recorded(events))
      for (const from of [1, 499, 500, 501, 1000, 2344]) {
        expect(await readAll(store, from)).toEqual(recorded(events.slice(from), from))
      }
    })

    test('a reader that appends for each event still ends', async () => {
      const store = await alone()
      await store.append([resumed('a'), resumed('b')], 0)
      let read = 0
      for await (const { seq } of store.read()) {
        await store.append([resumed(`after ${seq}`)], store.head())
        read += 1
      }
      expect([read, store.head()]).toEqual([2, 4])
    })

    test('of many concurrent appends that expect one version, exactly one wins and the others learn the head (I-07)', async () => {
      const open = await shared()
      const stores = [await open('first'), await open('second')]
      const tries = Array.from({ length: 20 }, (_, i) => stores[i % 2]!.append([resumed(`t${i}`)], 0))
      const results = await Promise.allSettled(tries)
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(result.reason).toMatchObject({ code: 'CB_VERSION_CONFLICT', values: { expected: 0, found: 1 } })
        }
      }
      expect(stores.map((store) => store.head())).toEqual([1, 1])
    })

    test('appends of one turn build on each other, and each gets its own answer', async () => {
      const store = await alone()
      const results = await Promise.allSettled([
        store.append([resumed('a'), resumed('b')], 0),
        store.append([resumed('lost')], 0),
        store.append([resumed('c')], 2),
        store.append([resumed('early')], 9),
        store.append([], 3),
      ])
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ])
      expect(await readAll(store)).toEqual(recorded([resumed('a'), resumed('b'), resumed('c')]))
    })

    test('a refused append leaves nothing, and the next one succeeds', async () => {
      const store = await alone()
      await store.append([resumed('a')], 0)
      await expect(store.append([resumed('b'), resumed('c')], 0)).rejects.toMatchObject({ code: 'CB_VERSION_CONFLICT' })
      await store.append([resumed('d')], 1)
      expect(await readAll(store)).toEqual(recorded([resumed('a'), resumed('d')]))
    })

    test('an append at any other number than the next, past, gap or future, is refused, and nothing is appended (PR-019)', async () => {
      const store = await alone()
      await store.append([resumed('a'), resumed('b')], 0)
      const forged = { ...resumed('forged'), seq: 3 }
      for (const expected of [0, 1, 3, 4, 1_000, -1, 2.5, Number.MAX_SAFE_INTEGER, Number.NaN]) {
        await expect(store.append([forged], expected), `${expected}`).rejects.toMatchObject({
          code: 'CB_VERSION_CONFLICT',
          values: { expected, found: 2 },
        })
      }
      expect(store.head()).toBe(2)
      expect(await readAll(store)).toEqual(recorded([resumed('a'), resumed('b')]))
    })

    test('an event that is not JSON is refused with its whole append, and only that one', async () => {
      const store = await alone()
      const broken = { ...resumed('a'), result: 1n } as unknown as Event
      const results = await Promise.allSettled([
        store.append([resumed('x'), broken], 0),
        store.append([resumed('good')], 0),
      ])
      expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'CB_INTERNAL' } })
      expect(await readAll(store)).toEqual(recorded([resumed('good')]))
    })

    test('the head does not count an append that is still on its way', async () => {
      const store = await alone()
      const append = store.append([resumed('a')], 0)
      expect(store.head()).toBe(0)
      await append
      expect(store.head()).toBe(1)
    })

    test('what is appended is what it was at the call, and a reader cannot change it', async () => {
      const store = await alone()
      const event = { type: 'EffectEnded' as const, at: 1, task: 't', place: 'p', result: { list: [1] } }
      const append = store.append([event], 0)
      event.result.list.push(2)
      await append
      const [first] = await readAll(store)
      Object.assign(first!, { task: 'other' })
      expect(await readAll(store)).toEqual([{ ...event, result: { list: [1] }, seq: 1 }])
    })

    test('a recorded event appended again gets the number of its new place', async () => {
      const store = await alone()
      await store.append([resumed('a')], 0)
      await store.append(await readAll(store), 1)
      expect(await readAll(store)).toEqual(recorded([resumed('a'), resumed('a')]))
    })

    test('big bodies come back as they were, also twice the same and deep inside', async () => {
      const store = await alone()
      const big = 'ä€😀\0\n"'.repeat(10_000)
      const events: Event[] = [big, { deep: [big, { $body: big, $$body: 'x' }] }, `${big}\ud800`].map((result, i) => ({
        type: 'EffectEnded',
        at: i,
        task: 't',
        place: 'p',
        result,
      }))
      await store.append(events, 0)
      expect(await readAll(store)).toEqual(recorded(events))
    })

    test('any JSON comes back equal', async () => {
      const store = await alone()
      const strings = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('$body', '$$body', '__proto__', 'seq', 'toJSON', 'x'.repeat(16_384), 'é'.repeat(8_193)),
      )
      const { json } = fc.letrec((tie) => ({
        json: fc.oneof(
          { maxDepth: 4 },
          strings,
          fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
          fc.constantFrom(null, true, false),
          fc.array(tie('json'), { maxLength: 4 }),
          fc.array(fc.tuple(strings, tie('json')), { maxLength: 4 }).map(Object.fromEntries),
        ),
      }))
      await fc.assert(
        fc.asyncProperty(fc.array(json, { minLength: 1, maxLength: 5 }), async (results) => {
          const before = store.head()
          const events = results.map(
            (result): Event => ({ type: 'EffectEnded', at: 0, task: 't', place: 'p', result: tidy(result) }),
          )
          await store.append(events, before)
          expect(await readAll(store, before)).toStrictEqual(recorded(events, before))
        }),
        { numRuns: 150 },
      )
    })

    test('one handle sees what another appended, at once', async () => {
      const open = await shared()
      const [first, second] = [await open('first'), await open('second')]
      await first.append([resumed('a')], 0)
      expect(second.head()).toBe(1)
      await second.append([resumed('b')], 1)
      expect(await readAll(first)).toEqual(recorded([resumed('a'), resumed('b')]))
    })

    test('one process leads at a time, and everybody can learn which (I-06, F-ST-11)', async () => {
      const open = await shared()
      const [first, second] = [await open('first'), await open('second')]
      expect([first.leader(), second.leader()]).toEqual([undefined, undefined])
      const lead = await first.lead()
      expect(lead?.epoch).toBe(1)
      expect([await second.lead(), await first.lead()]).toEqual([undefined, undefined])
      expect([first.leader(), second.leader()]).toEqual(['first', 'first'])
      await lead?.release()
      expect([first.leader(), second.leader()]).toEqual([undefined, undefined])
      expect((await second.lead())?.epoch).toBe(2)
      expect(first.leader()).toBe('second')
    })

    test('of many that want the lead at once, exactly one gets it (I-06)', async () => {
      const open = await shared()
      const stores = await Promise.all(['a', 'b', 'c', 'd'].map((process) => open(process)))
      for (let epoch = 1; epoch <= 5; epoch++) {
        const leads = (await Promise.all(stores.map((store) => store.lead()))).filter((lead) => lead !== undefined)
        expect(leads.map((lead) => lead.epoch)).toEqual([epoch])
        await leads[0]?.release()
      }
    })

    test('a stale lead is refused inside the append, before its version is looked at (I-05, F-ST-12)', async () => {
      const open = await shared()
      const [first, second] = [await open('first'), await open('second')]
      const stale = (await first.lead()) as Lead
      await first.append([resumed('a')], 0, stale)
      await stale.release()
      await expect(first.append([resumed('b')], 1, stale)).rejects.toMatchObject({
        code: 'CB_NOT_LEADER',
        values: { epoch: 1, current: 1 },
      })
      const lead = (await second.lead()) as Lead
      for (const store of [first, second]) {
        await expect(store.append([resumed('c')], 7, stale)).rejects.toMatchObject({
          code: 'CB_NOT_LEADER',
          values: { epoch: 1, current: 2 },
        })
      }
      await second.append([resumed('d')], 1, lead)
      await first.append([resumed('a person')], 2)
      expect(await readAll(first)).toEqual(recorded([resumed('a'), resumed('d'), resumed('a person')]))
    })

    test('what a lead appended in the turn of its release is still written', async () => {
      const store = await alone()
      const lead = (await store.lead()) as Lead
      const append = store.append([resumed('a')], 0, lead)
      await lead.release()
      await append
      await lead.release()
      expect(await readAll(store)).toEqual(recorded([resumed('a')]))
    })

    test('an invented lead is refused (I-05)', async () => {
      const store = await alone()
      const invented: Lead = { epoch: 0, async release() {} }
      await expect(store.append([resumed('a')], 0, invented)).rejects.toMatchObject({ code: 'CB_NOT_LEADER' })
      expect(store.head()).toBe(0)
    })

    test('a watcher is called when another handle appends, not for its own, and not after it stopped', async () => {
      const open = await shared()
      const [first, second] = [await open('first'), await open('second')]
      let calls = 0
      const stop = first.watch(() => calls++)
      await first.append([resumed('own')], 0)
      await delay(400)
      expect(calls).toBe(0)
      await second.append([resumed('other')], 1)
      await expect.poll(() => calls, { timeout: 1000 }).toBe(1)
      stop()
      await second.append([resumed('other')], 2)
      await delay(400)
      expect(calls).toBe(1)
    })

    test('a lead that comes and goes is no append to a watcher', async () => {
      const open = await shared()
      const [first, second] = [await open('first'), await open('second')]
      let calls = 0
      first.watch(() => calls++)
      await (await second.lead())?.release()
      await delay(400)
      expect(calls).toBe(0)
    })

    test('a kept fold comes back as it was, under its own name only, also through another handle', async () => {
      const open = await shared()
      const first = await open()
      expect(first.snapshot('fold 1')).toBeUndefined()
      await first.append([resumed('a'), resumed('b'), resumed('c')], 0)
      const state = { version: 2, tasks: [{ id: 'ä\ud800"', usd: 0.1 + 0.2 }], none: null }
      first.keep({ seq: 2, state }, 'fold 1')
      state.version = 9
      const second = await open('second')
      expect((await open('third')).snapshot('fold 2')).toBeUndefined()
      expect(second.snapshot('fold 1')).toEqual({ seq: 2, state: { ...state, version: 2 } })
      expect(await readAll(second, 2)).toEqual(recorded([resumed('c')], 2))
      second.keep({ seq: 3, state: 'later' }, 'fold 1')
      expect((await open('fourth')).snapshot('fold 1')).toEqual({ seq: 3, state: 'later' })
      expect([...first.remarks, ...second.remarks]).toEqual([])
    })

    test('a check of the whole log counts its events', async () => {
      const store = await alone()
      expect(await store.check()).toBe(0)
      const events = Array.from({ length: 1203 }, (_, i) => resumed(`${i}`))
      await store.append(events, 0)
      expect(await store.check()).toBe(1203)
    })

    test('closing twice is closing once; it writes what waits and frees the lead', async () => {
      const open = await shared()
      const [first, second] = [await open('first'), await open('second')]
      await first.lead()
      const append = first.append([resumed('a')], 0)
      await Promise.all([first.close(), first.close()])
      await first.close()
      await append
      expect(await readAll(second)).toEqual(recorded([resumed('a')]))
      expect((await second.lead())?.epoch).toBe(2)
      expect(() => first.head()).toThrow(/closed/)
      await expect(first.append([resumed('b')], 1)).rejects.toThrow(/closed/)
    })
  })
}

/** What JSON cannot tell apart is not asked for: negative zero. */
function tidy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
