import { type Command, isRejection, type Rejection, rejection } from './commands.ts'
import type { Event } from './events.ts'
import { decideLanding } from './landing.ts'
import { isOpposite } from './pairing.ts'
import { planProblem } from './plan.ts'
import type { State, Subject, Task, Turn } from './state.ts'
import { get } from './table.ts'

/** What follows from a command, or why not. Pure; never throws. */
export function decide(command: Command, state: State): readonly Event[] | Rejection {
  const { at } = command
  switch (command.type) {
    case 'TakeLead':
      if (command.epoch <= state.epoch)
        return rejection('stale-epoch', `epoch ${command.epoch} is not above ${state.epoch}`)
      return [{ type: 'LeaderElected', at, epoch: command.epoch, process: command.process }]
    case 'SubmitTask':
      if (command.text.trim() === '') return rejection('empty-task', 'the task has no text')
      if (state.tasks[command.task]) return rejection('duplicate', `there is a task '${command.task}' already`)
      return [
        { type: 'TaskSubmitted', at, task: command.task, text: command.text, policy: command.policy, by: command.by },
      ]
    case 'Approve':
    case 'Reject':
      return decideApproval(command, state)
    default: {
      const task = state.tasks[command.task]
      if (task === undefined) return rejection('unknown-task', `there is no task '${command.task}'`)
      if (task.status === 'ended') return rejection('task-ended', `task '${task.id}' has ended (${task.outcome})`)
      return decideTask(command, task)
    }
  }
}

type TaskCommands = Exclude<Command, { type: 'TakeLead' | 'SubmitTask' | 'Approve' | 'Reject' }>
type Of<T extends Command['type']> = Extract<Command, { type: T }>

function decideTask(command: TaskCommands, task: Task): readonly Event[] | Rejection {
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
      return [{ type: 'TaskEnded', at, task: task.id, outcome: command.outcome, reason: command.reason }]
    case 'BeginEffect':
      return beginEffect(command, task)
    case 'EndEffect':
    case 'FailEffect':
      return endEffect(command, task)
    case 'BeginTurn':
      return beginTurn(command, task)
    case 'RecordText':
    case 'RecordCall':
    case 'RecordReturn':
      return recordInTurn(command, task)
    case 'RecordViolation': {
      const { turn, worker, role, tool, code, reason, inputHash } = command
      return [{ type: 'ViolationRecorded', at, task: task.id, turn, worker, role, tool, code, reason, inputHash }]
    }
    case 'EndTurn': {
      const turn = running(task, command.turn)
      if (isRejection(turn)) return turn
      const { outcome, failure, usage, session, ms } = command
      return [
        {
          type: 'TurnEnded',
          at,
          task: task.id,
          turn: turn.id,
          worker: turn.worker,
          outcome,
          failure,
          usage,
          session,
          ms,
        },
      ]
    }
    case 'SubmitPlan':
      return submitPlan(command, task)
    case 'SubmitChange':
      return submitChange(command, task)
    case 'SubmitVerdict':
      return submitVerdict(command, task)
    default:
      return decideLanding(command, task)
  }
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

function beginTurn(command: Of<'BeginTurn'>, task: Task): readonly Event[] | Rejection {
  const {
    at,
    turn,
    place,
    worker,
    role,
    definition,
    framework,
    family,
    purpose,
    subject: id,
    on,
    systemPrompt,
    prompt,
  } = command
  if (task.status !== 'running') return rejection('state', `task '${task.id}' is ${task.status}`)
  if (task.turns[turn]) return rejection('duplicate', `there is a turn '${turn}' already`)
  const here = Object.values(task.turns).filter((one) => one.place === place)
  const retry = here.filter(({ status }) => status === 'failed' || status === 'void').length
  if (retry > task.policy.retries)
    return rejection('retries', `${retry} turns failed at ${place}; the limit is ${task.policy.retries} retries`)
  const subject = id === undefined ? undefined : task.subjects[id]
  if (purpose === 'produce' && subject) {
    if (subject.status === 'approved' || subject.status === 'landed')
      return rejection('state', `'${id}' is ${subject.status} already`)
    if (subject.rounds >= task.policy.rounds)
      return rejection('rounds', `${subject.rounds} rounds without agreement on '${id}'`)
  }
  if (purpose === 'review') {
    if (subject === undefined) return rejection('state', `there is nothing to review at '${id}'`)
    if (subject.on !== on) return rejection('wrong-commit', `'${id}' is at ${subject.on}, not at ${on}`)
    const denied = sameFamily(family, subject, task)
    if (denied) return denied
  }
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
      subject: id,
      on,
      round: Math.max(round, 1),
      retry,
      systemPrompt,
      prompt,
    },
  ]
}

