import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Recorded } from '../../core/protocol/events.ts'
import { cli, cliEnv, startCli } from '../scene/cli.ts'
import { personsGit, place, sampleRepository } from '../scene/place.ts'

const task = "Fix the failing test: durations such as '1h30m'"

function prepared(at: string, name: string): { repo: string; env: Record<string, string> } {
  return { repo: sampleRepository(join(at, name)), env: cliEnv(at) }
}

async function eventsOf(repo: string, env: Record<string, string>): Promise<Recorded[]> {
  const { stdout } = await cli(repo, ['log', '--json'], env)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
}

/** Runs the task and kills the whole process group with SIGKILL as soon as it has told of that many events. */
async function runAndKill(repo: string, env: Record<string, string>, after: number): Promise<void> {
  const child = startCli(repo, ['run', task, '--json'], env)
  const gone = new Promise((resolve) => child.on('close', resolve))
  let seen = 0
  child.stdout?.on('data', (data: Buffer) => {
    seen += data.toString().split('\n').length - 1
    if (seen >= after && child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
  })
  await gone
}

test('killed at ten moments and resumed, the run ends ten times with the same tree, one landing, and no finished turn played twice', {
  timeout: 400_000,
}, async () => {
  const at = place()
  const whole = prepared(at, 'whole')
  await cli(whole.repo, ['trust', '--yes'], whole.env)
  expect((await cli(whole.repo, ['run', task, '--json'], whole.env)).code).toBe(0)
  const tree = personsGit(whole.repo, 'rev-parse', 'main^{tree}')
  const all = (await eventsOf(whole.repo, whole.env)).length

  for (let moment = 1; moment <= 10; moment++) {
    const { repo, env } = prepared(at, `killed-${moment}`)
    await cli(repo, ['trust', '--yes'], env)
    await runAndKill(repo, env, Math.max(2, Math.floor((all * moment) / 10) - 4))
    const resumed = await cli(repo, ['resume'], env)
    expect({ moment, code: resumed.code, stderr: resumed.stderr }).toEqual({ moment, code: 0, stderr: '' })
    expect(personsGit(repo, 'rev-parse', 'main^{tree}')).toBe(tree)
    expect(personsGit(repo, 'status', '--porcelain')).toBe('')
    const events = await eventsOf(repo, env)
    expect(events.filter(({ type }) => type === 'Landed')).toHaveLength(1)
    const places = new Map(
      events.flatMap((event) => (event.type === 'TurnStarted' ? [[event.turn, event.place] as const] : [])),
    )
    const done = events.flatMap((event) =>
      event.type === 'TurnEnded' && event.outcome === 'done' ? [places.get(event.turn)] : [],
    )
    expect(new Set(done).size).toBe(done.length)
  }
})
