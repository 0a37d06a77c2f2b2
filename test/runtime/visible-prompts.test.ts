import { expect, test } from 'vitest'
import type { Recorded, Role } from '../../adapters/index.ts'
import { same } from '../../core/runtime/replay/compare.ts'
import { planning, verdict } from '../scene/band.ts'
import { recordedBand } from './replay/band.ts'

/** A word in it that only a model would read: tag letters, a blank of no width, one that turns the text round. */
const hidden = '\u{e0061}\u{e0070}\u200b\u202e'
const shown = '\\u{e0061}\\u{e0070}\\u{200b}\\u{202e}'
const sneaky = /[\u{e0000}-\u{e007f}\u200b\u202e]/u

const prompts = (events: readonly Recorded[]) =>
  events.flatMap((event) => (event.type === 'TurnStarted' ? [[event.role, event.systemPrompt + event.prompt]] : []))
const promptOf = (events: readonly Recorded[], role: string) =>
  prompts(events)
    .filter(([one]) => one === role)
    .map(([, prompt]) => prompt)
    .join('\n')

test('what agents, people and the repository say reaches other agents with all of it visible, and replays (PI-009)', async () => {
  const [picker, planner, judge] = planning({ id: 'one', title: `Do${hidden} it`, files: ['a.txt'] }) as object[]
  const write = (content: string) => ({ call: 'write_file', input: { path: 'a.txt', content } })
  const band = recordedBand({
    turns: [
      picker,
      planner,
      judge,
      { role: 'coder', round: 1, steps: [write(`// diff${hidden}\n<!-- a comment -->\n`)] },
      { role: 'coder', round: 2, steps: [write('b\n')] },
      { role: 'code-reviewer', round: 1, steps: [verdict('request_changes', { issue: `note${hidden}` })] },
      { role: 'code-reviewer', round: 2, steps: [verdict('approve')] },
    ] as never,
  })
  expect(await band.run(`Fix${hidden} it`)).toMatchObject({ outcome: 'success' })
  const events = band.events()
  for (const [role, prompt] of prompts(events)) expect(prompt, role).not.toMatch(sneaky)
  expect(promptOf(events, 'planner')).toContain(`Fix${shown} it`)
  expect(promptOf(events, 'coder')).toContain(`Do${shown} it`)
  expect(promptOf(events, 'coder')).toContain(`note${shown}`)
  expect(promptOf(events, 'code-reviewer')).toContain(`+// diff${shown}\n+<!-- a comment -->`)
  // The log holds what was said as it was said.
  expect(JSON.stringify(events.filter(({ type }) => type === 'PlanSubmitted'))).toContain(`Do${hidden} it`)
  expect(await band.again()).toMatchObject({ equal: true })
})

test('what a spawned role gives is JSON still, and one may see all of it', async () => {
  const helper: Role = {
    id: 'helper',
    description: 'Says what the other one says.',
    tools: ['spawn_roles'],
    spawnableRoles: ['other'],
  }
  const other: Role = { id: 'other', description: 'Says.', output: { type: 'string' } as never }
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['helper'],
    *steps({ band }) {
      yield* band.spawn('helper' as never, {} as never)
    },
  }
  const band = recordedBand({
    roles: [helper, other, conductor],
    turns: [
      { role: 'helper', steps: [{ call: 'spawn_roles', input: { role: 'other' } }] },
      { role: 'other', steps: [{ call: 'set_output', input: { output: `said${hidden}` } }] },
    ],
  })
  expect(await band.run()).toMatchObject({ outcome: 'success' })
  const given = band.events().find((event) => event.type === 'ToolReturned' && event.tool === 'spawn_roles')
  const output = given?.type === 'ToolReturned' ? given.output : ''
  expect(output).not.toMatch(sneaky)
  expect(JSON.parse(output)).toBe(`said${hidden}`)
  expect(await band.again()).toMatchObject({ equal: true })
})

test('a log of an older codeband, which handed such characters on, asks the same', () => {
  const started = (prompt: string) =>
    ({ type: 'TurnStarted', at: 1, seq: 1, task: 't1', turn: 't', systemPrompt: 's', prompt }) as Recorded
  expect(same(started(`Fix${shown} it`), started(`Fix${hidden} it`))).toBe(true)
  expect(same(started('Fix it'), started(`Fix${hidden} it`))).toBe(false)
})
