import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import { createBand, defineRole, defineTool, type EffectError, type Role, z } from '../../adapters/index.ts'
import { taskOf } from '../../core/protocol/state.ts'
import { get } from '../../core/protocol/table.ts'
import { place, repositoryOf } from '../scene/place.ts'

/** Plays a program that calls one tool, in a process that stops in the middle of the call, and then once more. */
async function interrupted(repeat: 'safe' | 'never') {
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
  const conductor: Role = {
    id: 'conductor',
    description: 'Has a letter sent.',
    spawnableRoles: ['sender'],
    *steps({ band }) {
      yield* band.spawn(sender, {})
    },
  }
  const open = () =>
    createBand({
      repo,
      home: join(at, 'home'),
      frameworks: { a: scripted({ id: 'a', family: 'x', script: { turns: [] } }) },
      roles: [sender, conductor],
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
  return { result, said: end?.ok ? end.result : end, keys }
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
