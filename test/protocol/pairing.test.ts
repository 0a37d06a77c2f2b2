import fc from 'fast-check'
import { expect, test } from 'vitest'
import { match } from '../../core/protocol/pairing.ts'

const worker = fc.constantFrom<string>('a', 'b', 'c', 'd')
const choices = fc.uniqueArray(worker, { maxLength: 4 })

/** The most that can be served, by trying everything. */
function most(waiting: readonly (readonly string[])[], free: ReadonlySet<string>): number {
  const [first, ...rest] = waiting
  if (first === undefined) return 0
  const served = first
    .filter((one) => free.has(one))
    .map((one) => 1 + most(rest, new Set([...free].filter((x) => x !== one))))
  return Math.max(most(rest, free), ...served)
}

test('as many as possible are served, each by somebody free whom it may get, and nobody twice', () => {
  fc.assert(
    fc.property(fc.array(choices, { maxLength: 5 }), fc.uniqueArray(worker), (waiting, workers) => {
      const free = new Set<string>(workers)
      const matched = match(waiting, free)
      expect(matched.size).toBe(most(waiting, free))
      expect(new Set(matched.values()).size).toBe(matched.size)
      for (const [index, one] of matched) expect(free.has(one) && waiting[index]!.includes(one)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('who came earlier is served whenever it would be served without those who came later', () => {
  fc.assert(
    fc.property(fc.array(choices, { maxLength: 5 }), fc.uniqueArray(worker), choices, (waiting, workers, late) => {
      const free = new Set<string>(workers)
      const before = [...match(waiting, free).keys()]
      expect([...match([...waiting, late], free).keys()]).toEqual(expect.arrayContaining(before))
    }),
    { numRuns: 2000 },
  )
})

test('the better choice is taken where nobody else needs it', () => {
  expect(match([['b', 'a']], new Set(['a', 'b'])).get(0)).toBe('b')
  expect(match([['b', 'a'], ['b']], new Set(['a', 'b']))).toEqual(
    new Map([
      [0, 'a'],
      [1, 'b'],
    ]),
  )
})