function recordInTurn(
  command: Of<'RecordText'> | Of<'RecordCall'> | Of<'RecordReturn'>,
  task: Task,
): readonly Event[] | Rejection {
  const { at } = command
  const turn = running(task, command.turn)
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

function submitPlan(
  { at, subject: id, turn: turnId, plan, hash, input }: Of<'SubmitPlan'>,
  task: Task,
): readonly Event[] | Rejection {
  const turn = contributing(task, turnId)
  if (isRejection(turn)) return turn
  if (turn.subject !== id) return rejection('authz', `turn '${turnId}' does not make '${id}'`)
  const problem = planProblem(plan)
  if (problem) return rejection('plan', problem)
  const { worker, family, role } = turn
  return [
    { type: 'PlanSubmitted', at, task: task.id, subject: id, turn: turnId, worker, family, role, plan, hash, input },
  ]
}

function submitChange(command: Of<'SubmitChange'>, task: Task): readonly Event[] | Rejection {
  const { at, subject: id, turn: turnId, commit, tree, base, files, message, input } = command
  const turn = contributing(task, turnId)
  if (isRejection(turn)) return turn
  if (turn.subject !== id) return rejection('authz', `turn '${turnId}' does not make '${id}'`)
  if (files.length === 0) return rejection('empty-change', 'the change has no difference')
  const last = task.subjects[id]
  // Its base moves only where the landing sent it back: then it starts anew on what the branch is by now.
  if (last && last.base !== base && last.status !== 'returned')
    return rejection('base-mismatch', `'${id}' began at ${last.base}, not at ${base}`)
  const { worker, family, role } = turn
  return [
    {
      type: 'ChangeSubmitted',
      at,
      task: task.id,
      subject: id,
      turn: turnId,
      worker,
      family,
      role,
      commit,
      tree,
      base,
      files,
      message,
      input,
    },
  ]
}

/** The commit, the family and the worker come from the turn, never from the call. */
function submitVerdict({ at, turn: turnId, verdict }: Of<'SubmitVerdict'>, task: Task): readonly Event[] | Rejection {
  const turn = contributing(task, turnId)
  if (isRejection(turn)) return turn
  const subject = turn.subject === undefined ? undefined : task.subjects[turn.subject]
  if (subject === undefined) return rejection('authz', `turn '${turnId}' judges nothing`)
  if (turn.on !== subject.on)
    return rejection('wrong-commit', `'${subject.id}' has moved from ${turn.on} to ${subject.on}`)
  if (subject.status !== 'submitted') return rejection('duplicate', `'${subject.id}' is ${subject.status} already`)
  const denied = sameFamily(turn.family, subject, task)
  if (denied) return denied
  const same = isOpposite(turn.family, subject.families) ? undefined : (true as const)
  const { worker, family } = turn
  return [
    {
      type: 'VerdictGiven',
      at,
      task: task.id,
      subject: subject.id,
      on: subject.on,
      turn: turnId,
      worker,
      family,
      verdict,
      sameFamily: same,
    },
  ]
}

function sameFamily(family: string, subject: Subject, task: Task): Rejection | undefined {
  if (task.policy.opposition === 'waived' || isOpposite(family, subject.families)) return undefined
  return rejection('same-family', `family '${family}' wrote '${subject.id}' and cannot judge it`)
}

function running(task: Task, id: string): Turn | Rejection {
  const turn = task.turns[id]
  if (turn === undefined) return rejection('authz', `there is no turn '${id}'`)
  return turn.status === 'running' ? turn : rejection('stale-epoch', `turn '${id}' has ended`)
}

/** A turn that may hand over a product: it runs, or its role's program went on after it and nothing of the subject came later. */
function contributing(task: Task, id: string): Turn | Rejection {
  const turn = task.turns[id]
  if (turn?.status !== 'done') return running(task, id)
  const last = Object.values(task.turns).findLast(({ subject }) => subject === turn.subject)
  return last?.id === id ? turn : rejection('stale-epoch', `turn '${id}' is not the last one on '${turn.subject}'`)
}

function decideApproval(command: Of<'Approve'> | Of<'Reject'>, state: State): readonly Event[] | Rejection {
  const { at, approval: id, by } = command
  const approval = Object.values(state.tasks)
    .map((task) => task.approvals[id])
    .find((one) => one !== undefined)
  if (approval === undefined) return rejection('unknown-approval', `there is no approval '${id}'`)
  if (approval.status !== 'waiting')
    return rejection('stale-approval', `approval '${id}' is ${approval.status} already`)
  const { task, commit, base, tree } = approval
  if (command.type === 'Approve') return [{ type: 'ApprovalGiven', at, task, approval: id, commit, base, tree, by }]
  return [{ type: 'ApprovalRefused', at, task, approval: id, why: command.why, by }]
}
