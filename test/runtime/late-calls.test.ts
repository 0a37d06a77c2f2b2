import { describe, expect, test } from 'vitest'
import { systemClock } from '../../adapters/clock.ts'
import { memoryEventStore } from '../../adapters/event-stores/memory.ts'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import type { Framework, Recorded, Role, SessionOptions } from '../../adapters/index.ts'
import { resolveConfig } from '../../core/config.ts'
import { openDoor } from '../../core/runtime/door.ts'
import { hashOf } from '../../core/runtime/hash.ts'
import { openLog } from '../../core/runtime/log.ts'
import { runTurn } from '../../core/runtime/turn.ts'
import { policy } from '../protocol/given.ts'
import { type Options, recordedBand } from './replay/band.ts'

type Call = SessionOptions['call']

const write = (path: string, content: string) => ({ call: 'write_file', input: { path, content } })
const late = write('late.txt', 'x\n')
/** Calls as a client does that asks nobody whether it may. */
const knock = (call: Call, step = late) =>
  call(step.call, step.input, { id: '9', signal: new AbortController().signal })

/** A band of one coder, whose clients keep what they can call with. */
function coding(turns: NonNullable<Options['turns']>, more: Partial<Options> = {}) {
  const calls: Call[] = []
  const helper: Role = { id: 'helper', description: 'Helps.', produces: 'change', tools: ['write_file', 'read_files'] }
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['helper'],
    *steps({ band }) {
      yield* band.spawn('helper' as never, {} as never)
    },
  }
  const { client: hostile = (one: Framework) => one, ...others } = more
  const client = (framework: Framework): Framework =>
    hostile({
      ...framework,
      start(options) {
        calls.push(options.call)
        return framework.start(options)
      },
    })
  return { calls, band: recordedBand({ roles: [helper, conductor], turns, ...others, client }) }
}

const violationsIn = (events: readonly Recorded[]) => events.filter((event) => event.type === 'ViolationRecorded')
const names = (events: readonly Recorded[]) => events.map(({ type }) => type)

const told = (turn: string) => ({
  turn,
  worker: 'helper-claude-0',
  role: 'helper',
  tool: 'write_file',
  code: 'stale-epoch',
  inputHash: hashOf(late.input),
})

