import { expect, test } from 'vitest'
import { taskOf } from '../../core/protocol/state.ts'
import { assigned, coding, ended, given, started } from './given.ts'

const late = {
  type: 'RecordViolation',
  task: 't1',
  turn: '1',
  worker: 'coder-openai-0',
  role: 'coder',
  tool: 'write_file',
  code: 'stale-epoch',
  reason: '',
  inputHash: 'h',
} as const
const recorded = { ...late, type: 'ViolationRecorded' } as const
const played = given(...started, assigned(), coding('1'))
const over = played.and(ended('1'), { type: 'EndTask', task: 't1', outcome: 'failed', reason: '' })

test('a refusal is told while its turn runs, when it has ended, and when its task has (I-34)', () => {
  played.when(late).then(recorded)
  played.and(ended('1')).when(late).then(recorded)
  over.when(late).then(recorded)
  const { violations, ...before } = taskOf(over.state, 't1')!
  expect(taskOf(over.and(late).state, 't1')).toEqual({ ...before, violations: violations + 1 })
})

test('a task that has ended takes nothing else, and no refusal of a turn that it never had', () => {
  over.when({ ...late, turn: '2' }).rejects('task-ended')
  over.when({ ...late, turn: undefined as never }).rejects('task-ended')
  over.when({ type: 'RecordText', task: 't1', turn: '1', text: 'x' }).rejects('task-ended')
  over.when(coding('2')).rejects('task-ended')
})

test('a refusal is told of the worker whose turn it is, and of a turn that there is', () => {
  played.when({ ...late, worker: 'coder-openai-1' }).rejects('authz')
  played.when({ ...late, turn: '2' }).rejects('authz')
})
