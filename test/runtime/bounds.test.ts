import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import type { Config, Recorded, Role } from '../../adapters/index.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { replayedBand } from '../scene/replayed.ts'

type Script = Parameters<typeof scripted>[0]['script']
type Of<T extends Recorded['type']> = Extract<Recorded, { type: T }>

/** A band whose conductor spawns one helper of family x (`a`), or lets `coder` change a file and have it reviewed by family y (`b`). */
async function played({
  script,
  role = {},
  more = [],
  config = {},
  steps,
}: {
  script: Script
  role?: Partial<Role>
  more?: readonly Role[]
  config?: Partial<Config>
  steps?: Role['steps']
}) {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'check.sh': 'true\n' })
  const helper: Role = { id: 'helper', description: 'Helps.', tools: ['read_files'], ...role }
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['helper', 'coder', 'mergemaster', ...more.map(({ id }) => id)],
    steps:
      steps ??
      function* ({ band }) {
        yield* band.spawn(helper, {})
      },
  }
  const band = await replayedBand({
    repo,
    home: join(at, 'home'),
    frameworks: {
      a: scripted({ id: 'a', family: 'x', script }),
      b: scripted({ id: 'b', family: 'y', script }),
    },
    roles: [helper, conductor, ...more],
    sandbox: 'off',
    checks: [['sh', 'check.sh']],
    ...config,
  })
  const events: Recorded[] = []
  band.on('event', (event) => events.push(event))
  const of = <T extends Recorded['type']>(type: T): Of<T>[] =>
    events.filter((event): event is Of<T> => event.type === type)
  return { band, events, of, repo }
}

const usage = (tokens: number): object => ({ usage: { inputTokens: tokens, outputTokens: 0 } })

describe('budgets', () => {
  test('a task that has used up its tokens ends as budget, not as failed, and begins no turn more (I-14)', async () => {
    const steps: Role['steps'] = function* ({ band }) {
      for (;;) yield* band.spawn('helper' as never, {} as never)
    }
    const script = { turns: Array.from({ length: 9 }, () => ({ role: 'helper', steps: [usage(400)] })) } as Script
    const { band, of } = await played({ script, steps, config: { limits: { tokens: 1000 } } })
    const result = await band.run('spend')
    expect(result.outcome).toBe('budget')
    expect(result.reason).toContain('1000 tokens')
    expect(of('TurnStarted')).toHaveLength(3)
    await band.close()
  })

  test('a turn sets a share aside and comes back for more; when nothing is left it is interrupted', async () => {
    const script = {
      turns: [{ role: 'helper', steps: [...Array.from({ length: 9 }, () => usage(200)), { wait: 60_000 }] }],
    } as Script
    const { band, of } = await played({ script, config: { limits: { tokens: 1000 } } })
    const result = await band.run('spend in one turn')
    expect(result.outcome).toBe('budget')
    expect(of('TurnStarted')[0]!.reserved).toMatchObject({ tokens: 250 })
    expect(of('BudgetReserved').length).toBeGreaterThan(2)
    expect(of('TurnEnded')[0]!.failure?.kind).toBe('budget')
    await band.close()
  })

  test("a role's own limits end it sooner than the task's, and count what it spawned", async () => {
    const script = { turns: Array.from({ length: 9 }, () => ({ role: 'helper', steps: [usage(10)] })) } as Script
    const outer: Role = {
      id: 'outer',
      description: 'Spawns.',
      spawnableRoles: ['helper'],
      limits: { turns: 2 },
      *steps({ band }) {
        for (;;) yield* band.spawn('helper' as never, {} as never)
      },
    }
    const { band, of } = await played({
      script,
      more: [outer],
      steps: function* ({ band }) {
        yield* band.spawn(outer, {})
      },
    })
    expect(await band.run('once')).toMatchObject({ outcome: 'budget', reason: expect.stringMatching(/2 turns/) })
    expect(of('BudgetOpened')).toMatchObject([{ caps: { turns: 2 }, parent: '' }])
    expect(of('TurnStarted')).toHaveLength(2)
    await band.close()
  })

  test("more branches than 'fanOut' allows are refused before one of them begins", async () => {
    const steps: Role['steps'] = function* ({ band }) {
      yield* band.all(Array.from({ length: 5 }, () => () => band.spawn('helper' as never, {} as never)))
    }
    const { band, of } = await played({ script: { turns: [] }, steps, config: { limits: { fanOut: 4 } } })
    expect(await band.run('wide')).toMatchObject({ outcome: 'budget', reason: expect.stringMatching(/fanOut/) })
    expect(of('EffectStarted')).toEqual([])
    await band.close()
  })
})