describe('a call that comes after its turn (RL-026, I-34)', () => {
  test('has no effect and is one violation each, also when the task has ended; a client that goes on fills no log', async () => {
    const { calls, band } = coding([{ role: 'helper', steps: [write('a.txt', 'b\n')] }], {
      config: { limits: { violations: 3 } },
    })
    await band.life(async (live) => {
      expect(await live.run('help')).toMatchObject({ outcome: 'success' })
      for (let n = 0; n < 8; n++)
        expect(await knock(calls[0]!)).toEqual({ ok: false, output: expect.stringContaining('denied (stale-epoch)') })
    })
    const events = band.events()
    const turn = events.find((event) => event.type === 'TurnEnded')!.turn
    expect(names(events).slice(-4)).toEqual(['TaskEnded', ...Array(3).fill('ViolationRecorded')])
    expect(violationsIn(events)).toEqual(Array(3).fill(expect.objectContaining(told(turn))))
    expect(names(events).filter((type) => type === 'ToolCalled')).toHaveLength(1)
    expect(await band.again()).toMatchObject({ equal: true, count: events.length - 1 - 1 })
  })

  test('is of the old turn, not of the next one, where another client plays it again', async () => {
    let tries = 0
    const { calls, band } = coding(async function* () {
      if (tries++ === 0) yield { fail: 'malformed', detail: 'it stopped making sense' }
      else {
        expect(await knock(calls[0]!)).toMatchObject({ ok: false })
        yield write('a.txt', 'c\n')
      }
    })
    expect(await band.run()).toMatchObject({ outcome: 'success' })
    const events = band.events()
    const [first] = events.flatMap((event) => (event.type === 'TurnStarted' ? [event.turn] : []))
    expect(violationsIn(events)).toEqual([expect.objectContaining(told(first!))])
    expect(JSON.stringify(events.filter((event) => event.type === 'ChangeSubmitted'))).not.toContain('late.txt')
    expect(await band.again()).toMatchObject({ equal: true })
  })

  test('is one also while its client has not yet heard that core stopped it', async () => {
    const { band } = coding([{ role: 'helper', steps: [...Array(2).fill(write('.git/config', 'x'))] }], {
      config: { limits: { violations: 2 } },
      client: (framework) => ({
        ...framework,
        async start(options) {
          const session = await framework.start(options)
          return {
            ...session,
            async *prompt(text, given) {
              yield* session.prompt(text, given)
              // Its turn is not over as far as core was told.
              await knock(options.call)
            },
          }
        },
      }),
    })
    expect(await band.run()).toMatchObject({ outcome: 'refused' })
    const events = band.events()
    expect(violationsIn(events).map(({ code }) => code)).toEqual(['protected-path', 'protected-path', 'stale-epoch'])
    expect(names(events).filter((type) => type === 'ToolCalled')).toHaveLength(2)
    expect(await band.again()).toMatchObject({ equal: true })
  })

  test('is one where a person cancelled the task', async () => {
    let begun = (): void => undefined
    const running = new Promise<void>((resolve) => {
      begun = resolve
    })
    const { calls, band } = coding(async function* () {
      begun()
      yield { wait: 600_000 }
    })
    await band.life(async (live) => {
      const run = live.run('help')
      await running
      await live.cancel('t1', 'enough')
      expect(await run).toMatchObject({ outcome: 'cancelled' })
      await knock(calls[0]!)
    })
    expect(violationsIn(band.events())).toEqual([expect.objectContaining(told('t1/conductor/0#0'))])
    expect(await band.again()).toMatchObject({ equal: true })
  })

  test("is one where the product has become somebody else's while it ran", async () => {
    const store = memoryEventStore()
    const lead = (await store.lead())!
    const leading = await openLog({ store, now: () => 1, lead })
    await leading.must({ type: 'TakeLead', epoch: lead.epoch, process: 'p' })
    const assign = (worker: string) =>
      ({
        type: 'AssignWorker',
        task: 't1',
        subject: 'change/a',
        worker,
        family: 'x',
        start: 'goes-on',
        reason: '',
      }) as const
    await leading.must({ type: 'SubmitTask', task: 't1', text: 'help', policy, by: 'ada' })
    await leading.must({ type: 'StartTask', task: 't1', base: 'base' }, assign('helper-x-0'))
    const framework = scripted({
      id: 'x',
      family: 'x',
      script: async function* () {
        await leading.must(assign('helper-x-1'))
        yield late
      },
    })
    const door = openDoor()
    const session = await framework.start({ worker: 'helper-x-0', tools: [], call: door.call } as never)
    const config = resolveConfig({ frameworks: { x: framework } }, 'a test', () => undefined)
    let done = 0
    const toolbox = {
      tools: [],
      decide: async () => ({ allowed: true }) as const,
      call: async () => ({ ok: true, output: `${++done}` }),
    }
    const who = { turn: 't1/p#0', place: 'p', worker: 'helper-x-0', role: 'helper', framework: 'x', family: 'x' }
    const parts = { log: leading, clock: systemClock, stopping: new AbortController().signal, config }
    const asked = { systemPrompt: '', prompt: 'go', purpose: 'produce', subject: 'change/a' } as const
    await runTurn(parts, session, door, toolbox, { type: 'BeginTurn', task: 't1', ...who, ...asked })
    const events: Recorded[] = []
    for await (const event of store.read()) events.push(event as Recorded)
    expect(done).toBe(0)
    expect(violationsIn(events)).toEqual([expect.objectContaining({ ...told('t1/p#0'), worker: 'helper-x-0' })])
    leading.close()
  })
})
