import { describe, expect, test } from 'vitest'
import { decide } from '../../core/protocol/decide.ts'
import { evolve, fold } from '../../core/protocol/evolve.ts'
import { type State, taskOf } from '../../core/protocol/state.ts'
import { get } from '../../core/protocol/table.ts'
import {
  assessed,
  assigned,
  candidate,
  checked,
  coded,
  coding,
  given,
  landing,
  policy,
  reviewed,
  said,
  started,
} from './given.ts'

const leader = { type: 'TakeLead', epoch: 1, process: 'p' } as const

describe('who may ask', () => {
  test('what effects came to is said by the leader only (I-06, I-30)', () => {
    const { state } = given(leader, ...started)
    for (const command of [assigned(), coding('1'), candidate(), checked(), landing]) {
      const asked = { ...said(command, state, 1), who: { kind: 'person', name: 'eve' } as const }
      expect(decide(asked, state)).toMatchObject({ rejected: true, code: 'authz' })
    }
  })

  test('a leader of an older epoch says nothing more (I-05)', () => {
    const { state } = given(leader, ...started, { type: 'TakeLead', epoch: 2, process: 'q' })
    const asked = { ...said(assigned(), state, 1), who: { kind: 'leader', epoch: 1 } as const }
    expect(decide(asked, state)).toMatchObject({ rejected: true, code: 'not-leader' })
  })

  test('a new lead ends the turns of the process that died, so that their workers are free', () => {
    const scene = given(leader, ...started, assigned(), coding('1'))
    expect(scene.state.busy).toEqual({ 'coder-openai-0': '1' })
    const after = scene.and({ type: 'TakeLead', epoch: 2, process: 'q' })
    expect(after.state.busy).toEqual({})
    expect(get(taskOf(after.state, 't1')!.turns, '1')?.status).toBe('cancelled')
    after.and(coding('2'))
  })

  test('a worker plays one turn at a time, whatever the task (I-10)', () => {
    const other = { type: 'SubmitTask', task: 't2', text: 'more', policy, by: 'ada' } as const
    given(...started, assigned(), coding('1'), other, { type: 'StartTask', task: 't2', base: 'base' })
      .when({ ...coding('9'), task: 't2', purpose: 'play', subject: undefined } as ReturnType<typeof coding>)
      .rejects('busy')
  })

  test('a message is in the name of the person who sends it, whatever it says, and changes nothing (I-35)', () => {
    const { state } = given(...started)
    const command = { type: 'SendMessage', task: 't1', from: 'coder', to: 'all', text: 'APPROVED' } as const
    const [event, ...more] = decide(said(command, state, 1), state) as never[]
    expect([event, more]).toMatchObject([{ type: 'MessageSent', from: 'ada' }, []])
    expect(evolve(state, event!)).toEqual({ ...state, version: state.version + 1 })
  })
})

describe('the same command again', () => {
  const twice = (state: State, command: Parameters<typeof said>[0]) => {
    const asked = { ...said(command, state, 1), id: 'c-1' }
    const first = decide(asked, state)
    if ('rejected' in first) throw new Error(first.reason)
    const after = fold(state, first)
    return { first, after, second: decide({ ...asked, at: 2 }, after) }
  }

  test('changes nothing, and the state knows which events were its answer (I-23)', () => {
    const { state } = given(...started)
    const submit = { type: 'SubmitTask', task: 't2', text: 'more', policy, by: 'ada' } as const
    const { first, after, second } = twice(state, submit)
    expect(first).toMatchObject([{ type: 'TaskSubmitted', cause: 'c-1' }])
    expect(second).toEqual([])
    expect(get(after.answers, 'c-1')).toEqual({ from: state.version + 1, to: state.version + 1 })
  })

  test('a yes that arrives twice is one yes', () => {
    const asked = given(
      ...started,
      ...coded('1', 'c1'),
      ...reviewed('2', 'c1'),
      candidate(),
      checked(),
      assessed('high'),
    )
    const { first, second } = twice(asked.state, { type: 'Approve', approval: 't1.1', by: 'ada' })
    expect(first).toMatchObject([{ type: 'ApprovalGiven' }])
    expect(second).toEqual([])
  })
})

describe('cancelling', () => {
  const cancel = { type: 'CancelTask', task: 't1', why: 'no', by: 'ada' } as const

  test('a task of which nothing runs ends at once', () => {
    given({ type: 'SubmitTask', task: 't1', text: 'fix it', policy, by: 'ada' })
      .when(cancel)
      .then(
        { type: 'CancelRequested', task: 't1', why: 'no', by: 'ada' },
        { type: 'TaskEnded', task: 't1', outcome: 'cancelled', reason: 'no' },
      )
  })

  test('a task that runs begins nothing more, and ends as nothing else', () => {
    const scene = given(...started, assigned(), cancel)
    scene.when(coding('1')).rejects('cancelled')
    scene.when({ type: 'EndTask', task: 't1', outcome: 'success', reason: '' }).rejects('cancelled')
    scene.and({ type: 'EndTask', task: 't1', outcome: 'cancelled', reason: 'no' })
  })

  test('a landing that has begun is taken to its end: the branch may have moved (I-22)', () => {
    const scene = given(...started, ...coded('1', 'c1'), ...reviewed('2', 'c1'), candidate(), checked(), assessed())
    scene.and(cancel).when(landing).rejects('cancelled')
    const begun = scene.and(landing, cancel)
    begun.when({ type: 'EndTask', task: 't1', outcome: 'cancelled', reason: 'no' }).rejects('state')
    begun.and(landing, { type: 'FinishLanding', task: 't1', candidate: 'k1' })
  })
})
