import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Recorded } from '../../core/protocol/events.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { personsGit, place, sampleRepository } from '../scene/place.ts'

const task = "Fix the failing test: durations such as '1h30m'"

describe('the first band', () => {
  test('walks from a task to a landed commit: plan sent back, first change refused for what its tests show, second landed', {
    timeout: 120_000,
  }, async () => {
    const at = place()
    const repo = sampleRepository(join(at, 'durations'))
    const env = cliEnv(at)
    const before = personsGit(repo, 'rev-parse', 'main')
    expect((await cli(repo, ['trust', '--yes'], env)).code).toBe(0)
    const run = await cli(repo, ['run', task, '--json'], env)
    expect(run).toMatchObject({ code: 0, stderr: '' })
    const events = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recorded)
    const verdicts = events.flatMap((event) =>
      event.type === 'VerdictGiven' ? [`${event.worker} ${event.verdict.decision}`] : [],
    )
    expect(verdicts).toEqual([
      'plan-reviewer-codex-0 request_changes',
      'plan-reviewer-codex-0 approve',
      'code-reviewer-claude-0 request_changes',
      'code-reviewer-claude-0 approve',
    ])
    expect(
      events.flatMap((event) =>
        event.type === 'ViolationRecorded' ? [`${event.worker} ${event.tool} ${event.code}`] : [],
      ),
    ).toEqual(['planner-claude-0 write_file tool-not-in-role'])
    const reviews = events.flatMap((event) =>
      event.type === 'ToolReturned' && event.worker.startsWith('code-reviewer') && event.tool === 'run_tests'
        ? [event.ok]
        : [],
    )
    expect(reviews).toEqual([false, true])
    const landed = events.filter((event) => event.type === 'Landed')
    expect(landed).toHaveLength(1)
    const after = personsGit(repo, 'rev-parse', 'main')
    expect(landed[0]).toMatchObject({ from: before, to: after, tree: personsGit(repo, 'rev-parse', 'main^{tree}') })
    expect(personsGit(repo, 'status', '--porcelain')).toBe('')
    expect(personsGit(repo, 'log', '-1', '--format=%B')).toMatch(
      /Codeband-Approved-By: code-reviewer-claude-0 \(anthropic\)/,
    )
    const status = JSON.parse((await cli(repo, ['status', '--json'], env)).stdout)
    expect(status.tasks[0]).toMatchObject({ id: 't1', status: 'ended', outcome: 'success', violations: 1 })
  })

  test('the demo says what is scripted, lands, and ends with the command that undoes it', {
    timeout: 120_000,
  }, async () => {
    const at = place()
    const { code, stdout } = await cli(at, ['demo'], cliEnv(at))
    expect(code).toBe(0)
    expect(stdout).toMatch(/model families are scripted/)
    expect(stdout).toMatch(/\[boundary\] +planner-claude-0 write_file src\/duration\.ts: denied, tool-not-in-role/)
    expect(stdout.trim().split('\n').at(-1)).toMatch(/^Undo: git revert/)
  })

  test('without bubblewrap every trace line of a command and the landed commit say unsandboxed', {
    timeout: 120_000,
  }, async () => {
    const at = place()
    const repo = sampleRepository(join(at, 'durations'))
    const config = join(repo, 'codeband.config.ts')
    personsGit(repo, 'config', 'advice.detachedHead', 'false')
    const { readFileSync, writeFileSync } = await import('node:fs')
    writeFileSync(config, readFileSync(config, 'utf8').replace("'if-available'", "'off'"))
    personsGit(repo, 'commit', '-qam', 'off')
    const env = cliEnv(at)
    await cli(repo, ['trust', '--yes'], env)
    const { code, stdout } = await cli(repo, ['run', task], env)
    expect(code).toBe(0)
    for (const line of stdout.split('\n').filter((one) => /run_tests|npm test on tree|Tested tree/.test(one)))
      expect(line).toMatch(/unsandboxed/)
    expect(personsGit(repo, 'log', '-1', '--format=%B')).toMatch(/Codeband-Sandbox: unsandboxed/)
  })
})
