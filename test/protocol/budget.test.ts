import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Budgets, kinds, openBudget, reservation, reserve, settle } from '../../core/protocol/budget.ts'
import { attemptsAt, taskOf } from '../../core/protocol/state.ts'
import { type Asked, coding, given, startedWith } from './given.ts'

const playing = (turn: string, budget?: string): Asked =>
  ({ ...coding(turn), purpose: 'play', subject: undefined, worker: `w-${turn}`, place: 'p', budget }) as Asked
const ending = (turn: string, tokens: number, failure?: string): Asked => ({
  type: 'EndTurn',
  task: 't1',
  turn,
  outcome: failure ? 'failed' : 'done',
  failure: failure ? { kind: failure, detail: '' } : undefined,
  usage: { inputTokens: tokens, outputTokens: 0 },
  ms: 10,
})

describe('budgets', () => {
  test('what runs side by side cannot spend the same: each turn sets a share of what is left aside (I-14)', () => {
    const scene = given(...startedWith({ caps: { tokens: 1000 } }), playing('1'), playing('2'))
    expect(taskOf(scene.state, 't1')!.budgets['']).toMatchObject({ reserved: { tokens: 250 + 188 } })
    const ended = scene.and(ending('1', 240), ending('2', 20))
    expect(taskOf(ended.state, 't1')!.budgets['']).toMatchObject({ reserved: { tokens: 0 }, spent: { tokens: 260 } })
  })

  test('no turn begins on a budget that is used up, here or above', () => {
    const inner = { type: 'OpenBudget', task: 't1', place: 'p/0', caps: { turns: 1 } } as const
    const scene = given(...startedWith({ caps: { turns: 3 } }), inner, playing('1', 'p/0'), ending('1', 1))
    scene.when(playing('2', 'p/0')).rejects('budget')
    const more = scene.and(playing('2'), ending('2', 1), playing('3'))
    more.when(playing('4')).rejects('budget')
  })

  test('a budget that is opened again after a crash keeps what was spent', () => {
    const inner = { type: 'OpenBudget', task: 't1', place: 'p/0', caps: { turns: 9 } } as const
    const scene = given(...startedWith({}), inner, playing('1', 'p/0'), ending('1', 5))
    scene.when(inner).then()
    expect(taskOf(scene.state, 't1')!.budgets['p/0']!.spent).toEqual({ turns: 1, tokens: 5, usd: 0, ms: 10 })
  })

  test('reserved and spent never pass a cap as long as turns stay within what is set aside (I-14)', () => {
    const places = ['', 'a', 'b', 'a/c']
    const step = fc.record({
      place: fc.constantFrom(...places),
      ends: fc.boolean(),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 500 }), (steps, cap) => {
        let budgets: Budgets = {
          '': openBudget({ tokens: cap, turns: 20 }),
          a: openBudget({ tokens: Math.ceil(cap / 2), usd: 3 }, ''),
          b: openBudget({}, ''),
          'a/c': openBudget({ turns: 2 }, 'a'),
        }
        const running: { place: string; aside: Partial<Record<(typeof kinds)[number], number>> }[] = []
        for (const { place, ends, part } of steps) {
          const turn = ends ? running.pop() : undefined
          if (turn) {
            const tokens = Math.floor((turn.aside.tokens ?? 10) * part)
            budgets = settle(budgets, turn.place, turn.aside, {
              turns: 1,
              tokens,
              usd: (turn.aside.usd ?? 1) * part,
              ms: 1,
            })
          } else {
            const got = reservation(budgets, place)
            if ('usedUp' in got) continue
            budgets = reserve(budgets, place, got.reserved)
            running.push({ place, aside: got.reserved })
          }
          for (const { caps, spent, reserved } of Object.values(budgets)) {
            for (const kind of kinds) {
              expect(spent[kind] + reserved[kind]).toBeLessThanOrEqual((caps[kind] ?? Number.POSITIVE_INFINITY) + 1e-5)
              expect(reserved[kind]).toBeGreaterThanOrEqual(0)
            }
          }
        }
        for (const { place, aside } of running)
          budgets = settle(budgets, place, aside, { turns: 1, tokens: 0, usd: 0, ms: 0 })
        for (const { reserved } of Object.values(budgets))
          expect(Math.max(...kinds.map((kind) => reserved[kind]))).toBeLessThan(1e-4)
      }),
      { numRuns: 300 },
    )
  })
})

describe('failures', () => {
  test('of the world burn no retry, but do not go on for ever either (I-13)', () => {
    const outages = [1, 2, 3].flatMap((n) => [playing(`o${n}`), ending(`o${n}`, 0, 'overloaded')])
    const scene = given(...startedWith({ retries: 0, outages: 2 }), ...outages)
    expect(attemptsAt(taskOf(scene.state, 't1')!, 'p')).toMatchObject({ failed: 0, outages: 3 })
    scene.when(playing('x')).rejects('infrastructure')
    scene
      .and({ type: 'ParkTask', task: 't1', reason: 'infrastructure', detail: '' }, { type: 'ResumeTask', task: 't1' })
      .and(playing('x'))
  })

  test('of the world between failures of its own do not hide those', () => {
    const mixed = ['malformed', 'crashed', 'malformed'].flatMap((kind, n) => [
      playing(`m${n}`),
      ending(`m${n}`, 0, kind),
    ])
    given(...startedWith({ retries: 1 }), ...mixed)
      .when(playing('x'))
      .rejects('retries')
  })

  test('a role may be stricter than the policy, never milder', () => {
    const failed = [playing('1'), ending('1', 0, 'malformed')]
    const limited = (retries: number): Asked => ({ ...playing('2'), limits: { retries } }) as Asked
    given(...startedWith({ retries: 3 }), ...failed)
      .when(limited(0))
      .rejects('retries')
    given(...startedWith({ retries: 0 }), ...failed)
      .when(limited(9))
      .rejects('retries')
  })
})
