import { expect, test } from 'vitest'
import { globProblem, matchesGlob } from '../../core/boundary/glob.ts'

test.each([
  ['src/**', 'src/a/b.ts', true],
  ['src/**', 'src/a.ts', true],
  ['src/**', 'srcx/a.ts', false],
  ['src/', 'src/a/b.ts', true],
  ['./src/a.ts', 'src/a.ts', true],
  ['**/*.ts', 'a.ts', true],
  ['**/*.ts', 'x/y/a.ts', true],
  ['**/*.ts', 'a.js', false],
  ['src/*.ts', 'src/x/a.ts', false],
  ['src/**/test/*.ts', 'src/a/b/test/x.ts', true],
  ['src/**/test/*.ts', 'src/test/x.ts', true],
  ['**', '.hidden/x', true],
  ['*', '.hidden', true],
  ['{src,lib}/**/*.{ts,js}', 'lib/x/a.js', true],
  ['{src/a,lib}/x.ts', 'src/a/x.ts', true],
  ['src/[id].ts', 'src/[id].ts', true],
  ['src/[ab].ts', 'src/a.ts', true],
  ['src/(group)/*.ts', 'src/(group)/x.ts', true],
  ['!src/**', 'lib/a.ts', false],
  ['src/a.ts', 'SRC/a.ts', false],
  ['', 'a', false],
  ['/etc/host*', 'etc/hosts', false],
  ['/src/**', 'src/a.ts', false],
  ['src//*.ts', 'src/a.ts', false],
  ['src/{,x}/*.ts', 'src/x/a.ts', true],
])('%j fits %j: %j', (glob, path, fits) => expect(matchesGlob([glob], path)).toBe(fits))

test('a glob made to be slow is a problem, fits nothing, and costs nothing', () => {
  // The processor's time: what else the machine does takes none of it.
  const started = process.cpuUsage()
  for (const glob of [
    `${'*a'.repeat(30)}b`,
    `${'{a,b}'.repeat(20)}`,
    '(a+)+$',
    '+(+(a))',
    `${'**/'.repeat(300)}x`,
    '[a-'.repeat(100),
    '((((a'.repeat(50),
    `${'{'.repeat(500)}a,b${'}'.repeat(500)}`,
    `${'**/*/'.repeat(190)}${'{a,b}'.repeat(6)}`,
  ]) {
    for (const path of [`${'a'.repeat(250)}`, 'a/'.repeat(1000), `${'a'.repeat(250)}/`.repeat(15)])
      expect(matchesGlob([glob], path)).toBe(false)
  }
  expect(process.cpuUsage(started).user).toBeLessThan(2_000_000)
  expect(globProblem(`${'*a'.repeat(30)}b`)).toContain('*')
  expect(globProblem('**/*/'.repeat(40))).toContain('parts')
  expect(globProblem('src/**/*.test.*')).toBeUndefined()
})
