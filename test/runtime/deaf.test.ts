import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../adapters/clock.ts'
import type { Framework, Recorded, Role, Session, SessionOptions, TurnEvent } from '../../adapters/index.ts'
import { type RunningProcess, start } from '../../adapters/processes/process.ts'
import type { Clock } from '../../core/ports/clock.ts'
import { recordedBand } from './replay/band.ts'

/** Time goes fast: what waits for seconds waits for a moment. */
const fast: Clock = { now: Date.now, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 20), signal) }

type Told = (options: SessionOptions, signal: AbortSignal) => AsyncGenerator<TurnEvent>
const never = new Promise<never>(() => undefined)

/** A band of one helper. The first client of it has a process with a child, plays `first` and ignores what it is told; later ones do as the
 *  script says. */
function deafened(first: Told, { limits = {}, close }: { limits?: object; close?: () => Promise<void> } = {}) {
  const processes: RunningProcess[] = []
  const deaf = async (options: SessionOptions): Promise<Session> => {
    const client = start(['sh', '-c', 'sleep 600 & sleep 600'], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
    })
    processes.push(client)
    return {
      token: 'x',
      prompt: (_, { signal = new AbortController().signal } = {}) => first(options, signal),
      close: close ?? (() => client.kill()),
    }
  }
  const helper: Role = { id: 'helper', description: 'Helps.', tools: ['read_files'] }
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['helper'],
    *steps({ band }) {
      yield* band.spawn('helper' as never, {} as never)
    },
  }
  const band = recordedBand({
    roles: [helper, conductor],
    config: { limits },
    turns: [{ role: 'helper', steps: [{ say: 'Here I am.' }] }],
    clock: fast,
    client: (framework: Framework) => ({
      ...framework,
      start: (options) => (processes.length === 0 ? deaf(options) : framework.start(options)),
    }),
  })
  return { band, processes }
}

let count = 0
const read = (options: SessionOptions, path: string) =>
  options.call('read_files', { paths: [path] }, { id: `${++count}`, signal: new AbortController().signal })
const ends = (events: readonly Recorded[]) =>
  events.flatMap((event) => (event.type === 'TurnEnded' ? [[event.outcome, event.failure?.kind]] : []))
/** Whether a process of its group lives; who is dead and not buried does not. */
const lives = ({ pid }: RunningProcess): boolean =>
  execFileSync('ps', ['-A', '-o', 'pgid=,stat='], { encoding: 'utf8' })
    .split('\n')
    .some((line) => new RegExp(`^\\s*${pid}\\s+[^Z]`).test(line))

/** Makes the watchdog stop it, by the same failing call again and again. */
async function loop(options: SessionOptions): Promise<void> {
  for (let n = 0; n < 3; n++) await read(options, 'missing')
}

describe('a client that does not stop when it is stopped', () => {
  test('is waited for as long as the grace lasts, then its turn is one that crashed, and its processes are gone', async () => {
    const { band, processes } = deafened(
      async function* (options) {
        yield { type: 'text', delta: 'I loop.' }
        await loop(options)
        await never
      },
      { limits: { repeats: 3 } },
    )
    expect(await band.run()).toMatchObject({ outcome: 'success' })
    await expect.poll(() => processes.map(lives)).toEqual([false])
    const events = band.events()
    expect(ends(events)).toEqual([
      ['failed', 'crashed'],
      ['done', undefined],
    ])
    const [end] = events.flatMap((event) => (event.type === 'TurnEnded' ? [event.failure?.detail] : []))
    expect(end).toMatch(/^the client did not stop within 10 seconds when it was stopped: 'read_files' failed 3 times/)
    expect(await band.again()).toMatchObject({ equal: true })
  })

  test('also where it goes on talking for ever, and where it never closes', async () => {
    const { band, processes } = deafened(
      async function* (options) {
        await loop(options)
        for (;;) {
          yield { type: 'thinking', delta: 'on and on' }
          await new Promise((resume) => setImmediate(resume))
        }
      },
      { limits: { repeats: 3 }, close: () => never },
    )
    expect(await band.run()).toMatchObject({ outcome: 'success' })
    expect(ends(band.events())[0]).toEqual(['failed', 'crashed'])
    expect(await band.again()).toMatchObject({ equal: true })
    await processes[0]!.kill()
  })

  test('does not keep a task that a person cancelled, nor a band that closes', async () => {
    for (const stop of ['cancel', 'close'] as const) {
      let begun = (): void => undefined
      const running = new Promise<void>((resolve) => {
        begun = resolve
      })
      const { band, processes } = deafened(async function* () {
        yield { type: 'text', delta: 'x' }
        begun()
        await never
      })
      await band.life(async (live) => {
        const run = live.run('help')
        await running
        if (stop === 'cancel') await live.cancel('t1', 'enough')
        else await live.close()
        expect(await run).toMatchObject({ outcome: stop === 'cancel' ? 'cancelled' : 'stopped' })
      })
      await expect.poll(() => processes.map(lives)).toEqual([false])
      expect(ends(band.events())).toEqual([['failed', 'crashed']])
      expect(await band.again()).toMatchObject({ equal: true })
    }
  })

  test('gets no other try by it where the boundary or the budget stopped it', async () => {
    const { band } = deafened(
      async function* (options) {
        for (let n = 0; n < 2; n++) await read(options, '.git/config')
        await never
      },
      { limits: { violations: 2 } },
    )
    expect(await band.run()).toMatchObject({ outcome: 'refused' })
    expect(ends(band.events())).toEqual([['failed', 'violations']])
    expect(await band.again()).toMatchObject({ equal: true })
  })
})
