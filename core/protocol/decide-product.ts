import { type Command, isRejection, type Rejection, rejection } from './commands.ts'
import { fenced, runningTurn } from './decide-turn.ts'
import type { Event } from './events.ts'
import { isOpposite, sameFamily } from './pairing.ts'
import { planProblem } from './plan.ts'
import type { Task, Turn } from './state.ts'
import { get } from './table.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>
type Commands = Of<'AssignWorker' | 'AbandonSubject' | 'SubmitPlan' | 'SubmitChange' | 'SubmitVerdict'>

/** The rules of what turns hand over: who may make it, and who may judge it. */
export function decideProduct(command: Commands, task: Task): readonly Event[] | Rejection {
  switch (command.type) {
    case 'AssignWorker':
      return assign(command, task)
    case 'AbandonSubject': {
      const { at, subject: id, reason } = command
      const subject = task.subjects[id]
      if (subject === undefined || subject.status === 'approved' || subject.status === 'landed')
        return rejection('state', `'${id}' is ${subject?.status ?? 'unknown'}`)
      return subject.status === 'abandoned'
        ? []
        : [{ type: 'SubjectAbandoned', at, task: task.id, subject: id, reason }]
    }
    case 'SubmitPlan':
      return submitPlan(command, task)
    case 'SubmitChange':
      return submitChange(command, task)
    case 'SubmitVerdict':
      return submitVerdict(command, task)
  }
}

/** Law 3: a change goes on within its family, or starts from its base again. Whoever had it is fenced off: a turn of theirs that still
 *  runs is ended by the same decision. */
function assign(
  { at, subject: id, worker, family, start, reason }: Of<'AssignWorker'>,
  task: Task,
): readonly Event[] | Rejection {
  if (task.status !== 'running') return rejection('state', `task '${task.id}' is ${task.status}`)
  const status = task.subjects[id]?.status
  if (status === 'approved' || status === 'landed' || status === 'abandoned')
    return rejection('state', `'${id}' is ${status} already`)
  const now = task.assignments[id]
  if (start === 'goes-on' && now?.worker === worker && now.family === family) return []
  if (start === 'goes-on' && now && now.family !== family)
    return rejection('family', `'${id}' was begun by family '${now.family}': '${family}' must start afresh`)
  const ended = task.running.flatMap((turnId): Event[] => {
    const turn = get(task.turns, turnId)!
    if (turn.subject !== id || turn.purpose !== 'produce') return []
    const failure = { kind: 'cancelled', detail: `'${id}' went to '${worker}'` }
    const usage = { inputTokens: 0, outputTokens: 0 }
    return [
      {
        type: 'TurnEnded',
        at,
        task: task.id,
        turn: turnId,
        worker: turn.worker,
        outcome: 'cancelled',
        failure,
        usage,
        ms: 0,
      },
    ]
  })
  const epoch = (now?.epoch ?? 0) + 1
  // Who was to start afresh handed nothing over: there is nothing of theirs to go on from, only what another family wrote before.
  const from = now?.fresh && now.start === 'afresh' ? 'afresh' : start
  return [
    ...ended,
    { type: 'WorkerAssigned', at, task: task.id, subject: id, worker, family, epoch, start: from, reason },
  ]
}

function submitPlan(
  { at, subject: id, turn: turnId, plan, hash, input }: Of<'SubmitPlan'>,
  task: Task,
): readonly Event[] | Rejection {
  const turn = making(task, turnId, id)
  if (isRejection(turn)) return turn
  const problem = planProblem(plan)
  if (problem) return rejection('plan', problem)
  const { worker, family, role } = turn
  return [
    { type: 'PlanSubmitted', at, task: task.id, subject: id, turn: turnId, worker, family, role, plan, hash, input },
  ]
}

function submitChange(command: Of<'SubmitChange'>, task: Task): readonly Event[] | Rejection {
  const { at, subject: id, turn: turnId, commit, tree, base, files, message, input } = command
  const turn = making(task, turnId, id)
  if (isRejection(turn)) return turn
  if (task.subjects[id]?.on === commit) return rejection('duplicate', `'${id}' is at ${commit} already`)
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
  const subject = turn.subject === undefined || turn.purpose !== 'review' ? undefined : task.subjects[turn.subject]
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

/** The turn, if it may hand over this product: it makes it, it has not handed it over yet, and there is not enough of it. */
function making(task: Task, turnId: string, id: string): Turn | Rejection {
  const turn = contributing(task, turnId)
  if (isRejection(turn)) return turn
  if (turn.subject !== id || turn.purpose !== 'produce')
    return rejection('authz', `turn '${turnId}' does not make '${id}'`)
  const last = task.subjects[id]
  if (last && closed(last.status)) return rejection('state', `'${id}' is ${last.status} already`)
  if (last && last.rounds >= turn.round)
    return rejection('duplicate', `turn '${turnId}' has handed over '${id}' already: another round needs another turn`)
  return turn
}

/** A turn that may hand over a product: it runs, or its role's program went on after it and nothing of the subject came later. */
function contributing(task: Task, id: string): Turn | Rejection {
  const turn = get(task.turns, id)
  if (turn?.status !== 'done') return runningTurn(task, id)
  if (turn.subject === undefined || task.latest[turn.subject] !== id)
    return rejection('stale-epoch', `turn '${id}' is not the last one on '${turn.subject}'`)
  return fenced(task, turn) ?? turn
}

const closed = (status: string): boolean => status === 'approved' || status === 'landed' || status === 'abandoned'
