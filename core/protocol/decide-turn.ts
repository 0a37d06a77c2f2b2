import { reservation } from './budget.ts'
import { type Command, isRejection, type Rejection, rejection } from './commands.ts'
import type { Event } from './events.ts'
import { sameFamily } from './pairing.ts'
import { attemptsAt, type State, type Subject, type Task, type Turn } from './state.ts'
import { get } from './table.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>
type Commands = Of<
  | 'BeginTurn'
  | 'RecordText'
  | 'RecordCall'
  | 'RecordReturn'
  | 'RecordViolation'
  | 'ReportStrays'
  | 'EndTurn'
  | 'NoticeStall'
>

/** The rules of one prompt to a worker. */
export function decideTurn(command: Commands, task: Task, busy: State['busy']): readonly Event[] | Rejection {
  const { at } = command
  switch (command.type) {
    case 'BeginTurn':
      return beginTurn(command, task, busy)
    case 'RecordViolation': {
      const { turn, worker, role, tool, code, reason, inputHash } = command
      // Of a turn that has ended, too: a refusal is told whenever it comes.
      const problem = notOf(task, command)
      if (problem) return problem
      return [{ type: 'ViolationRecorded', at, task: task.id, turn, worker, role, tool, code, reason, inputHash }]
    }
    case 'ReportStrays': {
      const { turn, place, worker, role, count, paths } = command
      const problem = notOf(task, command)
      if (problem) return problem
      return [{ type: 'StraysRemoved', at, task: task.id, turn, place, worker, role, count, paths }]
    }
    case 'EndTurn': {
      const turn = runningTurn(task, command.turn)
      return isRejection(turn) ? turn : [endOf(turn, command)]
    }
    case 'NoticeStall': {
      const turn = runningTurn(task, command.turn)
      if (isRejection(turn)) return turn
      const { kind, detail } = command
      return [{ type: 'StallNoticed', at, task: task.id, turn: turn.id, worker: turn.worker, kind, detail }]
    }
    default:
      return recordInTurn(command, task)
  }

  function endOf(turn: Turn, { outcome, failure, usage, session, ms }: Of<'EndTurn'>): Event {
    const { id, worker } = turn
    return { type: 'TurnEnded', at, task: task.id, turn: id, worker, outcome, failure, usage, session, ms }
  }
}

/** Whoever tells something of a turn names the worker whose it is. */
function notOf(task: Task, { turn, worker }: { turn?: string; worker: string }): Rejection | undefined {
  if (turn === undefined) return undefined
  const known = get(task.turns, turn)
  if (known === undefined) return rejection('authz', `there is no turn '${turn}'`)
  return known.worker === worker ? undefined : rejection('authz', `turn '${turn}' is not ${worker}'s`)
}

/** The turn, if it runs and nobody else makes its product by now. */
export function runningTurn(task: Task, id: string): Turn | Rejection {
  const turn = get(task.turns, id)
  if (turn === undefined) return rejection('authz', `there is no turn '${id}'`)
  if (turn.status !== 'running') return rejection('stale-epoch', `turn '${id}' has ended`)
  return fenced(task, turn) ?? turn
}

export function fenced(task: Task, { id, purpose, subject, epoch }: Turn): Rejection | undefined {
  const now = purpose !== 'produce' || subject === undefined ? undefined : task.assignments[subject]
  if (now === undefined || now.epoch === epoch) return undefined
  return rejection('stale-epoch', `turn '${id}' is of epoch ${epoch}; '${subject}' is ${now.worker}'s since`)
}

