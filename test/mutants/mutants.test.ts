import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openNursery, root } from './kill.ts'
import { type Mutant, planted } from './mutant.ts'
import { mutants } from './planted.ts'

const applies = (mutant: Mutant): boolean => planted(mutant, readFileSync(join(root, mutant.file), 'utf8')) !== ''

describe('planted bugs', () => {
  test('are of all parts, have names of their own, and each applies to the code as it is', () => {
    expect(mutants.length).toBeGreaterThan(100)
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
    for (const mutant of mutants) expect(applies(mutant), mutant.name).toBe(true)
  })

  test('one that applies no more, or twice, is an error and not a killed one', () => {
    const mutant = { name: 'x', file: 'a.ts', find: 'a', replace: 'b', killers: [] }
    expect(() => planted(mutant, 'c')).toThrow('0 times')
    expect(() => planted(mutant, 'a a')).toThrow('2 times')
  })
})

/** A part of those that the model finds within moments; `npm run verify:mutants` has all. */
const quick = [
  'a verdict counts for a commit its turn did not see',
  'the same family may judge',
  'a leader of an older epoch is heard',
  'the same command id changes something again',
  'turns of a dead process run on',
  'an effect ends twice',
  'the law asks for the time',
  'the fold changes its input',
  'a busy worker gets a second turn',
  'who lost a product still hands it over',
  'a turn hands over more than one product',
  'one retry too many',
  'red checks land',
  'a yes counts for other candidates',
  "anybody takes back another's yes",
  'the intent to land is written twice',
]

describe('the model finds', () => {
  const nursery = openNursery(['core/protocol', 'test/model'])
  afterAll(() => nursery.close())

  for (const name of quick) {
    test(name, { timeout: 120_000 }, async () => {
      const mutant = mutants.find((one) => one.name === name)
      expect(mutant && (await nursery.kill(mutant))).toMatch(/^model /)
    })
  }
})
