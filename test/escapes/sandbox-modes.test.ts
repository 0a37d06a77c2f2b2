import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { findBubblewrap } from '../../adapters/sandboxes/bubblewrap.ts'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import { planning, type Scene, scene, verdict, write } from '../scene/band.ts'
import { type CliResult, ended } from '../scene/cli.ts'
import { place } from '../scene/place.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const found = await findBubblewrap()
const program = 'missing' in found ? '' : found.program
const hide = (at: string) => [program, '--dev-bind', '/', '/', '--ro-bind', at, program, '--']
/** Whether bwrap can be hidden here by bwrap. */
const hidden = program !== '' && spawnSync(program, [...hide('/dev/null').slice(1), 'true']).status === 0

/** The command line on a machine where `bwrap` is that file. */
function cliWith(bwrap: string, { repo, env }: Scene, ...argv: string[]): Promise<CliResult> {
  const source = ['node_modules/tsx/dist/cli.mjs', '--tsconfig', 'tsconfig.json', 'adapters/cli/main.ts']
  const program = source.map((word) => (word.startsWith('--') ? word : join(root, word)))
  const [first, ...rest] = [...hide(bwrap), join(root, 'node_modules/.bin/node'), ...program, ...argv]
  return ended(spawn(first!, rest, { cwd: repo, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] }))
}

const turns = [
  ...planning({ id: 's1', title: 'Change a', files: ['a.txt'] }),
  { role: 'coder', steps: [write('a.txt', 'changed\n'), { call: 'run_tests', input: {} }] },
  { role: 'code-reviewer', steps: [{ call: 'run_tests', input: {} }, verdict('approve')] },
]

/** A band in that mode, whose check leaves a file that tells that it ran. */
async function band(mode: string): Promise<Scene & { ran: string }> {
  const ran = join(place(), 'ran')
  const files = { 'check.sh': `touch ${ran} 2>/dev/null; true\n` }
  return { ...(await scene({ files, turns, config: `...({ sandbox: '${mode}' }),` })), ran }
}

describe.runIf(hidden)('a machine without bubblewrap', () => {
  test("with 'required' nothing runs, nothing lands, and the cure is told (NX-023)", { timeout: 120_000 }, async () => {
    const one = await band('required')
    const before = one.git('rev-parse', 'main')
    const { code, stdout, stderr } = await cliWith('/dev/null', one, 'run', 'Change a')
    expect(code).toBe(2)
    expect(stdout + stderr).toMatch(/CB_SANDBOX_MISSING/)
    expect(stdout + stderr).toMatch(/apt install bubblewrap/)
    expect(existsSync(one.ran)).toBe(false)
    expect(one.git('rev-parse', 'main')).toBe(before)
    const doctor = await cliWith('/dev/null', one, 'doctor')
    expect(doctor.code).toBe(2)
    expect(doctor.stdout).toMatch(/FAIL {2}sandbox +bubblewrap was not found: no command runs/)
  })

  test.each(['if-available', 'off'])(
    "with '%s' every line of a command and the commit say unsandboxed",
    {
      timeout: 120_000,
    },
    async (mode) => {
      const one = await band(mode)
      const { code, stdout, stderr } = await cliWith('/dev/null', one, 'run', 'Change a')
      expect(code, stdout + stderr).toBe(0)
      expect(existsSync(one.ran)).toBe(true)
      const lines = stdout.split('\n').filter((line) => /run_tests|on tree|Tested tree|Landed/.test(line))
      expect(lines.length).toBeGreaterThanOrEqual(4)
      for (const line of lines) expect(line).toMatch(/unsandboxed/)
      expect(one.git('log', '-1', '--format=%B', 'main')).toMatch(/^Codeband-Sandbox: unsandboxed$/m)
      expect((await one.events('Landed'))[0]).toMatchObject({ sandbox: 'none' })
      expect((await one.events('ToolReturned')).filter(({ tool }) => tool === 'run_tests')).toMatchObject([
        { sandbox: 'none' },
        { sandbox: 'none' },
      ])
    },
  )
})

describe.runIf(hidden && 'works' in (await findSandbox()))('a machine with bubblewrap', () => {
  test("with 'required' commands are held, and nothing says unsandboxed", { timeout: 120_000 }, async () => {
    const one = await band('required')
    const { code, stdout, stderr } = await one.cli('run', 'Change a')
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).not.toMatch(/unsandboxed/)
    expect(existsSync(one.ran)).toBe(false)
    expect(one.git('log', '-1', '--format=%B', 'main')).not.toMatch(/unsandboxed/)
    expect((await one.events('Landed'))[0]).toMatchObject({ sandbox: 'bubblewrap' })
  })

  test('a weakened bwrap runs nothing, and the doctor names the wall', { timeout: 120_000 }, async () => {
    const one = await band('required')
    const folder = join(place(), 'weak')
    mkdirSync(folder)
    const weak = join(folder, 'bwrap')
    // The real one is hidden under the weak one, so a copy is kept beside it.
    spawnSync('cp', [program, join(folder, 'real')])
    writeFileSync(
      weak,
      `#!/bin/sh\ncase "$1" in --help) exec ${folder}/real --help;; esac\nexec 3<<END\n$(tr '\\0' '\\n' <&3 | sed 's/^--unshare-all$/--unshare-all\\n--share-net/' | sed '/^--file$/,+2d')\nEND\nshift 2\nexec ${folder}/real $(cat <&3) "$@" 3<&-\n`,
      { mode: 0o755 },
    )
    const { code, stdout, stderr } = await cliWith(weak, one, 'run', 'Change a')
    expect([code, stdout + stderr]).toEqual([2, expect.stringMatching(/CB_SANDBOX_LEAKS.*network/s)])
    expect(existsSync(one.ran)).toBe(false)
    const doctor = await cliWith(weak, one, 'doctor')
    expect(doctor.code).toBe(2)
    expect(doctor.stdout).toMatch(/FAIL {2} {2}network +a command reached a server of the host/)
    // The shell of the weak one keeps its own script open for whatever it becomes.
    expect(doctor.stdout).toMatch(/FAIL {4}files +a command holds something of the host open/)
    expect(doctor.stdout).toMatch(/ok {6}processes +no process of the host/)
  })
})