function beginTurn(command: Of<'BeginTurn'>, task: Task, busy: State['busy']): readonly Event[] | Rejection {
  const { at, turn, place, worker, role, definition, framework, family, purpose, subject: id, on } = command
  const { systemPrompt, prompt, budget = '' } = command
  if (task.status !== 'running') return rejection('state', `task '${task.id}' is ${task.status}`)
  if (get(task.turns, turn)) return rejection('duplicate', `there is a turn '${turn}' already`)
  if (Object.hasOwn(busy, worker)) return rejection('busy', `'${worker}' plays turn '${busy[worker]}'`)
  const subject = id === undefined ? undefined : task.subjects[id]
  const problem =
    bounds(command, task, subject) ??
    (purpose === 'produce' && id !== undefined ? mayProduce(command, task, id, subject) : undefined) ??
    (purpose === 'review' ? mayReview(command, task, subject) : undefined)
  if (problem) return problem
  const aside = reservation(task.budgets, budget)
  if ('usedUp' in aside) return rejection('budget', aside.usedUp)
  const round = (subject?.rounds ?? 0) + (purpose === 'produce' ? 1 : 0)
  return [
    {
      type: 'TurnStarted',
      at,
      task: task.id,
      turn,
      place,
      worker,
      role,
      definition,
      framework,
      family,
      purpose,
      subject: id,
      epoch: purpose === 'produce' && id !== undefined ? task.assignments[id]?.epoch : undefined,
      on,
      round: Math.max(round, 1),
      retry: attemptsAt(task, place).failed,
      systemPrompt,
      prompt,
      budget,
      reserved: aside.reserved,
    },
  ]
}

/** Law 7: how often, whoever asks. */
function bounds(
  { place, purpose, limits }: Of<'BeginTurn'>,
  task: Task,
  subject: Subject | undefined,
): Rejection | undefined {
  const { failed, outages, resumes } = attemptsAt(task, place)
  const least = (limit: number, own: number | undefined): number => Math.min(limit, own ?? Number.POSITIVE_INFINITY)
  const retries = least(task.policy.retries, limits?.retries)
  if (failed > retries)
    return rejection('retries', `${failed} turns failed at ${place}; the limit is ${retries} retries`)
  if (resumes === task.resumes && outages > (task.policy.outages ?? 5))
    return rejection('infrastructure', `${outages} turns in a row failed at ${place} through no fault of theirs`)
  if (purpose === 'produce' && subject && subject.rounds >= least(task.policy.rounds, limits?.rounds))
    return rejection('rounds', `${subject.rounds} rounds without agreement on '${subject.id}'`)
  return undefined
}

function mayProduce(
  { worker, family }: Of<'BeginTurn'>,
  task: Task,
  id: string,
  subject: Subject | undefined,
): Rejection | undefined {
  if (subject && done.has(subject.status)) return rejection('state', `'${id}' is ${subject.status} already`)
  const now = task.assignments[id]
  if (now?.worker === worker && now.family === family) return undefined
  return rejection('authz', `'${id}' is ${now ? `${now.worker}'s` : "nobody's"}, not ${worker}'s`)
}

const done: ReadonlySet<string> = new Set<Subject['status']>(['approved', 'landed', 'abandoned'])

function mayReview(
  { on, family, subject: id }: Of<'BeginTurn'>,
  task: Task,
  subject: Subject | undefined,
): Rejection | undefined {
  if (subject === undefined) return rejection('state', `there is nothing to review at '${id}'`)
  if (subject.on !== on) return rejection('wrong-commit', `'${id}' is at ${subject.on}, not at ${on}`)
  return sameFamily(family, subject, task)
}

function recordInTurn(
  command: Of<'RecordText'> | Of<'RecordCall'> | Of<'RecordReturn'>,
  task: Task,
): readonly Event[] | Rejection {
  const { at } = command
  const turn = runningTurn(task, command.turn)
  if (isRejection(turn)) return turn
  const { worker } = turn
  if (command.type === 'RecordText')
    return [{ type: 'TextSaid', at, task: task.id, turn: turn.id, worker, text: command.text }]
  if (command.type === 'RecordCall') {
    const { call, tool, input } = command
    return [{ type: 'ToolCalled', at, task: task.id, turn: turn.id, worker, call, tool, input }]
  }
  const { call, tool, ok, output, sandbox } = command
  return [{ type: 'ToolReturned', at, task: task.id, turn: turn.id, worker, call, tool, ok, output, sandbox }]
}
