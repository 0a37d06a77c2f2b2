import { type Command, isPersons, type Rejection, rejection } from './commands.ts'
import { decideBudget } from './decide-budget.ts'
import { decidePerson } from './decide-person.ts'
import { decideProduct } from './decide-product.ts'
import { decideTurn } from './decide-turn.ts'
import type { Event } from './events.ts'
import { decideLanding } from './landing.ts'
import { type State, type Task, tasksOf } from './state.ts'
import { get } from './table.ts'

/** What follows from a command, or why not. Pure; never throws. */
export function decide(command: Command, state: State): readonly Event[] | Rejection {
  const { id } = command
  // Said already: the log gives the first answer again.
  if (id !== undefined && get(state.answers, id)) return []
  const answer = mayAsk(command, state) ?? judge(command, state)
  return id === undefined || 'rejected' in answer ? answer : answer.map((event) => ({ ...event, cause: id }))
}

/** Any process may ask in a person's name; what effects came to is the leader's word, and only the current one's. */
function mayAsk({ who, type }: Command, state: State): Rejection | undefined {
  if (isPersons(type)) return undefined
  if (who.kind !== 'leader') return rejection('authz', `'${type}' is the leader's to ask, not ${who.name}'s`)
  if (type === 'TakeLead' || who.epoch === state.epoch) return undefined
  return rejection('not-leader', `epoch ${who.epoch} leads no more: it is epoch ${state.epoch}`)
}

function judge(command: Command, state: State): readonly Event[] | Rejection {
  if (isPersonsCommand(command)) return decidePerson(command, state)
  const { at } = command
  if (command.type === 'TakeLead') {
    const { epoch, process } = command
    if (epoch <= state.epoch) return rejection('stale-epoch', `epoch ${epoch} is not above ${state.epoch}`)
    return [{ type: 'LeaderElected', at, epoch, process }, ...deadTurns(at, state)]
  }
  const task = get(state.tasks, command.task)
  if (task === undefined) return rejection('unknown-task', `there is no task '${command.task}'`)
  if (task.status === 'ended' && !isLateCall(command, task))
    return rejection('task-ended', `task '${task.id}' has ended (${task.outcome})`)
  if (task.cancel && begins.has(command.type) && !isLanding(command, task))
    return rejection('cancelled', `${task.cancel.by} cancelled '${task.id}'`)
  return decideTask(command, task, state)
}

/** Turns of a process that led before: their clients died with it, so they are played again. */
function deadTurns(at: number, state: State): Event[] {
  const failure = { kind: 'crashed', detail: 'the process ended during the turn' }
  const usage = { inputTokens: 0, outputTokens: 0 }
  return tasksOf(state).flatMap(({ id: task, running }) =>
    running.map((turn): Event => {
      const worker = Object.keys(state.busy).find((one) => state.busy[one] === turn) ?? 'unknown'
      return { type: 'TurnEnded', at, task, turn, worker, outcome: 'cancelled', failure, usage, ms: 0 }
    }),
  )
}

/** A client may outlive its task. What it tries then is refused by core, and law 1 has every refusal told: that is the one thing a log
 *  takes of a task that has ended, and it changes nothing but the count. */
function isLateCall(command: Command, task: Task): boolean {
  return command.type === 'RecordViolation' && command.turn !== undefined && get(task.turns, command.turn) !== undefined
}

type Of<T extends Command['type']> = Extract<Command, { type: T }>
type Persons = Of<'SubmitTask' | 'CancelTask' | 'Approve' | 'Reject' | 'SendMessage'>
type TaskCommands = Exclude<Command, Persons | { type: 'TakeLead' }>

const isPersonsCommand = (command: Command): command is Persons => isPersons(command.type)

/** What a cancelled task does no more: it winds down what it began, and begins nothing. */
const begins: ReadonlySet<string> = new Set<Command['type']>([
  'StartTask',
  'ParkTask',
  'BeginEffect',
  'BeginTurn',
  'AssignWorker',
  'BuildCandidate',
  'BeginLanding',
])

