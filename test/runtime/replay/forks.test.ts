import { expect, test } from 'vitest'
import type { Role } from '../../../adapters/index.ts'
import { codeReviewer, coder, conductor, filePicker } from '../../../adapters/roles.ts'
import { planning, verdict, write } from '../../scene/band.ts'
import { recordedBand } from './band.ts'

const one = { id: 'one', title: 'One', files: ['a.txt'] }

/** Plan, change sent back once, landed; the coder looks at a file, tests, and tries one thing that it may not. */
async function landed() {
  const band = recordedBand({
    config: { setup: [] },
    turns: [
      ...planning(one),
      {
        role: 'coder',
        round: 1,
        steps: [
          { call: 'read_files', input: { paths: ['b.txt'] } },
          { call: 'run_command', input: { command: 'sh check.sh' } },
          write('a.txt', 'bad\n'),
          { call: 'run_tests', input: {} },
        ],
      },
      { role: 'coder', round: 2, steps: [write('a.txt', 'good\n')] },
      { role: 'code-reviewer', round: 1, steps: [verdict('request_changes', { issue: 'bad' })] },
      { role: 'code-reviewer', round: 2, steps: [verdict('approve')] },
    ] as never,
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  return { band, events: band.events() }
}

const changed = (role: object, change: object): Role => ({ ...role, ...change }) as Role
const without = (role: Role, tool: string): Role =>
  changed(role, { tools: role.tools!.filter((grant) => (typeof grant === 'string' ? grant : grant.name) !== tool) })

test('a changed role forks where it first asks for something else, and nowhere before', {
  timeout: 120_000,
}, async () => {
  const { band, events } = await landed()
  const seqOf = (fits: (event: (typeof events)[number]) => boolean): number => events.find(fits)!.seq
  const forkOf = async (role: Role) => (await band.again({ roles: [role] })).difference

  // A prompt: at the first turn of the reviewer.
  const reviews = seqOf((event) => event.type === 'TurnStarted' && event.role === 'code-reviewer')
  const prompt = await forkOf(changed(codeReviewer, { systemPrompt: 'Look\ntwice.' }))
  expect(prompt).toMatchObject({ seq: reviews, kind: 'prompt', role: 'code-reviewer', fields: ['systemPrompt'] })
  expect(prompt?.diff).toContain('+Look\n+twice.')

  // A prompt that only differs once there is feedback: in the second round.
  const revised = await forkOf(changed(coder, { userPrompt: ({ round }: { round: number }) => `Round ${round}` }))
  const rounds = events.filter((event) => event.type === 'TurnStarted' && event.role === 'coder')
  expect(revised).toMatchObject({ seq: rounds[0]!.seq, kind: 'prompt' })

  // A program: at the first effect that is another one.
  const skips = changed(conductor, {
    *steps({ task, band: asks }: Parameters<NonNullable<Role['steps']>>[0]) {
      const files = yield* asks.spawn('file-picker', { task })
      yield* asks.say('ada', 'planning')
      yield* asks.reviewed('planner', { task, files })
    },
  })
  expect(await forkOf(skips)).toMatchObject({
    seq: seqOf((event) => event.type === 'EffectStarted' && event.place === 'conductor/1'),
    kind: 'effect',
    role: 'conductor',
    place: 'conductor/1',
    before: expect.stringContaining("asks for produce of 'planner'"),
    now: expect.stringContaining('asks for say'),
  })

  // A grant taken away: at the first call that it allowed; granted anew: at the first call that was denied for want of it.
  const tests = seqOf((event) => event.type === 'ToolReturned' && event.tool === 'run_tests')
  const wanting = await forkOf(without(coder as Role, 'run_tests'))
  // The reason of the call denied before that names the tools of the role, so the model would have read something else there.
  const refused = seqOf((event) => event.type === 'ViolationRecorded' && event.tool === 'run_command')
  expect(wanting).toMatchObject({ seq: refused, kind: 'gate', tools: { added: [], removed: ['run_tests'] } })
  expect(refused).toBeLessThan(tests)
  const grant = { name: 'run_command', allowedCommands: ['sh check.sh'] }
  expect(await forkOf(changed(coder, { tools: [...coder.tools!, grant] }))).toMatchObject({
    seq: refused,
    kind: 'gate',
    before: expect.stringContaining('denied (tool-not-in-role)'),
    now: 'allowed: run_command',
  })

  // Fewer paths: at the write that leaves them.
  const writes = seqOf((event) => event.type === 'ToolReturned' && event.tool === 'write_file')
  expect(await forkOf(changed(coder, { writes: ['b.txt'] }))).toMatchObject({
    seq: writes,
    kind: 'gate',
    now: expect.stringContaining('above-ceiling'),
  })
  const reads = seqOf((event) => event.type === 'ToolReturned' && event.tool === 'read_files')
  expect(await forkOf(without(coder as Role, 'read_files'))).toMatchObject({ seq: reads, kind: 'gate' })

  // Other checks, another player, other edges.
  expect((await band.again({ config: { checks: [['sh', 'other.sh']] } })).difference).toMatchObject({
    seq: seqOf((event) => event.type === 'ToolReturned' && event.tool === 'run_tests'),
  })
  expect((await band.again({ config: { workers: { planner: { codex: 1 } } } })).difference).toMatchObject({
    kind: 'worker',
    now: expect.stringContaining('planner-codex-0'),
  })
  expect(await forkOf(changed(conductor, { spawnableRoles: ['planner', 'coder', 'mergemaster'] }))).toMatchObject({
    place: 'conductor/0',
  })
  expect(await forkOf(changed(filePicker, { output: undefined, produces: undefined }))).toMatchObject({
    place: 'conductor/0',
  })

  // Words that nobody is asked.
  expect(await band.again({ roles: [changed(coder, { description: 'In other words.' })] })).toMatchObject({
    equal: true,
  })
})

test('a program that throws, and one that ends early, differ at the first event that they leave out', async () => {
  const { band, events } = await landed()
  const second = events.find((event) => event.type === 'EffectStarted' && event.place === 'conductor/1')!.seq
  const program = (then: () => void): Role =>
    changed(conductor, {
      *steps({ task, band: asks }: Parameters<NonNullable<Role['steps']>>[0]) {
        yield* asks.spawn('file-picker', { task })
        then()
      },
    })
  expect((await band.again({ roles: [program(() => undefined)] })).difference).toMatchObject({
    seq: second,
    kind: 'end',
    now: expect.stringContaining('the task ends: success'),
  })
  const fails = program(() => {
    throw new Error('no plan')
  })
  expect((await band.again({ roles: [fails] })).difference).toMatchObject({
    seq: second,
    now: expect.stringContaining('no plan'),
  })
})

test('a replay writes nothing: no ref, no object, no file of a worker', async () => {
  const { band } = await landed()
  const { readdirSync, statSync } = await import('node:fs')
  const all = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
      const { mtimeMs, size } = statSync(`${entry.parentPath}/${entry.name}`, { throwIfNoEntry: false }) ?? {}
      return `${entry.parentPath}/${entry.name} ${mtimeMs} ${size}`
    })
  const before = all(`${band.repo}/..`)
  await band.again()
  await band.again({ roles: [changed(codeReviewer, { systemPrompt: 'Look.' })] })
  expect(all(`${band.repo}/..`)).toEqual(before)
})
