import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSandbox } from '../../../adapters/sandboxes/open.ts'
import { defaultCommandLimits } from '../../../core/config.ts'
import type { Role } from '../../../core/role/role.ts'
import { clearReport } from '../../../core/runtime/checks/report-file.ts'
import { place as emptyFolder } from '../../scene/place.ts'
import { coder, openBench, reviewer, trappedWorktree } from './scene.ts'

const report = 'reports/junit.xml'
const green = '<testsuite><testcase name="a"/></testsuite>'

/** A worker whose run_tests says what a check of each of these shell commands says, one after the other in the same worktree. */
async function runner(role: Role, acts: readonly string[], named = report) {
  const { root, worktree } = trappedWorktree()
  const commands = acts.map((act) => ['sh', '-c', act])
  const tools = [{ name: 'run_tests' as const, allowedCommands: commands }]
  const options = {
    sandbox: await openSandbox('if-available', defaultCommandLimits),
    home: emptyFolder(),
    checks: commands.map((command) => ({ command, report: named })),
  }
  const { call } = openBench({ ...role, tools }, { root, worktree }, options)
  return { root, told: (act: string) => call('run_tests', { argv: ['sh', '-c', act] }) }
}

test.each([coder, reviewer])(
  'to a $id a check says what its report says, and the report does not stay',
  async (role) => {
    const all = {
      green: `echo '${green}' >${report}; echo fine`,
      none: `echo '<testsuite/>' >${report}; echo 12 passed`,
      red: `echo '<testsuite><testcase name="b"><error/></testcase></testsuite>' >${report}`,
      failed: `echo '${green}' >${report}; exit 3`,
    }
    const { told, root } = await runner(role, Object.values(all))
    const output = (pattern: RegExp) => expect.stringMatching(pattern)
    expect(await told(all.green)).toMatchObject({
      ok: true,
      output: output(/: exit 0 after [\d.]+ s(, unsandboxed)?\nfine\n$/),
    })
    expect(existsSync(join(root, report))).toBe(false)
    expect(await told(all.none)).toMatchObject({
      ok: false,
      output: output(/, inconclusive: no test ran\n12 passed\n$/),
    })
    expect(await told(all.red)).toMatchObject({ ok: false, output: output(/but its report says that 'b' failed/) })
    expect(await told(all.failed)).toMatchObject({
      ok: false,
      output: output(/: exit 3 after [\d.]+ s(, unsandboxed)?\n/),
    })
    const tap = 'printf "ok 1 - a\\n1..1\\n" >out.tap'
    expect(await (await runner(role, [tap], 'out.tap')).told(tap)).toMatchObject({ ok: true })
  },
)

test.each([coder, reviewer])('what lies at the path before, or is no file, is no report of a $id', async (role) => {
  const cases = {
    true: 'it was not written',
    [`echo '${green}' >a.xml; ln -s ../a.xml ${report}`]: 'it was not written',
    [`mkdir ${report}`]: '',
    [`rmdir reports; ln -s . reports; echo '${green}' >other.xml`]: '',
    [`mkfifo ${report}`]: '',
    [`: >${report}`]: 'it is empty',
    [`truncate -s 33M ${report}`]: 'it is larger than 32 MiB',
  }
  const { told, root } = await runner(role, Object.keys(cases))
  for (const [act, why] of Object.entries(cases)) {
    // A link that an earlier one left in the place of the folder goes with it.
    rmSync(join(root, 'reports'), { recursive: true, force: true })
    mkdirSync(join(root, 'reports'))
    writeFileSync(join(root, report), green)
    const { ok, output } = await told(act)
    expect(ok, `${act}: ${output}`).toBe(false)
    expect(output).toContain(`, inconclusive: there is no report in '${report}': ${why}`)
  }
})

test('a link above the path of a report leads nowhere, and nothing behind it is removed', async () => {
  const place = trappedWorktree()
  writeFileSync(join(place.outside, 'junit.xml'), green)
  const command = ['true']
  const bench = openBench({ ...coder, tools: [{ name: 'run_tests', allowedCommands: [command] }] }, place, {
    checks: [{ command, report: 'out/junit.xml' }],
  })
  const { ok, output } = await bench.call('run_tests', {})
  expect({ ok, output }).toMatchObject({ ok: false, output: expect.stringContaining('symbolic link') })
  expect(existsSync(join(place.outside, 'junit.xml'))).toBe(true)
})

test('a command that is no check is its exit code, whatever it says', async () => {
  const command = ['sh', '-c', 'echo "# tests 0"']
  const tools = [{ name: 'run_tests' as const, allowedCommands: [command] }]
  const bench = (checks: { command: string[] }[]) => openBench({ ...coder, tools }, trappedWorktree(), { checks })
  expect(await bench([{ command: ['npm', 'test'] }]).call('run_tests', {})).toMatchObject({ ok: true })
  expect(await bench([{ command }]).call('run_tests', {})).toMatchObject({
    ok: false,
    output: expect.stringContaining(', inconclusive: no test ran'),
  })
})

test('what lies in the place of a report and is no file is left alone, and then no report is believed', async () => {
  const root = emptyFolder()
  mkdirSync(join(root, report, 'inside'), { recursive: true })
  expect(await clearReport(root, report)).toEqual({ problem: 'what lay there before could not be removed' })
  expect(existsSync(join(root, report, 'inside'))).toBe(true)
})
