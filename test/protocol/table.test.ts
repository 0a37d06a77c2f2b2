import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyTable, entries, get, set, type Table } from '../../core/protocol/table.ts'

const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '', 'conductor/2/0.1', 'conductor/2/0.2'))
const tableOf = (pairs: readonly (readonly [string, number])[]): Table<number> =>
  pairs.reduce((table, [name, value]) => set(table, name, value), emptyTable as Table<number>)

test('a table holds what a Map would hold', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.integer())), key, (pairs, other) => {
      const table = tableOf(pairs)
      const map = new Map(pairs)
      expect(new Map(entries(table))).toEqual(map)
      expect(get(table, other)).toBe(map.get(other))
      for (const [name, value] of map) expect(get(table, name)).toBe(value)
    }),
  )
})

test('the same entries make equal tables in whatever order they came, also after JSON (I-01)', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(key, fc.integer()), { selector: ([name]) => name }),
      fc.func(fc.integer()),
      (pairs, order) => {
        const mixed = [...pairs].sort((a, b) => order(a[0]) - order(b[0]))
        expect(tableOf(mixed)).toEqual(tableOf(pairs))
        expect(new Map(entries(structuredClone(tableOf(pairs))))).toEqual(new Map(pairs))
      },
    ),
  )
})

test('setting leaves the table before as it was', () => {
  const before = tableOf([['a', 1]])
  set(before, 'a', 2)
  set(before, 'b', 3)
  expect(entries(before)).toEqual([['a', 1]])
})