/** A landing whose intent is in the log is taken to its end: the branch may have moved already. */
function isLanding(command: TaskCommands, task: Task): boolean {
  return command.type === 'BeginLanding' && task.candidates[command.candidate]?.status === 'landing'
}

function decideTask(command: TaskCommands, task: Task, { busy }: State): readonly Event[] | Rejection {
  const { at } = command
  switch (command.type) {
    case 'StartTask':
      if (task.status !== 'queued') return rejection('state', `task '${task.id}' has started already`)
      return [{ type: 'TaskStarted', at, task: task.id, base: command.base }]
    case 'ParkTask':
      if (task.status !== 'running') return rejection('state', `task '${task.id}' is ${task.status}`)
      return [{ type: 'TaskParked', at, task: task.id, reason: command.reason, detail: command.detail }]
    case 'ResumeTask':
      return task.status === 'parked' ? [{ type: 'TaskResumed', at, task: task.id }] : []
    case 'EndTask':
      return endTask(command, task)
    case 'BeginEffect':
      return beginEffect(command, task)
    case 'EndEffect':
    case 'FailEffect':
      return endEffect(command, task)
    case 'BeginTurn':
    case 'RecordText':
    case 'RecordCall':
    case 'RecordReturn':
    case 'RecordViolation':
    case 'ReportStrays':
    case 'EndTurn':
    case 'NoticeStall':
      return decideTurn(command, task, busy)
    case 'OpenBudget':
    case 'ReserveMore':
      return decideBudget(command, task)
    case 'AssignWorker':
    case 'AbandonSubject':
    case 'SubmitPlan':
    case 'SubmitChange':
    case 'SubmitVerdict':
      return decideProduct(command, task)
    case 'RemindPerson': {
      const approval = task.approvals[command.approval]
      if (approval?.status !== 'waiting') return rejection('state', `'${command.approval}' waits for nobody`)
      return [{ type: 'PersonReminded', at, task: task.id, approval: approval.id, times: approval.reminders + 1 }]
    }
    default:
      return decideLanding(command, task)
  }
}

function endTask({ at, outcome, reason }: Of<'EndTask'>, task: Task): readonly Event[] | Rejection {
  if (task.cancel && outcome !== 'cancelled')
    return rejection('cancelled', `${task.cancel.by} cancelled '${task.id}': it ends as nothing else`)
  if (task.running.length > 0) return rejection('state', `turn '${task.running[0]}' runs`)
  // Whether the branch moved is not known before somebody has looked.
  const landing = Object.values(task.candidates).find(({ status }) => status === 'landing')
  if (landing) return rejection('state', `candidate '${landing.id}' is landing`)
  return [{ type: 'TaskEnded', at, task: task.id, outcome, reason }]
}

function beginEffect({ at, place, effect }: Of<'BeginEffect'>, task: Task): readonly Event[] | Rejection {
  if (task.status !== 'running') return rejection('state', `task '${task.id}' is ${task.status}`)
  const entry = get(task.journal, place)
  if (entry === undefined) return [{ type: 'EffectStarted', at, task: task.id, place, effect }]
  if (entry.effect.hash !== effect.hash) {
    return rejection(
      'divergence',
      `at ${place} the program asks for '${effect.kind}', but the log has '${entry.effect.kind}' with other arguments`,
    )
  }
  return entry.end ? rejection('duplicate', `${place} has ended already`) : []
}

function endEffect(command: Of<'EndEffect'> | Of<'FailEffect'>, task: Task): readonly Event[] | Rejection {
  const { at, place } = command
  const entry = get(task.journal, place)
  if (entry === undefined) return rejection('state', `${place} has not begun`)
  if (entry.end) return rejection('duplicate', `${place} has ended already`)
  if (command.type === 'EndEffect') return [{ type: 'EffectEnded', at, task: task.id, place, result: command.result }]
  return [{ type: 'EffectFailed', at, task: task.id, place, outcome: command.outcome, reason: command.reason }]
}