describe('the watchdog', () => {
  test('a turn from which nothing comes is interrupted and played again', async () => {
    let prompts = 0
    const silentOnce: Script = async function* () {
      if (prompts++ === 0) yield { wait: 60_000 }
      yield { say: 'hello' }
    }
    const { band, of } = await played({ script: silentOnce, config: { limits: { silentMinutes: 0.005 } } })
    expect(await band.run('be silent')).toMatchObject({ outcome: 'success' })
    expect(of('StallNoticed')).toMatchObject([{ kind: 'silent' }])
    expect(of('TurnEnded').map(({ outcome, failure }) => failure?.kind ?? outcome)).toEqual(['stalled', 'done'])
    await band.close()
  })

  test('a call that fails again and again while nothing changes is a loop; retries bound it', async () => {
    const circles: Script = async function* () {
      for (let i = 0; i < 50; i++) yield { call: 'read_files', input: { paths: ['missing.txt'] } }
    }
    const { band, of } = await played({ script: circles, config: { limits: { repeats: 3, retries: 1 } } })
    expect(await band.run('go round')).toMatchObject({ outcome: 'failed' })
    expect(of('StallNoticed').map(({ kind }) => kind)).toEqual(['loop', 'loop'])
    expect(of('ToolReturned')).toHaveLength(6)
    await band.close()
  })

  test('an author who gets stuck twice hands over to another of the family, under a new epoch', async () => {
    const coding: Script = async function* ({ role, worker }) {
      if (role === 'code-reviewer')
        yield { call: 'submit_verdict', input: { decision: 'approve', findings: [], risk: 'low', summary: 'Fine.' } }
      else if (worker === 'coder-a-0') yield { wait: 60_000 }
      else yield { call: 'write_file', input: { path: 'a.txt', content: 'b\n' } }
    }
    const subtask = { id: 's1', title: 'Change a', description: 'x', files: ['a.txt'], dependsOn: [] }
    const { band, of } = await played({
      script: coding,
      config: { limits: { silentMinutes: 0.005 }, workers: { coder: { a: 2 }, 'code-reviewer': { b: 1 } } },
      steps: function* ({ band }) {
        yield* band.reviewed('coder', { subtask, files: [] })
      },
    })
    expect(await band.run('change it')).toMatchObject({ outcome: 'success' })
    expect(of('WorkerAssigned').map(({ worker, epoch, start }) => [worker, epoch, start])).toEqual([
      ['coder-a-0', 1, 'goes-on'],
      ['coder-a-1', 2, 'goes-on'],
    ])
    expect(of('ChangeSubmitted')).toMatchObject([{ worker: 'coder-a-1', family: 'x' }])
    await band.close()
  })

  test('where the family has nobody else, another family starts afresh from the base, and the first may judge it', async () => {
    const coding: Script = async function* ({ role, worker }) {
      if (role === 'code-reviewer')
        yield { call: 'submit_verdict', input: { decision: 'approve', findings: [], risk: 'low', summary: 'Fine.' } }
      else if (worker === 'coder-a-0') yield { wait: 60_000 }
      else yield { call: 'write_file', input: { path: 'a.txt', content: 'b\n' } }
    }
    const subtask = { id: 's1', title: 'Change a', description: 'x', files: ['a.txt'], dependsOn: [] }
    const { band, of } = await played({
      script: coding,
      config: { limits: { silentMinutes: 0.005 }, workers: { coder: { a: 1, b: 1 } } },
      steps: function* ({ band }) {
        yield* band.reviewed('coder', { subtask, files: [] })
      },
    })
    expect(await band.run('change it')).toMatchObject({ outcome: 'success' })
    expect(of('WorkerAssigned').at(-1)).toMatchObject({ worker: 'coder-b-0', start: 'afresh', epoch: 2 })
    expect(of('VerdictGiven')).toMatchObject([{ family: 'x' }])
    await band.close()
  })
})

