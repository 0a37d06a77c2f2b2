import { describe, expect, test } from 'vitest'
import { taskOf } from '../../core/protocol/state.ts'
import { assigned, coding, ended, given, started } from './given.ts'

const cancel = { type: 'CancelTask', task: 't1', why: 'no', by: 'ada' } as const
const asked = { type: 'CancelRequested', task: 't1', why: 'no', by: 'ada' } as const
const over = { type: 'TaskEnded', task: 't1', outcome: 'cancelled', reason: 'no' } as const
const park = { type: 'ParkTask', task: 't1', reason: 'infrastructure', detail: '' } as const

describe('cancelling', () => {
  test('a task that nobody took up, and a parked one, end at once', () => {
    given(started[0]!).when(cancel).then(asked, over)
    given(...started, park)
      .when(cancel)
      .then(asked, over)
  })

  test('a parked task with a turn that runs is wound down first, and its worker is free again (I-12)', () => {
    const scene = given(...started, assigned(), coding('1'), park)
    scene.when(cancel).then(asked)
    const down = scene.and(cancel, ended('1'), { type: 'EndTask', task: 't1', outcome: 'cancelled', reason: 'no' })
    expect(down.state.busy).toEqual({})
    expect(taskOf(down.state, 't1')?.outcome).toBe('cancelled')
  })

  test('a cancelled task begins nothing and ends as nothing else', () => {
    const scene = given(...started, assigned(), cancel)
    scene.when(coding('1')).rejects('cancelled')
    scene.when({ type: 'EndTask', task: 't1', outcome: 'success', reason: '' }).rejects('cancelled')
  })
})
