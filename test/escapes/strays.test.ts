import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTrace } from '../../adapters/cli/trace.ts'
import type { Recorded, Role } from '../../adapters/index.ts'
import { type Options, recordedBand } from '../runtime/replay/band.ts'

const write = (path: string, content: string) => ({ call: 'write_file', input: { path, content } })
const mess = { call: 'run_command', input: { command: 'sh mess.sh' } }
const strays = (events: readonly Recorded[]) => events.filter((event) => event.type === 'StraysRemoved')

/** A band of one helper whose command leaves what `leaves` says. */
function messy(leaves: string, more: Partial<Role>, turns: Options['turns'] = []) {
  const helper: Role = {
    id: 'helper',
    description: 'Helps.',
    produces: 'change',
    writes: ['a.txt'],
    tools: ['write_file', { name: 'run_command', allowedCommands: ['sh mess.sh'] }],
    ...more,
  }
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['helper'],
    *steps({ band }) {
      yield* band.spawn('helper' as never, {} as never)
    },
  }
  return recordedBand({
    roles: [helper, conductor],
    files: { 'mess.sh': `${leaves}\n`, '.gitignore': 'build/\n' },
    turns,
  })
}

describe('files that a turn leaves outside of what its role may write', () => {
  test('are removed and told: how many, and the first twenty of them, and no ignored one', async () => {
    const leaves = 'mkdir -p build d; echo x > build/o; for i in $(seq 10 33); do echo x > d/$i.log; done; echo x > e'
    const band = messy(leaves, {}, [{ role: 'helper', steps: [write('a.txt', 'b\n'), mess] }])
    expect(await band.run()).toMatchObject({ outcome: 'success' })
    const events = band.events()
    const paths = Array.from({ length: 20 }, (_, index) => `d/${index + 10}.log`)
    const told = { worker: 'helper-claude-0', role: 'helper', turn: 't1/conductor/0#0', count: 25, paths }
    expect(strays(events)).toEqual([expect.objectContaining(told)])
    expect(events.flatMap((event) => (event.type === 'ChangeSubmitted' ? event.files : []))).toEqual([])
    expect(events.at(strays(events)[0]!.seq)!.type).toBe('TurnEnded')
    expect(events.some(({ type }) => type === 'ViolationRecorded')).toBe(false)
    expect(existsSync(join(band.repo, '..', 'home', 'worktrees', 'helper-claude-0', 'd', '10.log'))).toBe(false)
    expect(await band.again()).toMatchObject({ equal: true })
    // Where more may be written now, they would stay.
    const wider = { id: 'helper', description: 'Helps.', produces: 'change', writes: ['a.txt', 'd/**', 'e'] } as const
    const tools = ['write_file', { name: 'run_command', allowedCommands: ['sh mess.sh'] }] as const
    expect(await band.again({ roles: [{ ...wider, tools } as never] })).toMatchObject({ equal: false })
  })

  test('are told also of a turn that fails, and of a call of a program', async () => {
    let tries = 0
    const reading = messy('echo x > left', {}, () =>
      tries++ === 0 ? [mess, { fail: 'refusal', detail: 'no' }] : [write('a.txt', 'b\n'), mess],
    )
    expect(await reading.run()).toMatchObject({ outcome: 'success' })
    expect(strays(reading.events()).map(({ turn, paths }) => [turn, paths])).toEqual([
      ['t1/conductor/0#0', ['left']],
      ['t1/conductor/0#1', ['left']],
    ])
    expect(await reading.again()).toMatchObject({ equal: true })

    const calling = messy('echo x > left', {
      *steps({ band }) {
        yield* band.tool('run_command', mess.input)
      },
    })
    expect(await calling.run()).toMatchObject({ outcome: 'success' })
    const [told] = strays(calling.events())
    expect(told).toMatchObject({ place: 'conductor/0/helper/0', count: 1, paths: ['left'] })
    expect(told).not.toHaveProperty('turn')
    expect(await calling.again()).toMatchObject({ equal: true })
  })

  test('are nothing to tell where there are none', async () => {
    const band = messy('mkdir build; echo x > build/o', {}, [{ role: 'helper', steps: [write('a.txt', 'b\n'), mess] }])
    expect(await band.run()).toMatchObject({ outcome: 'success' })
    expect(strays(band.events())).toEqual([])
  })
})

test('the trace shows strays as one dim line', () => {
  const event = { type: 'StraysRemoved', at: 1, seq: 1, task: 't1', worker: 'w', role: 'r' } as const
  const line = (count: number, paths: string[]) => openTrace()({ ...event, count, paths })
  expect(line(3, ['a', 'b', 'c'])).toEqual([{ who: 'w', text: 'removed 3 stray files: a, b, c', tone: 'quiet' }])
  expect(line(1, ['a'])[0]!.text).toBe('removed 1 stray file: a')
  expect(line(3, ['a'])[0]!.text).toBe('removed 3 stray files: a, ...')
})
