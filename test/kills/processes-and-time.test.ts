import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import { host } from '../../adapters/host.ts'
import { machinePorts, openBand } from '../../adapters/open-band.ts'
import { lastWill } from '../../adapters/processes/last-will.ts'
import { run } from '../../adapters/processes/process.ts'
import { defineRole, type Role } from '../../core/role/role.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { configOf, policy } from './scenario.ts'

const hour = 3_600_000

const conductor = defineRole({
  id: 'conductor',
  description: 'Waits a minute.',
  *steps({ band }) {
    yield* band.sleep(60_000)
  },
}) as unknown as Role

/** What a program that sleeps a minute still asks of the clock when it goes on and the wall clock has moved by so much. */
async function sleepAfter(jump: number): Promise<{ asked: number[]; outcome: string | undefined }> {
  const at = place()
  const root = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const home = join(at, 'home')
  const life = (now: () => number, sleep: (ms: number, signal?: AbortSignal) => Promise<void>) =>
    openBand(
      {
        root,
        home,
        host: { ...host(), env: {} },
        store: sqliteEventStore({ file: join(home, 'band.db') }),
        config: { ...configOf(false), sandbox: 'off', workers: {} },
        roles: new Map([['conductor', conductor]]),
        tools: [],
        policy,
        wait: false,
        by: 'ada',
      },
      async (parts) => ({ ...(await machinePorts(parts)), clock: { now, sleep } }),
    )
  let sleeping: () => void = () => undefined
  const slept = new Promise<void>((resolve) => {
    sleeping = resolve
  })
  const first = await life(Date.now, (_, signal) => {
    sleeping()
    return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
  })
  const running = first.run('wait')
  await slept
  await first.close()
  await running
  const asked: number[] = []
  const second = await life(
    () => Date.now() + jump,
    async (ms) => void asked.push(ms),
  )
  const [result] = await second.resume()
  await second.close()
  return { asked, outcome: result?.outcome }
}

describe('time', () => {
  test('a clock that was set back an hour does not make a wait longer than it was (F-TM-01)', async () => {
    const { asked, outcome } = await sleepAfter(-hour)
    expect(outcome).toBe('success')
    expect(asked).toHaveLength(1)
    expect(asked[0]).toBeLessThanOrEqual(60_000)
  })

  test('a wait that ended while no process lived ends once, at once, when one does again (F-TM-02, F-TM-03)', async () => {
    expect(await sleepAfter(8 * hour)).toEqual({ asked: [0], outcome: 'success' })
  })
})

describe('processes', () => {
  test('a command that says more than memory holds is read to its end, and its middle is counted, not kept (F-PR-05)', async () => {
    const before = process.memoryUsage().rss
    const limits = { timeoutMs: 60_000, maxOutput: 64 * 1024 }
    const argv = ['sh', '-c', 'yes | head -c 100000000']
    const result = await run(argv, { cwd: '/', env: { PATH: process.env.PATH! }, ...limits })
    expect(result).toMatchObject({ exitCode: 0, truncated: true })
    expect(result.output.length).toBeLessThan(70_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 ** 2)
  })

  test.skipIf(process.platform !== 'linux')('two hundred commands leave no descriptor open (F-PR-09)', async () => {
    const open = () => readdirSync('/proc/self/fd').length
    const one = () => run(['true'], { cwd: '/', env: { PATH: process.env.PATH! }, timeoutMs: 60_000, maxOutput: 100 })
    await one()
    const before = open()
    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 10 }, one))
    expect(open()).toBeLessThanOrEqual(before + 2)
  })

  test('a number that a process no longer has is in no will: it may be a stranger by then (F-PR-07)', () => {
    const input = new PassThrough()
    const will = lastWill(() => input)
    const [one, again, other] = [will.ends('group', 7), will.ends('group', 7), will.ends('process', 8)]
    one()
    one()
    other()
    again()
    expect(input.read().toString().trim().split('\n')).toEqual([
      '+ group 7',
      '+ group 7',
      '+ process 8',
      '- process 8',
      '- group 7',
    ])
  })
})