describe('failures of the world', () => {
  test('burn no retry: after more of them than retries the work is done all the same', async () => {
    let prompts = 0
    const shaky: Script = async function* () {
      if (prompts++ < 3) yield { fail: 'overloaded', retryAfter: 1 }
      yield { say: 'done' }
    }
    const { band, of } = await played({ script: shaky, config: { limits: { retries: 0 } } })
    expect(await band.run('hold out')).toMatchObject({ outcome: 'success' })
    expect(of('TurnStarted').map(({ retry }) => retry)).toEqual([0, 0, 0, 0])
    await band.close()
  })

  test('when they do not end the task waits, and goes on where it stopped once they have', async () => {
    let isDown = true
    const down: Script = async function* () {
      if (isDown) yield { fail: 'crashed', retryAfter: 1 }
      yield { say: 'done' }
    }
    const { band, of } = await played({ script: down, config: { limits: { outages: 2 } } })
    expect(await band.run('hold out')).toMatchObject({ outcome: 'parked', parked: 'infrastructure' })
    expect(of('TurnStarted')).toHaveLength(3)
    isDown = false
    expect(await band.resume()).toMatchObject([{ outcome: 'success' }])
    await band.close()
  })

  test('a login that is missing is not tried again', async () => {
    const script = { turns: [{ role: 'helper', steps: [{ fail: 'auth', detail: 'log in' }] }] } as Script
    const { band, of } = await played({ script })
    expect(await band.run('try')).toMatchObject({ outcome: 'parked', parked: 'infrastructure', reason: 'auth: log in' })
    expect(of('TurnStarted')).toHaveLength(1)
    await band.close()
  })
})

describe('many tasks', () => {
  test('run side by side on one log, each with workers of its own', async () => {
    let here = 0
    const meet: Script = async function* () {
      here++
      for (let i = 0; i < 400 && here < 2; i++) yield { wait: 10 }
      yield { say: here === 2 ? 'met' : 'alone' }
    }
    const { band, of } = await played({ script: meet })
    const results = await Promise.all([band.run('one'), band.run('two')])
    expect(results.map(({ outcome }) => outcome)).toEqual(['success', 'success'])
    expect(of('TextSaid').map(({ text }) => text)).toEqual(['met', 'met'])
    expect(new Set(of('TurnStarted').map(({ worker }) => worker)).size).toBe(2)
    await band.close()
  })

  test('a cancelled task winds down, the others go on, and it begins nothing more', async () => {
    const slow: Script = async function* ({ prompt }) {
      yield { say: 'begun' }
      if (prompt.includes('one')) yield { wait: 60_000 }
      yield { say: 'done' }
    }
    const { band, of } = await played({ script: slow, role: { userPrompt: '{{task}}' } })
    const one = band.run('one')
    const two = band.run('two')
    while (of('TurnStarted').length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    const t1 = of('TaskSubmitted').find(({ text }) => text === 'one')!.task
    expect(await band.cancel(t1, 'changed my mind')).toMatchObject({ outcome: 'cancelled' })
    expect((await one).reason).toContain('changed my mind')
    expect(await two).toMatchObject({ outcome: 'success' })
    const after = of('CancelRequested')[0]!.seq
    expect(of('TurnStarted').filter(({ task, seq }) => task === t1 && seq > after)).toEqual([])
    await expect(band.cancel(t1, 'again')).rejects.toMatchObject({ code: 'CB_TASK_ENDED' })
    await band.close()
  })
})
