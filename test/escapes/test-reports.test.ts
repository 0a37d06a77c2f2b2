import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openTrace } from '../../adapters/cli/trace.ts'
import type { ScriptFunction } from '../../adapters/frameworks/scripted.ts'
import type { Config } from '../../adapters/index.ts'
import { codeReviewer, coder } from '../../adapters/roles.ts'
import { verdict, write } from '../scene/band.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { answersOf, obedient } from './obedient.ts'

const report = 'reports/junit.xml'
const reporters = ['spec', 'stdout', 'junit', report].map(
  (word, at) => `--test-reporter${at % 2 === 1 ? '-destination' : ''}=${word}`,
)
const nodeTest = {
  command: ['node', '--import', './setup.js', '--test', '--test-isolation=none', ...reporters, '*.test.js'],
  report,
}

const testsOf = (...names: readonly string[]): string =>
  ["import test from 'node:test'", ...names.map((name) => `test('${name}', () => {})`), ''].join('\n')

const project = {
  'a.txt': 'a\n',
  'package.json': '{"type":"module"}\n',
  'setup.js': '',
  'other.js': '',
  'a.test.js': `import './other.js'\n${testsOf('adds', 'subtracts', 'divides')}`,
}

/** A check whose report is what a text in the repository says. */
const copying = { command: ['sh', '-c', `[ ! -e says.txt ] || cp says.txt ${report}`], report }
const says = (...names: readonly string[]): string =>
  `<testsuite name="all">${names.map((name) => `<testcase name="${name}"/>`).join('')}</testsuite>`

/** One change of these files, approved by the other family, taken to the landing. */
async function landing(
  /** A file without a text is deleted. */
  files: Readonly<Record<string, string | undefined>>,
  {
    before = {},
    rounds = 1,
    tests = false,
    replays = false,
    home = join(place(), 'home'),
    repo = repositoryOf(join(place(), 'repo'), { ...project, ...before }),
    ...config
  }: Partial<Omit<Config, 'frameworks'>> & {
    before?: Readonly<Record<string, string>>
    rounds?: number
    /** Whether both run the tests as well. */
    tests?: boolean
    replays?: boolean
    /** Of an earlier one, to go on from. */
    home?: string
    repo?: string
  } = {},
) {
  const subtask = { id: 's1', title: 'change it', description: '', files: Object.keys(files), dependsOn: [] }
  const script: ScriptFunction = async function* ({ role }) {
    if (role === 'coder')
      for (const [path, text] of Object.entries(files)) {
        yield (text === undefined ? { call: 'delete_file', input: { path } } : write(path, text)) as never
      }
    if (tests) yield { call: 'run_tests', input: {} }
    if (role !== 'coder') yield verdict('approve') as never
  }
  const played = await obedient({
    repo,
    home,
    script,
    roles: [coder, codeReviewer],
    checks: [nodeTest],
    limits: { rounds },
    replays,
    ...config,
    *steps({ band }) {
      yield* band.reviewed('coder' as never, { subtask, files: [] } as never)
      yield* band.spawn('mergemaster', {})
    },
  })
  const start = personsGit(repo, 'rev-parse', 'main')
  const result = await played.run().finally(() => played.band.close())
  const checks = played.of('ChecksRecorded')
  return { ...played, result, repo, home, checks, landed: personsGit(repo, 'rev-parse', 'main') !== start }
}

