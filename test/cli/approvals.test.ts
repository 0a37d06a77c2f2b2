import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import { createBand } from '../../adapters/index.ts'
import { planning, scene, type Turn, verdict, write } from '../scene/band.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'

const subtask = { id: 'login', title: 'Log people in', files: ['src/**'] }
const coder = (content: string, more: Partial<Turn> = {}): Turn => ({
  role: 'coder',
  steps: [write('src/auth.ts', content)],
  ...more,
})
const approves = (risk = 'low'): Turn => ({ role: 'code-reviewer', steps: [verdict('approve', { risk })] })
const task = 'Log people in'

describe('what a person must decide', () => {
  test('a change above the policy parks and shows itself; no sends the reason to the author; an approval is worth nothing once the branch moved; of two at once one counts', {
    timeout: 120_000,
  }, async () => {
    const band = await scene({
      turns: [
        ...planning(subtask),
        coder('export const open = true\n'),
        coder('export const open = false\n', { when: 'never leave it open' }),
        approves(),
        approves(),
      ],
    })
    const start = band.git('rev-parse', 'main')
    const run = await band.cli('run', task)
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 3, stderr: '' })
    expect(run.stdout).toMatch(/t1 waits for you \(risk high\): codeband approve t1\.1/)

    const shown = await band.cli('pending')
    expect(shown.stdout).toMatch(/^t1\.1 {2}risk high {2}Log people in\n/)
    expect(shown.stdout).toMatch(/src\/auth\.ts: is about authentication/)
    const [asked] = JSON.parse((await band.cli('pending', '--json')).stdout)
    expect(asked).toMatchObject({ id: 't1.1', task: 't1', risk: 'high', base: start, status: 'waiting' })
    expect(shown.stdout).toContain(`commit ${asked.commit.slice(0, 12)}`)

    const refused = await band.cli('reject', 't1.1', 'never leave it open')
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({ code: 3, stderr: '' })
    const coderTurns = (await band.events('TurnStarted')).filter(({ role }) => role === 'coder')
    expect(coderTurns).toHaveLength(2)
    expect(coderTurns[1]!.prompt).toContain('A person refused it: never leave it open')
    expect(JSON.parse((await band.cli('pending', '--json')).stdout)).toMatchObject([{ id: 't1.2' }])

    const late = await band.cli('approve', 't1.1')
    expect(late.code).toBe(2)
    expect(late.stderr).toMatch(/^CB_APPROVAL_UNKNOWN {2}No approval 't1\.1' is waiting/)

    band.git('commit', '-q', '--allow-empty', '-m', 'mine')
    const mine = band.git('rev-parse', 'main')
    const stale = await band.cli('approve', 't1.2')
    expect({ code: stale.code, stderr: stale.stderr }).toEqual({ code: 3, stderr: '' })
    expect(band.git('rev-parse', 'main')).toBe(mine)
    expect(JSON.parse((await band.cli('pending', '--json')).stdout)).toMatchObject([{ id: 't1.3', base: mine }])

    const both = await Promise.all([band.cli('approve', 't1.3'), band.cli('approve', 't1.3')])
    expect(both.map(({ code }) => code).sort()).toEqual([0, 2])
    const landed = await band.events('Landed')
    expect(landed).toMatchObject([{ from: mine, to: band.git('rev-parse', 'main') }])
    expect(band.git('show', 'main:src/auth.ts')).toBe('export const open = false')
    expect((await band.cli('approve', 't1.3')).code).toBe(2)
    expect(await band.events('ApprovalGiven')).toHaveLength(2)
  })

  test('killed between the approval and the landing, it lands on resume, once', { timeout: 120_000 }, async () => {
    const band = await scene({
      turns: [...planning(subtask), coder('export const open = false\n'), approves('medium')],
    })
    expect((await band.cli('run', task)).code).toBe(3)
    const killed = await band.watch(['approve', 't1.1'], ({ type }, kill) => {
      if (type === 'TaskResumed') kill()
    })
    expect(killed.code).toBe(null)
    const resumed = await band.cli('resume')
    expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
    expect(resumed.stdout.trim().split('\n').at(-1)).toMatch(/^Undo: git revert/)
    expect(await band.events('Landed')).toHaveLength(1)
    expect(await band.events('ApprovalRequested')).toHaveLength(1)
  })

  test('two changes approved at the same time by two processes both land', { timeout: 120_000 }, async () => {
    const other = { id: 'out', title: 'Log people out', files: ['src/**'] }
    const band = await scene({ turns: [...planning(subtask), coder('export const open = false\n'), approves()] })
    expect((await band.cli('run', task)).code).toBe(3)
    band.script([
      ...planning(other),
      { role: 'coder', steps: [write('src/auth-out.ts', 'export const out = 1\n')] },
      approves(),
      approves(),
    ])
    // An unfinished task goes first, and still waits.
    expect((await band.cli('run', 'Log people out')).code).toBe(3)
    const waiting = JSON.parse((await band.cli('pending', '--json')).stdout)
    expect(waiting.map(({ id }: { id: string }) => id)).toEqual(['t1.1', 't2.1'])
    const both = await Promise.all([band.cli('approve', 't1.1'), band.cli('approve', 't2.1')])
    for (const { stderr } of both) expect(stderr).toBe('')
    // Nobody's word is lost; the branch moved under the second one, so that one asks anew instead of landing on the old word.
    expect(await band.events('Landed')).toHaveLength(1)
    const again = JSON.parse((await band.cli('pending', '--json')).stdout)
    expect(again).toMatchObject([{ base: band.git('rev-parse', 'main') }])
    expect((await band.cli('approve', again[0].id)).code).toBe(0)
    expect(band.git('ls-tree', '--name-only', 'main', 'src/').split('\n')).toEqual(['src/auth-out.ts', 'src/auth.ts'])
  })

  test('a band that waits lands as soon as another process says yes', { timeout: 60_000 }, async () => {
    const at = place()
    const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'check.sh': 'true\n' })
    const home = join(at, 'home')
    const script = { turns: [...planning(subtask), coder('export const open = false\n'), approves()] }
    const band = await createBand({
      repo,
      home,
      wait: true,
      frameworks: {
        claude: scripted({ id: 'claude', family: 'anthropic', script }),
        codex: scripted({ id: 'codex', family: 'openai', script }),
      },
      workers: { planner: { claude: 1 }, coder: { codex: 1 } },
      checks: [['sh', 'check.sh']],
      sandbox: 'if-available',
    })
    try {
      const asked = new Promise<string>((resolve) =>
        band.on('event', (event) => event.type === 'ApprovalRequested' && resolve(event.approval)),
      )
      const done = band.run(task)
      const env = cliEnv(at, { CODEBAND_HOME: home })
      const said = await cli(repo, ['approve', await asked], env)
      expect({ code: said.code, stderr: said.stderr }).toEqual({ code: 0, stderr: '' })
      expect(said.stdout).toMatch(/^You approved t1\.1; .+ acts on it\.\n$/)
      expect(await done).toMatchObject({ outcome: 'success', pending: [], landed: [{ target: 'main' }] })
      expect(personsGit(repo, 'show', 'main:src/auth.ts')).toBe('export const open = false')
    } finally {
      await band.close()
    }
  })

  test('without agreement within the rounds the task ends escalated, with what both sides say', {
    timeout: 60_000,
  }, async () => {
    const refuses = (n: number): Turn => ({
      role: 'code-reviewer',
      steps: [verdict('request_changes', { summary: `Not yet (${n}).`, issue: `the door is open, ${n}` })],
    })
    const again = (n: number): Turn => ({
      role: 'coder',
      steps: [{ say: `It must stay open (${n}).` }, write('src/auth.ts', `export const open = ${n}\n`)],
    })
    const band = await scene({
      config: 'limits: { rounds: 2 },',
      turns: [...planning(subtask), again(1), again(2), refuses(1), refuses(2)],
    })
    const start = band.git('rev-parse', 'main')
    const run = await band.cli('run', task)
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 1, stderr: '' })
    expect(run.stdout).toMatch(/\[task\] +t1 ended: escalated/)
    const end = run.stdout.slice(run.stdout.indexOf('ended: escalated'))
    expect(end).toMatch(/coder-codex-0.*It must stay open \(2\)\./)
    expect(end).toMatch(/code-reviewer-claude-0.*Not yet \(2\)\..*the door is open, 2/)
    expect(band.git('rev-parse', 'main')).toBe(start)
  })
})
