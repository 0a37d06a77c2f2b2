import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bury } from './bury.ts'
import { faultsOf } from './faults.ts'
import { moments } from './points.ts'
import { type Graveyard, openGraveyard, type Remains, remainsOf } from './world.ts'

let yard: Graveyard
/** What is left by runs that nothing happened to, without and with a person's approval. */
let whole: { free: Remains; approved: Remains }

beforeAll(async () => {
  yard = await openGraveyard()
  const [free, approved] = [await bury(yard, []), await bury(yard, [], 'approve')]
  whole = { free: await remainsOf(free.place), approved: await remainsOf(approved.place) }
})

afterAll(() => yard.remove())

describe('killed with SIGKILL and started again, the run ends as if nothing had happened (S-05, F-PR-01, F-PR-11, I-20, I-21, I-22)', () => {
  // Every sixteenth here, all of them in `npm run verify:kills`.
  test.for(moments.filter((_, index) => index % 16 === 0))('$name', { timeout: 120_000 }, async ({ kills, life }) => {
    const { place, killed } = await bury(yard, kills.slice(0, 1), life)
    expect(killed).toBe(1)
    expect(await faultsOf(place, life ? whole.approved : whole.free)).toEqual([])
  })

  test('at two moments one after the other, the second one in the life that goes on', {
    timeout: 120_000,
  }, async () => {
    const kills = [
      { point: 'in send_letter', pass: 2 },
      { point: 'in send_letter', pass: 1 },
      { point: 'after LandingStarted', pass: 1 },
      { point: 'after the ref', pass: 1 },
    ]
    const { place, killed } = await bury(yard, kills)
    expect(killed).toBe(4)
    expect(await faultsOf(place, whole.free)).toEqual([])
  })
})

test('a run that nothing happened to equals another one, and a turn more or less is seen', async () => {
  expect(await faultsOf((await bury(yard, [])).place, whole.free)).toEqual([])
  const { events } = whole.free
  const without = { ...whole.free, events: events.filter(({ type }) => type !== 'TextSaid') }
  const faults = await faultsOf((await bury(yard, [])).place, without)
  expect(faults.map(({ what }) => what)).toEqual(['the runs differ'])
})