describe('a run is green by what its report says', { timeout: 60_000 }, () => {
  test('an honest change lands by itself with a report of node --test; its own report is what the next one is compared with', async () => {
    const played = await landing({ 'a.txt': 'b\n' }, { tests: true })
    for (const role of ['coder', 'code-reviewer']) {
      const told = answersOf(played.events, role).find(({ tool }) => tool === 'run_tests')
      expect(told, role).toMatchObject({ ok: true, output: expect.not.stringContaining('inconclusive') })
    }
    // Nor did a report of the coder's own become part of the change.
    expect(played.of('ChangeSubmitted')[0]!.files).toEqual(['a.txt'])
    expect(played.checks[0]!.checks[0]).toMatchObject({ report, tests: { passed: 3, skipped: 0 } })
    expect(played.checks[0]!.checks[0]!.tests).not.toHaveProperty('missing')
    expect(played.result.outcome, played.result.reason).toBe('success')
    expect(played.landed).toBe(true)
    // Of the base and of the candidate.
    expect(readdirSync(join(played.home, 'reports'))).toHaveLength(2)
    expect(existsSync(join(played.home, 'agents/mergemaster-base'))).toBe(true)
    rmSync(join(played.home, 'agents/mergemaster-base'), { recursive: true })

    const next = await landing({ 'a.txt': 'c\n' }, { home: played.home, repo: played.repo })
    expect(next.landed).toBe(true)
    expect(existsSync(join(played.home, 'agents/mergemaster-base'))).toBe(false)
  })

  test('an honest change lands by itself with a report of vitest', async () => {
    // As a program that is installed on the machine, with what it needs beside it.
    const tools = place()
    mkdirSync(join(tools, 'bin'))
    const modules = realpathSync(fileURLToPath(new URL('../../node_modules', import.meta.url)))
    symlinkSync(dirname(modules), join(tools, 'lib'))
    const program = join(tools, 'lib/node_modules/vitest/vitest.mjs')
    writeFileSync(join(tools, 'bin/vitest'), `#!/bin/sh\nexec node ${program} "$@"\n`, { mode: 0o755 })
    vi.stubEnv('PATH', `${join(tools, 'bin')}:${process.env.PATH}`)
    onTestFinished(() => void vi.unstubAllEnvs())
    const given = ['--globals', '--root=.', '--reporter=default', '--reporter=junit', `--outputFile.junit=${report}`]
    const played = await landing(
      { 'a.txt': 'b\n' },
      {
        before: { 'a.test.js': "describe('sums', () => { test('adds', () => {}); test.skip('later', () => {}) })\n" },
        checks: [{ command: ['vitest', 'run', ...given], report }],
      },
    )
    expect(played.checks[0]!.checks[0]!.output).toContain('1 passed')
    expect(played.checks[0]!.checks[0]).toMatchObject({ tests: { passed: 1, skipped: 1 } })
    expect(played.landed, played.result.reason).toBe(true)
  })

  test('a setup file that ends the run with 0 and prints what a green one prints lands nowhere, and everybody hears why (SC-008)', async () => {
    const played = await landing(
      { 'setup.js': "console.log('12 passed')\nprocess.exit(0)\n" },
      { tests: true, replays: true },
    )
    expect(played.checks[0]).toMatchObject({
      passed: false,
      checks: [{ exitCode: 0, inconclusive: expect.any(String) }],
    })
    const { inconclusive } = played.checks[0]!.checks[0]!
    expect(inconclusive).toMatch(/^there is no report in 'reports\/junit\.xml': it (is empty|was not written)$/)
    expect(played.landed).toBe(false)
    expect(played.result.outcome).not.toBe('success')
    const [back] = played.of('ChangeReturned')
    expect(back!.detail).toContain(`ended with 0, inconclusive: ${inconclusive}`)
    // The coder in its worktree, the reviewer in a copy that is thrown away.
    for (const role of ['coder', 'code-reviewer']) {
      const told = answersOf(played.events, role).find(({ tool }) => tool === 'run_tests')
      expect(told, role).toMatchObject({
        ok: false,
        output: expect.stringContaining(', inconclusive: there is no report'),
      })
      expect(told!.output).toContain('12 passed')
    }
    const trace = openTrace()
    const lines = played.events.flatMap((event) => trace(event).map(({ text }) => text))
    expect(lines.filter((line) => line.includes('inconclusive: there is no report')).length).toBeGreaterThanOrEqual(3)
    expect(lines.filter((line) => /12\/12 passed/.test(line))).toEqual([])
  })

  test('a report that a module under test writes itself, with fewer tests, waits for a person (SC-008)', async () => {
    const fake = `import { writeFileSync } from 'node:fs'
writeFileSync('${report}', '${says('adds')}')
console.log('12 passed')
process.exit(0)
`
    const played = await landing({ 'other.js': fake }, { replays: true })
    expect(played.checks[0]).toMatchObject({
      passed: true,
      checks: [
        { tests: { passed: 1, missing: { count: 3, names: ['test > adds', 'test > subtracts', 'test > divides'] } } },
      ],
    })
    expect(played.result).toMatchObject({ outcome: 'parked', parked: 'approval' })
    expect(played.of('RiskAssessed')[0]).toMatchObject({
      risk: 'high',
      reasons: [expect.stringContaining("3 of the tests that passed on the base did not run: 'test > adds'")],
    })
    expect(played.landed).toBe(false)
  })

  test.each([
    ['with a report', nodeTest],
    ['without one, by what the runner says', nodeTest.command.filter((word) => !word.includes('reporter'))],
  ])('a run of no test is no green run, %s (SC-009)', async (_, check) => {
    const played = await landing({ 'a.test.js': undefined }, { checks: [check] })
    expect(played.checks[0]).toMatchObject({ passed: false, checks: [{ exitCode: 0, inconclusive: 'no test ran' }] })
    expect(played.of('ChangeReturned')[0]!.detail).toContain('ended with 0, inconclusive: no test ran:')
    expect(played.landed).toBe(false)
  })

  test('tests that passed on the base and do not run any more are told by number and five names', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const played = await landing(
      { 'says.txt': says('a') },
      { checks: [copying], before: { 'says.txt': says(...names) } },
    )
    expect(played.of('RiskAssessed')[0]!.reasons).toContainEqual(
      expect.stringContaining(
        "6 of the tests that passed on the base did not run: 'all > b', 'all > c', 'all > d', 'all > e', 'all > f' and 1 more",
      ),
    )
    expect(played.result.parked).toBe('approval')
  })

  test('where the base reports nothing, nothing is compared, and a person hears it', async () => {
    const played = await landing({ 'says.txt': says('a') }, { checks: [copying] })
    expect(played.of('RiskAssessed')[0]).toMatchObject({ risk: 'medium' })
    expect(played.of('RiskAssessed')[0]!.reasons[0]).toContain('its tests are compared with nothing, since')
    expect(played.result.parked).toBe('approval')
  })

  test('what one check writes over the files of a change is not what the next one looks at', async () => {
    const look = "process.exit(require('node:fs').readFileSync('other.js', 'utf8').includes('bad') ? 1 : 0)"
    const hide = `import { writeFileSync } from 'node:fs'\nwriteFileSync('other.js', '')\n`
    const files = { 'other.js': '// bad\n', 'a.test.js': `${hide}${project['a.test.js']}` }
    const { checks, landed } = await landing(files, { checks: [nodeTest, ['node', '-e', look]] })
    expect(checks[0]!.checks.map(({ exitCode }) => exitCode)).toEqual([0, 1])
    expect(landed).toBe(false)
  })

  test('a check that changes more files than a change may hold is not believed', async () => {
    const command = ['sh', '-c', 'for one in a.txt other.js setup.js; do echo x >"$one"; done']
    const { checks, landed } = await landing(
      { 'a.txt': 'b\n' },
      { checks: [command, ['true']], limits: { rounds: 1, changeFiles: 2 } },
    )
    expect(checks[0]).toMatchObject({
      passed: false,
      checks: [
        { exitCode: 0, inconclusive: 'it left more than 2 new, changed and deleted files (limits.changeFiles)' },
      ],
    })
    expect(landed).toBe(false)
  })

  test('a change that brings a report of its own is sent back', async () => {
    const played = await landing({ [report]: says('a') }, { checks: [copying], before: { 'says.txt': says('a') } })
    expect(played.checks[0]!.checks[0]!.inconclusive).toContain(`the change holds '${report}'`)
    expect(played.landed).toBe(false)
  })

  test('a report that the base tracks is an error before anything is done', async () => {
    const played = landing({ 'a.txt': 'b\n' }, { checks: [copying], before: { [report]: says('a') } })
    await expect(played).rejects.toMatchObject({ code: 'CB_REPORT_TRACKED' })
  })
})
