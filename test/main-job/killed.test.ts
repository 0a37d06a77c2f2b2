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

// The command line as a whole; `test/kills` has the moments one by one.
test('killed in its midst and resumed, the run ends with the same tree, one landing, and no finished turn played twice', {
  timeout: 200_000,
}, async () => {
  const at = place()
  const whole = prepared(at, 'whole')
  await cli(whole.repo, ['trust', '--yes'], whole.env)
  expect((await cli(whole.repo, ['run', task, '--json'], whole.env)).code).toBe(0)
  const tree = personsGit(whole.repo, 'rev-parse', 'main^{tree}')
  const all = (await eventsOf(whole.repo, whole.env)).length

  for (const moment of [6]) {
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
