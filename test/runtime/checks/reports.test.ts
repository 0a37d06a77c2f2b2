import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readJUnit } from '../../../core/runtime/checks/junit.ts'
import { mostTests, type Reported } from '../../../core/runtime/checks/reported.ts'
import { readTap } from '../../../core/runtime/checks/tap.ts'
import { place } from '../../scene/place.ts'

const whole = async (read: ReturnType<typeof readJUnit>): Promise<Reported> => {
  const found = await read
  if ('problem' in found) throw new Error(found.problem)
  return found
}
const escaped = (text: string): string =>
  text.replace(/[&<"\u0000-\u001f\u007f-\u009f\ufffe\uffff]/gu, (char) =>
    /[&<"]/.test(char) ? `&#${char.codePointAt(0)};` : ' ',
  )

describe('JUnit', () => {
  test('the names of what passed, failed and was skipped, as runners write them', async () => {
    const vitest = `<?xml version="1.0" encoding="UTF-8" ?>
<testsuites name="vitest tests" tests="2" failures="0" errors="0" time="0.0025">
    <testsuite name="v.spec.js" hostname="vm" tests="2" failures="0" errors="0" skipped="1">
        <testcase classname="v.spec.js" name="d &gt; v works" time="0.001"></testcase>
        <testcase classname="v.spec.js" name="d &gt; v later" time="0"><skipped/></testcase>
    </testsuite>
</testsuites>`
    expect(await readJUnit(vitest, '/w')).toEqual({ passed: ['v.spec.js > d > v works'], failed: [], skipped: 1 })
    const jest = `<testsuites name="jest tests" tests="2"><testsuite name="d" errors="0" failures="0" skipped="1">
    <testcase classname="d j works" name="d j works" time="0.001"></testcase>
    <testcase classname="d j later" name="d j later" time="0"><skipped/></testcase></testsuite></testsuites>`
    expect(await readJUnit(jest, '/w')).toEqual({ passed: ['d > d j works'], failed: [], skipped: 1 })
    const pytest = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="0" skipped="1" tests="3" hostname="vm"><testcase classname="py.test_f" name="test_a" time="0.000" /><testcase classname="py.test_f" name="test_b" time="0.000"><skipped type="pytest.skip" message="unconditional skip">/w/py/test_f.py:3: unconditional skip</skipped></testcase><testcase classname="py.test_f.TestC" name="test_d" time="0.000" /></testsuite></testsuites>`
    expect(await readJUnit(pytest, '/w')).toEqual({
      passed: ['pytest > py.test_f > test_a', 'pytest > py.test_f.TestC > test_d'],
      failed: [],
      skipped: 1,
    })
    const red = `<testsuite name="s"><testcase name="a"><failure>no</failure><skipped/></testcase><testcase name="b"><error/></testcase><testcase name="c" status="notrun"/></testsuite>`
    expect(await readJUnit(red, '/w')).toEqual({ passed: [], failed: ['s > a', 's > b'], skipped: 1 })
  })

  test('a failure that belongs to no test is one all the same; a word in the output of a test is none', async () => {
    const of = (text: string) => whole(readJUnit(text, '/w'))
    const one = '<testcase name="a"/>'
    expect((await of(`<testsuite name="s" errors="1">${one}</testsuite>`)).broken).toBe('s')
    expect((await of(`<testsuites failures="2"><testsuite>${one}</testsuite></testsuites>`)).broken).toBe('the run')
    expect((await of(`<testsuite name="s">${one}<error/></testsuite>`)).broken).toBe('s')
    const output = `<testsuite><testcase name="a"><system-out><failure/><testcase name="b"/></system-out></testcase></testsuite>`
    expect(await of(output)).toEqual({ passed: ['a'], failed: [], skipped: 0 })
  })

  test('of two tests of the same name both count, and the folder that was tested is no part of a name', async () => {
    const text = `<testsuite name="/w/a.js"><testcase name="x"/><testcase name="x"/></testsuite>`
    expect((await whole(readJUnit(text, '/w'))).passed).toEqual(['a.js > x', 'a.js > x (2)'])
  })

  test.each([
    ['nothing', ''],
    ['words', '12 passed'],
    ['another document', '<html/>'],
    ['half of one', '<testsuites><testsuite name="a"><testcase name="b"/>'],
    ['two documents', '<testsuites><testcase name="b"/></testsuites><testsuites/>'],
    ['an attribute given twice', '<testsuites><testcase name="a" name="b"/></testsuites>'],
    ['a document type', '<!DOCTYPE testsuites><testsuites><testcase name="b"/></testsuites>'],
    [
      'entities that grow',
      '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><testsuites><testcase name="&b;"/></testsuites>',
    ],
    ['a file from elsewhere', '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuites>&a;</testsuites>'],
    ['an entity that nobody defined', '<testsuites><testcase name="&nbsp;"/></testsuites>'],
    ['a control character', '<testsuites><testcase name="\u0000"/></testsuites>'],
    ['a row of elements without a bottom', `<testsuites>${'<testsuite>'.repeat(200)}`],
    [
      'an element without an end of attributes',
      `<testsuites ${Array.from({ length: 2000 }, (_, at) => `a${at}=""`).join(' ')}/>`,
    ],
    ['more tests than anybody has', `<testsuites>${'<testcase/>'.repeat(mostTests + 1)}</testsuites>`],
  ])('is no report: %s', async (_, text) => {
    expect(await readJUnit(text, '/w')).toEqual({ problem: expect.any(String) })
  })

  test('the reason is short, whatever the report holds', async () => {
    for (const text of [
      `<${'a'.repeat(9000)}/>`,
      `<testsuites></${'b'.repeat(9000)}>`,
      `<testsuites>&${'c'.repeat(9000)};</testsuites>`,
    ]) {
      const found = await readJUnit(text, '/w')
      expect('problem' in found && found.problem.length < 300, text.slice(0, 20)).toBe(true)
    }
  })

  test('whatever a test calls itself, its name is short and shows all that it is', async () => {
    const text =
      `<testsuite><testcase name="${'x'.repeat(9000)}"/><testcase name="a&#x202e;b&#10;c&#x1b;[2J"/><testcase/></testsuite>`.replace(
        '&#x1b;',
        '&#x9b;',
      )
    const { passed } = await whole(readJUnit(text, '/w'))
    expect(passed).toEqual([`${'x'.repeat(200)}...`, 'a\\u{202e}b c\\u{9b}[2J', 'a test without a name'])
  })

  test('every list of tests comes back with as many of each kind, and no piece of it is a report', async () => {
    const testcase = fc.record({
      name: fc.string({ unit: 'grapheme', maxLength: 30 }),
      groups: fc.array(fc.string({ unit: 'grapheme', maxLength: 10 }), { maxLength: 4 }),
      outcome: fc.constantFrom('passed', 'failed', 'skipped'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(testcase, { maxLength: 20 }), fc.nat(), async (all, cut) => {
        const inside = { passed: '', failed: '<failure message="m">t</failure>', skipped: '<skipped/>' } as const
        const body = all.map(({ name, groups, outcome }) => {
          const own = `<testcase name="${escaped(name)}">${inside[outcome]}</testcase>`
          return groups.reduce((inner, group) => `<testsuite name="${escaped(group)}">${inner}</testsuite>`, own)
        })
        const text = `<testsuites>${body.join('\n')}</testsuites>`
        const count = (kind: string): number => all.filter(({ outcome }) => outcome === kind).length
        const { passed, failed, skipped } = await whole(readJUnit(text, '/w'))
        expect([passed.length, failed.length, skipped]).toEqual([count('passed'), count('failed'), count('skipped')])
        expect(new Set(passed).size).toBe(passed.length)
        expect(passed.every((name) => name.length < 1000 && !/[\p{Cc}\p{Cf}]/u.test(name))).toBe(true)
        expect(await readJUnit(text.slice(0, cut % text.length), '/w')).toHaveProperty('problem')
      }),
      { numRuns: 100 },
    )
  })
})

describe('TAP', () => {
  test('the tests are the points that nothing stands below', async () => {
    const text = `TAP version 14
# Subtest: suite
    # Subtest: works
    ok 1 - works
      ---
      duration_ms: 0.1
      message: |
        not ok 7 - only in a block
      ...
    ok 2 - later # SKIP
    not ok 3 - one day # TODO
    ok 4 - number \\#1
    1..4
ok 1 - suite
not ok 2
1..2
`
    expect(await readTap(text, '/w')).toEqual({
      passed: ['suite > works', 'suite > number \\#1'],
      failed: ['a test without a name'],
      skipped: 2,
    })
    expect(await readTap('1..0 # SKIP nothing to do\n', '/w')).toEqual({ passed: [], failed: [], skipped: 0 })
    expect(await whole(readTap('ok 1 - a\nBail out! no disk\n1..1\n', '/w'))).toMatchObject({
      broken: 'Bail out! no disk',
    })
    // A group that is red though none of its tests says so.
    expect(await whole(readTap('    ok 1 - a\n    1..1\nnot ok 1 - hook\n1..1\n', '/w'))).toMatchObject({
      failed: ['hook'],
    })
  })

  test.each([
    ['nothing', ''],
    ['words', '12 passed'],
    ['no plan', 'ok 1 - a\n'],
    ['fewer than planned', '1..3\nok 1 - a\n'],
    ['fewer than planned below', '    1..2\n    ok 1 - b\nok 1 - a\n1..1\n'],
    ['two plans', '1..1\nok 1 - a\n1..1\n'],
    ['a subtest that is not summed up', '    ok 1 - b\n    1..1\n1..0\n'],
    ['a block that does not end', 'ok 1 - a\n  ---\n1..1\n'],
    ['a staircase', Array.from({ length: 200 }, (_, at) => `${' '.repeat(at)}ok 1 - a`).join('\n')],
    ['more tests than anybody has', `${'ok\n'.repeat(mostTests + 1)}1..${mostTests + 1}\n`],
  ])('is no report: %s', async (_, text) => {
    expect(await readTap(text, '/w')).toEqual({ problem: expect.any(String) })
  })

  test('no line is slow to read', async () => {
    for (const body of [
      `ok ${' '.repeat(9_000)}x`,
      `ok ${'# '.repeat(5_000)}`,
      `ok ${'#s'.repeat(5_000)}`,
      `${' '.repeat(9_000)}ok`,
    ]) {
      expect(await readTap(`${`${body}\n`.repeat(500)}1..500\n`, '/w')).toBeDefined()
    }
  })
})

test('any text at all is a report or a reason', async () => {
  const pieces = fc.constantFrom(
    'ok 1 - a\n',
    'not ok\n',
    '1..1\n',
    '    ',
    '---\n',
    '...\n',
    '<testsuite>',
    '</testsuite>',
    '<testcase name="a"/>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '&lt;',
    '"',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 30 }).map((all) => all.join('')),
  )
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      for (const read of [readJUnit, readTap]) {
        const found = await read(given, '/w')
        if ('problem' in found) expect(found.problem).not.toContain('\n')
        else expect([...found.passed, ...found.failed].every((name) => name !== '')).toBe(true)
      }
    }),
    { numRuns: 100 },
  )
})

test('node --test writes the same tests in both forms', async () => {
  const folder = place()
  writeFileSync(
    join(folder, 'a.test.mjs'),
    `import test, { describe, it } from 'node:test'
test('top <one> & two', async (t) => { await t.test('sub # SKIP it', () => {}) })
describe('suite', () => { it('works', () => {}); it.skip('later', () => {}); it.todo('one day') })
`,
  )
  const reporters = ['junit', 'out.xml', 'tap', 'out.tap'].map(
    (word, at) => `--test-reporter${at % 2 === 1 ? '-destination' : ''}=${word}`,
  )
  execFileSync(process.execPath, ['--test', ...reporters], { cwd: folder, env: { PATH: process.env.PATH! } })
  const text = (name: string): string => readFileSync(join(folder, name), 'utf8')
  const expected = ['top <one> & two > sub # SKIP it', 'suite > works']
  expect(await readJUnit(text('out.xml'), folder)).toEqual({ passed: expected, failed: [], skipped: 2 })
  const tap = await whole(readTap(text('out.tap'), folder))
  expect(tap).toEqual({ passed: expected.map((name) => name.replace('#', '\\#')), failed: [], skipped: 2 })
})
