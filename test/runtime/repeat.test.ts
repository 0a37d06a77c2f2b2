import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ScriptFunction, scripted } from '../../adapters/frameworks/scripted.ts'
import { defineRole, defineTool, type EffectError, type Role, z } from '../../adapters/index.ts'
import { taskOf } from '../../core/protocol/state.ts'
import { get } from '../../core/protocol/table.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { replayedBand } from '../scene/replayed.ts'

/** Calls one tool, from a program or from a model's turn, in a process that stops in the middle of the call, and then once more. */
async function interrupted(repeat: 'safe' | 'never', caller: 'program' | 'model' = 'program') {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const keys: string[] = []
  let began: () => void = () => undefined
  const tool = defineTool({
    name: 'send_letter',
    description: 'Sends a letter.',
    input: z.object({ to: z.string() }),
    repeat,
    run: (_, { key, signal }) => {
      keys.push(key)
      began()
      // The first call never answers: the process ends first.
      return keys.length > 1
        ? 'sent'
        : new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('too late')))
    },
  })
  const sender = defineRole({
    id: 'sender',
    description: 'Sends one letter.',
    tools: ['send_letter'],
    *steps({ band }) {
      try {
        return yield* band.tool('send_letter', { to: 'ada' })
      } catch (error) {
        return (error as EffectError).reason
      }
    },
  })
  const speaker = defineRole({
    id: 'sender',
    description: 'Lets a model send one letter.',
    tools: ['send_letter'],
    output: z.string(),
  })
  const heard: string[] = []
  const conductor: Role = {
    id: 'conductor',
    description: 'Has a letter sent.',
    spawnableRoles: ['sender'],
    *steps({ band }) {
      yield* band.spawn('sender', {})
    },
  }
  const open = () =>
    replayedBand({
      repo,
      home: join(at, 'home'),
      frameworks: { a: scripted({ id: 'a', family: 'x', script: sending(heard) }) },
      roles: [caller === 'program' ? sender : (speaker as unknown as Role), conductor],
      tools: [tool],
      review: { opposition: 'waived' },
      sandbox: 'off',
    })
  const first = await open()
  const calling = new Promise<void>((resolve) => {
    began = resolve
  })
  const run = first.run('send it')
  await calling
  await first.close()
  await run
  const second = await open()
  const [result] = await second.resume()
  const end = get(taskOf(second.state, 't1')!.journal, 'conductor/0')?.end
  await second.close()
  return { result, said: end?.ok ? end.result : end, keys, heard }
}

/** A model that sends the same letter twice, and hands over what it heard of the first. */
const sending = (heard: string[]): ScriptFunction =>
  async function* () {
    const first = yield { call: 'send_letter', input: { to: 'ada' } }
    if (first) heard.push(first.output)
    const second = yield { call: 'send_letter', input: { to: 'ada' } }
    if (second) heard.push(second.output)
    yield { call: 'set_output', input: { output: first?.output ?? '' } }
  }

test('a call of a program that was left unfinished is not repeated: its outcome is unknown, and the program hears so', async () => {
  const { result, said, keys } = await interrupted('never')
  expect(result).toMatchObject({ outcome: 'success' })
  expect(said).toMatch(/^outcome unknown: 'send_letter'/)
  expect(keys).toHaveLength(1)
})

test('a call that is safe to repeat is repeated under the same key', async () => {
  const { said, keys } = await interrupted('safe')
  expect(said).toBe('sent')
  expect(keys).toEqual([keys[0], keys[0]])
})

test("a call of a model's turn that was cut off is not repeated when the turn is played again, another like it is made", async () => {
  const { result, said, keys, heard } = await interrupted('never', 'model')
  expect(result).toMatchObject({ outcome: 'success' })
  expect(said).toMatch(/^outcome unknown: 'send_letter'/)
  expect(heard.at(-1)).toBe('sent')
  expect(keys).toHaveLength(2)
  expect(new Set(keys).size).toBe(2)
})

test("a call of a model's turn that is safe to repeat is repeated under the same key", async () => {
  const { said, keys } = await interrupted('safe', 'model')
  expect(said).toBe('sent')
  expect(keys).toEqual([keys[0], keys[0], expect.not.stringMatching(keys[0]!)])
})
