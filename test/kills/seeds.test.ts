import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bury } from './bury.ts'
import { faultsOf } from './faults.ts'
import { blowsOf, strike } from './strike.ts'
import { type Graveyard, openGraveyard, type Remains, remainsOf } from './world.ts'

let yard: Graveyard
let whole: Remains

beforeAll(async () => {
  yard = await openGraveyard()
  whole = await remainsOf((await bury(yard, [])).place)
})

afterAll(() => yard.remove())

// Fifty and more: npm run verify:kills. One of them alone: -- --only seeds --rounds 1 --seed N.
describe('killed from outside at any moment, also while it recovers, the run ends as if nothing had happened (S-05, F-PR-01)', () => {
  const seeds = Array.from({ length: 1 }, (_, index) => index + 1)
  test.for(seeds)('seed %i', { timeout: 120_000 }, async (seed) => {
    const { place } = await strike(yard, seed)
    expect({ blows: blowsOf(seed), faults: await faultsOf(place, whole) }).toMatchObject({ faults: [] })
  })
})
