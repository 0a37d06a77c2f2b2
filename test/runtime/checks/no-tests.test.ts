import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { saysNoTestRan, summaries } from '../../../core/runtime/checks/no-tests.ts'
import { place } from '../../scene/place.ts'

/** What runners print that ran no test, or some, word for word; of those that a test can start, see below. */
const outputs: Readonly<Record<string, { none: readonly string[]; some: readonly string[] }>> = {
  mocha: {
    none: ['\n\n  0 passing (1ms)\n\n'],
    some: ['\n\n  ✔ m\n\n  1 passing (4ms)\n\n', '\n  0 passing (3ms)\n  1 failing\n'],
  },
  TAP: {
    none: ['TAP version 13\n1..0\n', '1..0 # SKIP no database\n'],
    some: ['1..0\nTAP version 13\nok 1 - a\n1..1\n'],
  },
  jest: {
    none: ['No tests found, exiting with code 0\n'],
    some: ['No tests found, exiting with code 0\nTests:       1 skipped, 1 passed, 2 total\n'],
  },
  pytest: {
    none: [
      '============================= test session starts ==============================\nplatform linux -- Python 3.11.7, pytest-9.0.3, pluggy-1.6.0\nrootdir: /w\ncollected 0 items\n\n============================ no tests ran in 0.95s =============================\n',
      '\nno tests ran in 0.82s\n',
    ],
    some: ['no tests ran in 0.1s\n========================= 2 passed, 1 skipped in 0.74s =========================\n'],
  },
  'go test': {
    none: [
      '?   \texample.com/a\t[no test files]\n?   \texample.com/b\t[no test files]\n',
      'ok  \texample.com/a\t0.001s [no tests to run]\n',
    ],
    some: [
      '?   \texample.com/a\t[no test files]\nok  \texample.com/b\t0.002s\n',
      'ok  \texample.com/b\t(cached)\n?   \tx\t[no test files]\n',
    ],
  },
  'cargo test': {
    none: [
      '\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n   Doc-tests r\n\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n',
    ],
    some: [
      'test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n',
    ],
  },
}

test.each(Object.entries(outputs))('%s says itself that it ran no test', (runner, { none, some }) => {
  const row = summaries.find((one) => one.runner === runner)!
  for (const output of none) {
    expect(saysNoTestRan(output), output).toBe(true)
    expect(row.none.test(output), output).toBe(true)
  }
  for (const output of some) {
    expect(saysNoTestRan(output), output).toBe(false)
    expect(row.none.test(output) || output.includes('passing (4ms)'), output).toBe(true)
  }
})

test('so do node --test and vitest, in every form they print it', () => {
  const folder = place()
  const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
  const run = (...argv: string[]) => {
    const env = { PATH: process.env.PATH!, FORCE_COLOR: '1' }
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: folder, encoding: 'utf8', env })
    return { status, output: stdout + stderr }
  }
  const node = (...argv: string[]) => run('--test', ...argv, 'one.*.mjs')
  for (const reporter of ['spec', 'tap']) {
    const { status, output } = node(`--test-reporter=${reporter}`)
    expect({ status, none: saysNoTestRan(output) }, output).toEqual({ status: 0, none: true })
  }
  const empty = run(vitest, 'run', '--root=.', '--passWithNoTests')
  expect({ status: empty.status, none: saysNoTestRan(empty.output) }, empty.output).toEqual({ status: 0, none: true })

  writeFileSync(join(folder, 'one.test.mjs'), "import test from 'node:test'\ntest('a', () => {})\n")
  for (const reporter of ['spec', 'tap']) {
    const { status, output } = node(`--test-reporter=${reporter}`)
    expect({ status, none: saysNoTestRan(output) }, output).toEqual({ status: 0, none: false })
  }
  expect([...Object.keys(outputs), 'node --test', 'vitest'].sort()).toEqual(
    summaries.map(({ runner }) => runner).sort(),
  )
})

test('what says nothing of tests is green, and one runner that ran a test is enough', () => {
  for (const output of ['', 'Checked 12 files. No fixes applied.\n', 'No test is an island\n', 'version 1..0.3\n']) {
    expect(saysNoTestRan(output), output).toBe(false)
  }
  expect(saysNoTestRan('  0 passing (1ms)\nℹ tests 0\n')).toBe(true)
  expect(saysNoTestRan('  0 passing (1ms)\nℹ tests 3\n')).toBe(false)
})

test('no output is slow to look at', () => {
  for (const piece of ['\n', ' ', '=', '1 passed ', 'ok\t', '# tests ', 'Tests: 1', '1..0x', '12, ', '1 a, ']) {
    expect(saysNoTestRan(piece.repeat(65_536 / piece.length)), piece).toBe(false)
  }
})
