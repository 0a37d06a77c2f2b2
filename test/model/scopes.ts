import type { Command } from '../../core/protocol/commands.ts'
import type { Policy } from '../../core/protocol/events.ts'
import type { Group, Scope } from './world.ts'

const policy: Policy = {
  definitions: 'd',
  target: 'main',
  opposition: 'required',
  autoMerge: 'low',
  rounds: 2,
  retries: 1,
  outages: 1,
  sandbox: 'if-available',
}
const coders = ['coder-anthropic-0', 'coder-openai-0']
const may = (...groups: Group[]): ReadonlySet<Group> => new Set(groups)
const one = { tasks: ['t1'], policy, subjects: ['a'], coders, candidates: 0, pushes: 0 } as const

/** The parts of the space. Each holds all that can happen with what it may ask, so that most of them can be seen whole; the last one
 *  holds everything at once and is cut off. */
export const scopes: readonly Scope[] = [
  {
    ...one,
    name: 'reassign',
    says: 'a change is made, judged, given up and taken from its maker, also by a second worker of the same family',
    short: 20_000,
    coders: [...coders, 'coder-openai-1'],
    may: may('produce', 'review', 'reassign', 'cancel', 'crash'),
    pushes: 1,
  },
  {
    ...one,
    name: 'failures',
    says: 'turns fail by what they do and by the world; the task is parked, taken up again and cancelled',
    short: 10_000,
    may: may('produce', 'review', 'fail', 'park', 'cancel', 'crash', 'talk'),
  },
  {
    ...one,
    name: 'plans',
    says: 'plans are judged as changes are, and a circular one is none',
    short: 10_000,
    may: may('produce', 'review', 'plan', 'reassign', 'park', 'crash'),
  },
  {
    ...one,
    name: 'landing',
    says: 'an approved change lands, comes back, is approved and refused by two people, and the branch moves under it',
    short: 100_000,
    may: may('produce', 'review', 'land', 'approve', 'cancel', 'crash'),
    candidates: 2,
    pushes: 1,
    start: (task) => approvedChange(task, 'a', policy),
  },
  {
    ...one,
    name: 'waived',
    says: 'one family only: a person waived opposition, and checks must be sandboxed',
    short: 36_000,
    policy: { ...policy, opposition: 'waived', autoMerge: 'critical', sandbox: 'required' },
    coders: coders.slice(0, 1),
    may: may('produce', 'review', 'land', 'approve', 'park', 'cancel'),
    candidates: 2,
    pushes: 0,
  },
  {
    ...one,
    name: 'batch',
    says: 'two changes land together or one by one',
    short: 36_000,
    subjects: ['a', 'b'],
    policy: { ...policy, autoMerge: 'critical' },
    may: may('land', 'approve', 'cancel'),
    candidates: 3,
    pushes: 1,
    start: (task) => [...approvedChange(task, 'a', policy), ...approvedChange(task, 'b', policy).slice(2)],
  },
  {
    ...one,
    name: 'budgets',
    says: 'turns spend from a node below and from the task, set aside, come back for more, and die with their process',
    short: 36_000,
    policy: { ...policy, caps: { turns: 3, tokens: 4 } },
    caps: { tokens: 3 },
    may: may('produce', 'review', 'fail', 'budget', 'crash', 'cancel'),
  },
  {
    ...one,
    name: 'effects',
    says: 'the journal of two programs, parked, cancelled, in processes that die',
    short: 20_000,
    tasks: ['t1', 't2'],
    subjects: [],
    may: may('effects', 'park', 'cancel', 'crash', 'talk'),
  },
  {
    ...one,
    name: 'two tasks',
    says: 'two tasks share the workers and the branch',
    short: 36_000,
    tasks: ['t1', 't2'],
    policy: { ...policy, rounds: 1 },
    may: may('produce', 'review', 'land', 'cancel', 'crash'),
    candidates: 2,
  },
  {
    ...one,
    name: 'all',
    says: 'two tasks, and everything that can be asked',
    short: 36_000,
    tasks: ['t1', 't2'],
    coders: [...coders, 'coder-openai-1'],
    policy: { ...policy, caps: { tokens: 8 } },
    caps: { tokens: 4 },
    may: may(
      'produce',
      'review',
      'reassign',
      'fail',
      'land',
      'approve',
      'park',
      'cancel',
      'crash',
      'budget',
      'effects',
    ),
    candidates: 2,
    pushes: 1,
    start: (task) => approvedChange(task, 'a', { ...policy, caps: { tokens: 8 } }),
  },
]

/** A task that begins, and a change of it that is approved. */
function approvedChange(task: string, subject: string, of: Policy): Command[] {
  const leader = { at: 0, who: { kind: 'leader', epoch: 0 } } as const
  const usage = { inputTokens: 0, outputTokens: 0 }
  const turn = { type: 'BeginTurn', task, subject, framework: '', systemPrompt: '', prompt: '', ...leader } as const
  const [make, judge] = subject === 'a' ? [`${task}#0`, `${task}#1`] : [`${task}#2`, `${task}#3`]
  const [worker, family] = ['coder-anthropic-0', 'anthropic']
  const [judgeWorker, other] = ['judge-openai-0', 'openai']
  const verdict = { decision: 'approve', findings: [], risk: 'low', summary: '' } as const
  return [
    { type: 'SubmitTask', task, text: 'do it', policy: of, by: 'ada', at: 0, who: { kind: 'person', name: 'ada' } },
    { type: 'StartTask', task, base: 'm0', ...leader },
    { type: 'AssignWorker', task, subject, worker, family, start: 'goes-on', reason: '', ...leader },
    { ...turn, turn: make, worker, family, role: 'coder', purpose: 'produce', place: `make ${subject} 0` },
    {
      type: 'SubmitChange',
      task,
      subject,
      turn: make,
      commit: `${subject}1`,
      tree: 't',
      base: 'm0',
      files: ['a'],
      message: 'm',
      input: {},
      ...leader,
    },
    { type: 'EndTurn', task, turn: make, outcome: 'done', usage, ms: 0, ...leader },
    {
      ...turn,
      turn: judge,
      worker: judgeWorker,
      family: other,
      role: 'judge',
      purpose: 'review',
      on: `${subject}1`,
      place: `judge ${subject} 1`,
    },
    { type: 'SubmitVerdict', task, turn: judge, verdict, ...leader },
    { type: 'EndTurn', task, turn: judge, outcome: 'done', usage, ms: 0, ...leader },
  ]
}
