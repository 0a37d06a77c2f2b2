import { expect, test } from 'vitest'
import { defineRole, defineTool, type EffectError, type Role, z } from '../../../adapters/index.ts'
import { coder, mergemaster } from '../../../adapters/roles.ts'
import { planning, verdict, write } from '../../scene/band.ts'
import { type Options, type RecordedBand, recordedBand } from './band.ts'

const one = { id: 'one', title: 'One', files: ['a.txt'] }
const two = { id: 'two', title: 'Two', files: ['b.txt'] }
const turns = (...all: readonly object[]): NonNullable<Options['turns']> => all as never
const approving = { role: 'code-reviewer', steps: [verdict('approve')] }

/** Every type of these stands in the log, and all of it comes again. */
async function replays(band: RecordedBand, ...types: readonly string[]): Promise<void> {
  const found = new Set(band.events().map(({ type }) => type as string))
  expect(types.filter((type) => !found.has(type))).toEqual([])
  const again = await band.again()
  expect(again).toMatchObject({ equal: true, difference: undefined })
}

const orchestrates = (steps: NonNullable<Role['steps']>, spawnableRoles: readonly string[]): Role => ({
  id: 'conductor',
  description: 'Tries one thing.',
  spawnableRoles,
  steps,
})

test('two changes in parallel and one on top of both, one of them sent back once: landed', async () => {
  const three = { id: 'three', title: 'Three', files: ['c.txt'], dependsOn: ['one', 'two'] }
  const band = recordedBand({
    config: { workers: { coder: { codex: 2 }, 'code-reviewer': { claude: 2 } } },
    turns: turns(
      ...planning(one, two, three),
      { role: 'coder', when: 'Subtask one', round: 1, steps: [{ say: 'Badly' }, write('a.txt', 'bad\n')] },
      { role: 'coder', when: 'Subtask one', round: 2, steps: [write('a.txt', 'good\n')] },
      { role: 'coder', when: 'Subtask two', steps: [{ wait: 30 }, write('b.txt', 'two\n')] },
      { role: 'coder', when: 'Subtask three', steps: [write('c.txt', 'three\n')] },
      { role: 'code-reviewer', when: '+bad', steps: [verdict('request_changes', { issue: 'bad' })] },
      { role: 'code-reviewer', steps: [verdict('approve')] },
    ),
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  await replays(band, 'Landed', 'ChangeSubmitted', 'VerdictGiven')
})

test('without agreement: escalated', async () => {
  const band = recordedBand({
    config: { limits: { rounds: 2 } },
    turns: turns(
      ...planning(one),
      { role: 'coder', round: 1, steps: [write('a.txt', '1\n')] },
      { role: 'coder', round: 2, steps: [write('a.txt', '2\n')] },
      ...[1, 2].map((round) => ({
        role: 'code-reviewer',
        round,
        steps: [verdict('request_changes', { issue: 'no' })],
      })),
    ),
  })
  expect(await band.run()).toMatchObject({ outcome: 'escalated' })
  await replays(band, 'TaskEnded')
})

test('checks that are red on the merged tree: the change that breaks them is found, comes back, and is made again', async () => {
  const band = recordedBand({
    files: { 'check.sh': 'test "$(cat a.txt)$(cat b.txt)" != "newnew"\n' },
    turns: turns(
      ...planning(one, two),
      { role: 'coder', when: 'Subtask one', steps: [write('a.txt', 'new\n')] },
      { role: 'coder', when: 'Subtask two', round: 1, steps: [write('b.txt', 'new\n')] },
      { role: 'coder', when: 'came back', steps: [write('b.txt', 'newer\n')] },
      approving,
      { role: 'code-reviewer', steps: [verdict('approve')] },
      { role: 'code-reviewer', steps: [verdict('approve')] },
    ),
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  await replays(band, 'ChangeReturned', 'Landed')
})

test('a check that concludes nothing on the merged tree: the change that empties its report is found in the same way', async () => {
  const report = 'reports/junit.xml'
  const says = `'<testsuite><testcase name="'$(cat a.txt)$(cat b.txt)'"/></testsuite>'`
  const check = `if test "$(cat a.txt)$(cat b.txt)" != newnew; then echo ${says} >${report}; fi`
  const band = recordedBand({
    config: { checks: [{ command: ['sh', '-c', check], report }], merge: { autoMerge: 'high' } },
    turns: turns(
      ...planning(one, two),
      { role: 'coder', when: 'Subtask one', steps: [write('a.txt', 'new\n')] },
      { role: 'coder', when: 'Subtask two', round: 1, steps: [write('b.txt', 'new\n')] },
      { role: 'coder', when: 'came back', steps: [write('b.txt', 'newer\n'), { call: 'run_tests', input: {} }] },
      approving,
      { role: 'code-reviewer', steps: [verdict('approve')] },
      { role: 'code-reviewer', steps: [verdict('approve')] },
    ),
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  const events = band.events()
  const back = events.find((event) => event.type === 'ChangeReturned')
  expect(back).toMatchObject({
    subject: 'change/two',
    detail: expect.stringContaining(`, inconclusive: there is no report in '${report}': it was not written:`),
  })
  // Every name is another one, so all of the base are missing, and that is in the log.
  expect(events.filter((event) => event.type === 'RiskAssessed')).toMatchObject(
    Array(2).fill({
      risk: 'high',
      reasons: [expect.stringContaining("1 of the tests that passed on the base did not run: '")],
    }),
  )
  await replays(band, 'ChangeReturned', 'Landed')
})

test('refused calls, a turn without its product, and one that is void', async () => {
  const handy = {
    ...coder,
    tools: [...coder.tools!, { name: 'run_command' as const, allowedCommands: ['sh spoil.sh'] }],
  }
  const band = recordedBand({
    roles: [handy as Role],
    files: { 'spoil.sh': 'echo x >> b.txt\n' },
    turns: turns(
      {
        role: 'file-picker',
        steps: [
          { call: 'read_files', input: { paths: ['.git/config'] } },
          { call: 'write_file', input: { path: 'a.txt', content: '' } },
          { call: 'no_such_tool', input: {} },
          { call: 'list_files', input: { pathh: '' } },
        ],
      },
      { role: 'file-picker', steps: [{ call: 'set_output', input: { output: ['a.txt'] } }] },
      ...planning(one).slice(1),
      { role: 'coder', when: 'was void', steps: [write('a.txt', 'y\n')] },
      {
        role: 'coder',
        steps: [
          { usage: { inputTokens: 5, outputTokens: 6, usd: 0.25 } },
          write('a.txt', 'x\n'),
          { call: 'run_command', input: { command: 'sh spoil.sh' } },
        ],
      },
      approving,
    ),
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  const ends = band.events().flatMap((event) => (event.type === 'TurnEnded' ? [event.outcome] : []))
  expect(ends).toEqual(expect.arrayContaining(['failed', 'void', 'done']))
  await replays(band, 'ViolationRecorded', 'Landed')
})

test('a turn that fails and is tried again; one that fails until no retry is left', async () => {
  let failures = 1
  const band = recordedBand({
    turns: ({ role }) => {
      if (role === 'file-picker' && failures-- > 0) return [{ say: 'Hm.' }, { fail: 'refusal', detail: 'I will not' }]
      if (role === 'file-picker') return [{ call: 'set_output', input: { output: ['a.txt'] } }]
      return [{ fail: 'malformed', detail: 'broken' }]
    },
  })
  expect(await band.run()).toMatchObject({ outcome: 'failed' })
  const ends = band.events().flatMap((event) => (event.type === 'TurnEnded' ? [event.outcome] : []))
  expect(ends.slice(0, 3)).toEqual(['failed', 'done', 'failed'])
  await replays(band, 'EffectFailed', 'TaskEnded')
})

test('a program that calls tools, asks a person, sleeps, says and handles failures; a model that spawns and talks', async () => {
  const stamp = defineTool({
    name: 'stamp',
    description: 'Gives a stamp.',
    input: z.object({ of: z.string() }),
    run: ({ of }, { key }) => `${of} ${key.length > 0}`,
  })
  const clerk = defineRole({
    id: 'clerk',
    description: 'Fills in a form.',
    output: z.object({ form: z.string() }),
    tools: ['stamp', 'read_files', 'list_files'],
    *steps({ band }) {
      const stamped = yield* band.tool('stamp', { of: 'form' })
      let refused = ''
      try {
        yield* band.tool('write_file', { path: 'a.txt', content: '' })
      } catch (error) {
        refused = (error as EffectError).reason.split(':')[0]!
      }
      return { form: `${stamped} ${refused}` }
    },
  })
  const boss = defineRole({
    id: 'boss',
    description: 'Lets others work.',
    output: z.object({ done: z.boolean() }),
    tools: ['send_message', 'ask_human'],
    spawnableRoles: ['clerk'],
  })
  const conductor = orchestrates(
    function* ({ band }) {
      yield* band.sleep(5)
      yield* band.say('ada', 'good morning')
      const answer = yield* band.ask('ada', 'Which form?')
      yield* band.all([() => band.spawn(boss, {}), () => band.spawn(clerk, {})])
      try {
        yield* band.spawn('planner', {} as never)
      } catch {
        return answer
      }
    },
    ['boss', 'clerk'],
  )
  const band = recordedBand({
    roles: [clerk, boss, conductor] as Role[],
    tools: [stamp],
    answer: async () => 'the blue one',
    turns: turns({
      role: 'boss',
      steps: [
        { say: 'Hello.' },
        { call: 'spawn_roles', input: { role: 'clerk' } },
        { call: 'spawn_roles', input: { role: 'coder' } },
        { call: 'send_message', input: { to: 'clerk', text: 'thank you' } },
        { say: 'And now' },
        { call: 'ask_human', input: { question: 'Enough?' } },
        { call: 'set_output', input: { done: 'yes' } },
        { call: 'set_output', input: { done: true } },
      ],
    }),
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  await replays(band, 'TextSaid', 'ViolationRecorded', 'EffectFailed')
})

test('a role whose steps let a model work and word the change themselves', async () => {
  const careful = {
    ...coder,
    *steps({ band }: Parameters<NonNullable<Role['steps']>>[0]) {
      yield* band.stepAll()
      yield* band.tool('write_file', { path: 'a.txt', content: 'by the program\n' })
      return { message: 'In its own words' }
    },
  }
  const band = recordedBand({
    roles: [careful as Role],
    turns: turns(...planning(one), { role: 'coder', steps: [write('a.txt', 'by the model\n')] }, approving),
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  await replays(band, 'Landed')
})

test('a person asked for and waited for, refused, asked again after a new change, and approved by a later process', async () => {
  const band = recordedBand({
    config: { merge: { autoMerge: 'none' } },
    turns: turns(
      ...planning(one),
      { role: 'coder', round: 1, steps: [write('a.txt', 'first\n')] },
      { role: 'coder', round: 2, steps: [write('a.txt', 'second\n')] },
      approving,
      { role: 'code-reviewer', steps: [verdict('approve')] },
    ),
  })
  expect(await band.run()).toMatchObject({ outcome: 'parked', parked: 'approval' })
  await band.life((open) => open.reject('t1.1', 'not like this'))
  expect(await band.life((open) => open.approve('t1.2'))).toMatchObject({ outcome: 'success' })
  await replays(band, 'TaskParked', 'ApprovalRefused', 'ApprovalGiven', 'Landed')
})

test('a band that waits for a yes', async () => {
  const band = recordedBand({
    wait: true,
    config: { merge: { autoMerge: 'none' } },
    turns: turns(...planning(one), { role: 'coder', steps: [write('a.txt', 'first\n')] }, approving),
  })
  const end = await band.life(async (open) => {
    open.on('event', (event) => {
      if (event.type === 'ApprovalRequested') setImmediate(() => void open.approve(event.approval))
    })
    return open.run('do it')
  })
  expect(end).toMatchObject({ outcome: 'success' })
  await replays(band, 'ApprovalGiven', 'Landed')
})

test('nobody to ask: parked, and answered by a later process', async () => {
  let present = false
  const band = recordedBand({
    answer: async () => (present ? 'yes' : undefined),
    roles: [
      orchestrates(function* ({ band: asks }) {
        return yield* asks.ask('ada', 'Really?')
      }, []),
    ],
  })
  expect(await band.run()).toMatchObject({ outcome: 'parked', parked: 'ask' })
  present = true
  expect(await band.life((open) => open.resume('t1'))).toMatchObject([{ outcome: 'success' }])
  await replays(band, 'TaskParked', 'TaskResumed')
})

test('killed at any moment and resumed: every life comes again, with the turn that died', {
  timeout: 120_000,
}, async () => {
  const options: Options = {
    turns: turns(
      ...planning(one),
      {
        role: 'coder',
        steps: [{ say: 'I look.' }, { call: 'read_files', input: { paths: ['a.txt'] } }, write('a.txt', 'first\n')],
      },
      approving,
    ),
  }
  const whole = recordedBand(options)
  await whole.run()
  // Some moments, and the one after a word that was said before a call.
  const said = whole.events().find(({ type }) => type === 'TextSaid')!.seq
  const moments = whole.commits.filter((count, index) => count > 2 && (index % 12 === 0 || count === said)).slice(0, -1)
  expect(moments.length).toBeGreaterThan(2)
  for (const moment of moments) {
    const band = recordedBand(options)
    await band.run()
    band.cut(moment)
    const again = await band.life((open) => open.resume('t1'))
    expect({ moment, outcome: again[0]?.outcome }).toEqual({ moment, outcome: 'success' })
    expect({ moment, ...(await band.again()) }).toMatchObject({ moment, equal: true })
  }
})

test('stopped in the middle of a turn and resumed', async () => {
  const band = recordedBand({
    turns: turns(...planning(one), { role: 'coder', steps: [write('a.txt', 'x\n'), { wait: 400 }] }, approving),
  })
  await band.life(async (open) => {
    const running = open.run('do it')
    await new Promise<void>((resolve) => {
      open.on('event', (event) => {
        if (event.type === 'ToolReturned' && event.tool === 'write_file') resolve()
      })
    })
    void open.close()
    return running
  })
  expect(band.events().at(-1)).toMatchObject({ type: 'TurnEnded', outcome: 'cancelled' })
  expect(await band.life((open) => open.resume('t1'))).toMatchObject([{ outcome: 'success' }])
  await replays(band, 'Landed')
})

test('mergemaster is no model: a change that conflicts with the branch begins anew on top of it', async () => {
  expect(mergemaster.steps).toBeTypeOf('function')
  const band = recordedBand({
    config: { merge: { autoMerge: 'none' } },
    turns: turns(
      ...planning(one),
      { role: 'coder', when: 'It conflicts', steps: [write('a.txt', 'on top\n')] },
      { role: 'coder', steps: [write('a.txt', 'first\n')] },
      approving,
      { role: 'code-reviewer', steps: [verdict('approve')] },
    ),
  })
  await band.run()
  const { personsGit } = await import('../../scene/place.ts')
  const { writeFileSync } = await import('node:fs')
  writeFileSync(`${band.repo}/a.txt`, 'meanwhile\n')
  personsGit(band.repo, 'commit', '-qam', 'meanwhile')
  await band.life((open) => open.approve('t1.1'))
  expect(band.events().some((event) => event.type === 'ChangeReturned' && event.reason === 'conflict')).toBe(true)
  expect(await band.life((open) => open.approve('t1.2'))).toMatchObject({ outcome: 'success' })
  await replays(band, 'ChangeReturned', 'Landed')
})
