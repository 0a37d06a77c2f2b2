import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesGlob } from '../../core/boundary/glob.ts'
import { inOrder, planProblem, type Subtask } from '../../core/protocol/plan.ts'
import { commonPath } from '../../core/protocol/write-set.ts'

const subtask = (id: string, files: readonly string[], dependsOn: readonly string[] = []): Subtask => ({
  id,
  title: id,
  description: '',
  files,
  dependsOn,
})
const problemOf = (...subtasks: readonly Subtask[]): string | undefined => planProblem({ summary: '', subtasks })

describe('a plan is refused when it is submitted', () => {
  test('with a circle, a dangling dependency, an id twice, or nothing to do', () => {
    expect(problemOf()).toBe('the plan has no subtask')
    expect(problemOf(subtask('a', ['a']), subtask('a', ['b']))).toContain("the id 'a'")
    expect(problemOf(subtask('a', ['a'], ['z']))).toContain("'z', which is not in the plan")
    expect(problemOf(subtask('a', ['a'], ['b']), subtask('b', ['b'], ['a']))).toContain('in a circle')
  })

  test('with two subtasks that may write the same file side by side', () => {
    expect(problemOf(subtask('a', ['src/x.ts']), subtask('b', ['src/x.ts']))).toContain("'a' and 'b'")
    expect(problemOf(subtask('a', ['src/**']), subtask('b', ['src/deep/x.ts']))).toContain('which meet')
    expect(problemOf(subtask('a', ['src/']), subtask('b', ['src/x.ts']))).toBeDefined()
    expect(problemOf(subtask('a', ['src/*.ts']), subtask('b', ['src/x.*']))).toBeDefined()
    expect(problemOf(subtask('a', ['src/{x,y}.ts']), subtask('b', ['src/y.ts']))).toBeDefined()
    expect(problemOf(subtask('a', []), subtask('b', ['x']))).toBeDefined()
    expect(problemOf(subtask('a', ['Readme.md']), subtask('b', ['README.md']))).toBeDefined()
  })

  test('but not where one builds on the other, near or far, or where their files are apart', () => {
    expect(problemOf(subtask('a', ['x']), subtask('b', ['y'], ['a']), subtask('c', ['x'], ['b']))).toBeUndefined()
    expect(
      problemOf(subtask('a', ['src/*.ts']), subtask('b', ['src/*.js']), subtask('c', ['src/a/b.ts'])),
    ).toBeUndefined()
    expect(problemOf(subtask('a', ['src/**/x.ts']), subtask('b', ['test/**']))).toBeUndefined()
  })

  const name = fc.stringMatching(/^[ab]{1,2}$/)
  const segment = fc.oneof(name, fc.stringMatching(/^[ab*?]{1,3}$/), fc.constant('**'))
  const glob = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))

  test('no path that two globs let in escapes the comparison', () => {
    fc.assert(
      fc.property(glob, glob, path, (a, b, one) => {
        if (matchesGlob([a], one) && matchesGlob([b], one)) expect(commonPath([a], [b])).toBeDefined()
      }),
      { numRuns: 20_000 },
    )
  })

  test('a comparison of hostile globs ends at once', () => {
    const braces = '{a,b}'.repeat(200)
    const stars = `${'*a'.repeat(500)}/${'**/'.repeat(300)}x`
    expect(commonPath([braces], ['zzz'])).toBeDefined()
    commonPath([stars], [stars.replaceAll('a', 'b')])
  })
})

test('changes land in the order of the plan, each after what it builds on, whoever was done first', () => {
  expect(inOrder([subtask('c', ['c'], ['a']), subtask('b', ['b']), subtask('a', ['a'])]).map(({ id }) => id)).toEqual([
    'b',
    'a',
    'c',
  ])
})
