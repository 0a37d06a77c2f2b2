import { beforeAll, describe, expect, test } from 'vitest'
import { type Catch, hunt } from './fuzz/hunt.ts'
import { grammars } from './fuzz/mutants.ts'
import { linesOf } from './fuzz/report.ts'

const SEED = 1
const RUNS = 5000

describe('five thousand mutants of known attacks, against a real worktree', () => {
  let found: Catch[] = []

  beforeAll(async () => {
    found = await hunt(RUNS, SEED)
    for (const line of linesOf(found, SEED)) console.log(line)
  }, 300_000)

  test.each([...grammars.map(({ name }) => name), 'policies'])('%s: no mutant gets through', (name) => {
    const one = found.find(({ grammar }) => grammar === name)!
    expect(one.hole && `${one.hole.fault.rule}: ${one.hole.fault.detail}\n${one.hole.line}`).toBeUndefined()
  })

  test('they were all tried, and many of them were allowed, failed and denied in many ways', () => {
    const sum = (of: (one: Catch) => number): number => found.reduce((all, one) => all + of(one), 0)
    expect(sum(({ runs }) => runs)).toBeGreaterThanOrEqual(RUNS)
    expect(sum(({ answers }) => answers.get('allowed') ?? 0)).toBeGreaterThan(RUNS / 20)
    const codes = new Set(found.flatMap(({ answers }) => [...answers.keys()]))
    expect(codes.size).toBeGreaterThan(20)
  })
})
