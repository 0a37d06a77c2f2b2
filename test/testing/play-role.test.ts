import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { defineRole, defineTool, EffectError, Subtask, z } from 'codeband'
import { playRole } from 'codeband/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { place } from '../scene/place.ts'

const scribe = defineRole({
  id: 'scribe',
  description: 'Explains one part of a repository.',
  input: z.object({ topic: z.string(), words: z.number().default(50) }),
  output: z.object({ text: z.string() }),
  tools: ['list_files', 'read_files'],
  systemPrompt: 'You explain code.',
  userPrompt: 'Explain {{topic}} in {{words}} words.',
})

describe('playRole', () => {
  test('plays a role through the real gate and gives what it said, called and was denied', async () => {
    const played = await playRole(scribe, {
      input: { topic: 'the tests' },
      files: { 'test/a.txt': 'one\n' },
      script: [
        {
          steps: [
            { call: 'read_files', input: { paths: ['test/a.txt'] } },
            { call: 'write_file', input: { path: 'test/a.txt', content: 'two\n' } },
            { call: 'set_output', input: { text: 'One test.' } },
          ],
        },
      ],
    })
    const { calls, ...rest } = played
    expect(rest).toEqual({
      output: { text: 'One test.' },
      outcome: 'success',
      reason: '',
      prompts: [
        {
          role: 'scribe',
          systemPrompt: expect.stringContaining('You explain code.'),
          userPrompt: 'Explain the tests in 50 words.',
        },
      ],
      effects: [],
      files: { 'test/a.txt': 'one\n' },
      changed: [],
    })
    expect(calls).toMatchObject([
      {
        role: 'scribe',
        tool: 'read_files',
        input: { paths: ['test/a.txt'] },
        ok: true,
        output: expect.stringContaining('one'),
      },
      { role: 'scribe', tool: 'write_file', ok: false, denied: 'tool-not-in-role' },
      { role: 'scribe', tool: 'set_output', ok: true },
    ])
    expect(calls.map((call) => 'denied' in call)).toEqual([false, true, false])
    const text: string | undefined = played.output?.text
    expect(text).toBe('One test.')
  })

  test('gives what a change role left, and which paths differ', async () => {
    const coder = defineRole({
      id: 'coder',
      description: 'Codes.',
      input: z.object({ subtask: Subtask }),
      produces: 'change',
      tools: ['write_file', 'delete_file'],
      userPrompt: '{{subtask.title}}',
    })
    const played = await playRole(coder, {
      input: { subtask: { id: 'one', title: 'One', files: ['*.txt'] } },
      files: { 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' },
      script: [
        {
          steps: [
            { call: 'write_file', input: { path: 'a.txt', content: 'new\n' } },
            { call: 'delete_file', input: { path: 'b.txt' } },
            { call: 'write_file', input: { path: 'outside.md', content: 'x' } },
          ],
        },
      ],
    })
    expect(played).toMatchObject({
      outcome: 'success',
      output: { commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
      files: { 'a.txt': 'new\n', 'c.txt': 'c\n' },
      changed: ['a.txt', 'b.txt'],
      calls: [{ ok: true }, { ok: true }, { ok: false, denied: 'above-ceiling' }],
    })
  })

  test('plays the steps of a role, the roles it spawns and its own tools', async () => {
    const count = defineTool({
      name: 'count',
      description: 'Counts letters.',
      input: z.object({ text: z.string() }),
      run: ({ text }) => String(text.length),
    })
    const editor = defineRole({
      id: 'editor',
      description: 'Has a text written and counts it.',
      input: z.object({ topic: z.string() }),
      output: z.object({ text: z.string(), letters: z.number() }),
      tools: ['count'],
      spawnableRoles: ['scribe'],
      *steps({ topic, band }) {
        const { text } = yield* band.spawn(scribe, { topic })
        const letters = Number(yield* band.tool(count, { text }))
        return { text, letters }
      },
    })
    const played = await playRole(editor, {
      input: { topic: 'x' },
      roles: [scribe],
      tools: [count],
      script: [{ role: 'scribe', steps: [{ call: 'set_output', input: { text: 'four' } }] }],
    })
    expect(played).toMatchObject({ outcome: 'success', output: { text: 'four', letters: 4 } })
    expect(played.effects).toEqual([
      { place: 'editor/0', kind: 'spawn', role: 'scribe' },
      { place: 'editor/1', kind: 'tool' },
    ])
    expect(played.prompts.map(({ role }) => role)).toContain('scribe')
  })

  test('lets the opposite family review, round by round', async () => {
    const writer = defineRole({
      id: 'writer',
      description: 'Writes.',
      input: z.object({ subtask: Subtask }),
      produces: 'change',
      reviewedBy: 'judge',
      tools: ['write_file'],
      userPrompt: 'Write. {{feedback}}',
    })
    const judge = defineRole({ id: 'judge', description: 'Judges.', produces: 'verdict', userPrompt: 'Judge.' })
    const chief = defineRole({
      id: 'chief',
      description: 'Has it written.',
      spawnableRoles: ['writer'],
      *steps({ band }) {
        yield* band.reviewed(writer, { subtask: { id: 'one', title: 'One', files: ['a.txt'] } })
        return yield* band.merge()
      },
    })
    const write = (content: string) => ({ call: 'write_file', input: { path: 'a.txt', content } })
    const say = (decision: string, issue?: string) => ({
      call: 'submit_verdict',
      input: { decision, risk: 'low', summary: 'x', findings: issue ? [{ severity: 'Critical', issue }] : [] },
    })
    const played = await playRole(chief, {
      roles: [writer, judge],
      files: { 'a.txt': 'a\n' },
      config: { checks: [['true']] },
      script: [
        { role: 'writer', steps: [write('b\n')] },
        { role: 'judge', steps: [say('request_changes', 'It must be c.')] },
        { role: 'writer', when: 'It must be c.', steps: [write('c\n')] },
        { role: 'judge', steps: [say('approve')] },
      ],
    })
    expect(played).toMatchObject({ outcome: 'success', reason: '', files: { 'a.txt': 'c\n' }, changed: ['a.txt'] })
    expect(played.effects.map(({ kind }) => kind)).toEqual(['produce', 'review', 'produce', 'review', 'merge'])
  })

  test('what goes wrong is in the result: an input that does not fit, a model that gives up, a turn nobody scripted', async () => {
    const unfit = await playRole(scribe, { input: { topic: 1 } as never })
    expect(unfit).toMatchObject({ outcome: 'refused', output: undefined, reason: expect.stringContaining('topic') })
    const silent = await playRole(scribe, { input: { topic: 'x' }, config: { limits: { retries: 0 } } })
    expect(silent).toMatchObject({
      outcome: expect.stringMatching(/retry|failed|escalate/),
      reason: expect.stringContaining('no turn for role'),
    })
  })

  test('what only a person may decide parks, and says why', async () => {
    const chief = defineRole({
      id: 'chief',
      description: 'Has a check changed.',
      spawnableRoles: ['coder'],
      *steps({ band }) {
        const subtask = Subtask.parse({ id: 'one', title: 'One', files: ['check.sh'] })
        yield* band.reviewed('coder', { subtask, files: [] })
        return yield* band.merge()
      },
    })
    const approve = { decision: 'approve', risk: 'low', summary: 'Fine.', findings: [] }
    const played = await playRole(chief, {
      files: { 'check.sh': 'false\n' },
      config: { checks: [['sh', 'check.sh']] },
      script: [
        { role: 'coder', steps: [{ call: 'write_file', input: { path: 'check.sh', content: 'true\n' } }] },
        { role: 'code-reviewer', steps: [{ call: 'submit_verdict', input: approve }] },
      ],
    })
    expect(played).toMatchObject({
      outcome: 'parked',
      output: undefined,
      files: { 'check.sh': 'false\n' },
      changed: [],
    })
    expect(played.reason).toMatch(/a person decides on risk critical: check\.sh/)
  })

  test('a role that is wrong is refused as a band refuses it', async () => {
    const wrong = { ...scribe, tools: ['read_file'] }
    await expect(playRole(wrong)).rejects.toThrow(/CB_ROLE_INVALID|Did you mean 'read_files'/)
  })

  test('a conductor is played as the program it is', async () => {
    const conductor = defineRole({
      id: 'conductor',
      description: 'Asks.',
      spawnableRoles: ['scribe'],
      *steps({ task, band }) {
        try {
          yield* band.spawn(scribe, { topic: task })
        } catch (error) {
          if (!(error instanceof EffectError)) throw error
        }
      },
    })
    const played = await playRole(conductor, {
      roles: [scribe],
      task: 'the tests',
      script: [{ role: 'scribe', when: 'the tests', steps: [{ call: 'set_output', input: { text: 'x' } }] }],
    })
    expect(played).toMatchObject({
      outcome: 'success',
      effects: [{ place: 'conductor/0', kind: 'spawn', role: 'scribe' }],
    })
  })

  test('leaves nothing behind', async () => {
    const before = process.env.TMPDIR
    process.env.TMPDIR = place()
    onTestFinished(() => {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    })
    await playRole(scribe, {
      input: { topic: 'x' },
      script: [{ steps: [{ call: 'set_output', input: { text: 'x' } }] }],
    })
    expect(readdirSync(tmpdir())).toEqual([])
  })
})

test('a role that changes nothing has changed nothing, also where no file was given', { timeout: 30_000 }, async () => {
  const role = defineRole({ id: 'idle', description: 'Says nothing.', output: z.object({ said: z.string() }) })
  const played = await playRole(role, { script: [{ steps: [{ call: 'set_output', input: { said: 'x' } }] }] })
  expect(played).toMatchObject({ outcome: 'success', changed: [] })
})
