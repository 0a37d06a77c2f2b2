import { type Command, type PersonCommand, type Rejection, rejection } from './commands.ts'
import type { Event } from './events.ts'
import { type State, taskOfApproval } from './state.ts'
import { get } from './table.ts'

type Commands = Extract<Command, { type: PersonCommand['type'] }>

/** The rules of a person's word. */
export function decidePerson(command: Commands, state: State): readonly Event[] | Rejection {
  const { at } = command
  switch (command.type) {
    case 'SubmitTask': {
      const { task, text, policy, by } = command
      if (text.trim() === '') return rejection('empty-task', 'the task has no text')
      if (get(state.tasks, task)) return rejection('duplicate', `there is a task '${task}' already`)
      return [{ type: 'TaskSubmitted', at, task, text, policy, by }]
    }
    case 'CancelTask': {
      const task = get(state.tasks, command.task)
      if (task === undefined) return rejection('unknown-task', `there is no task '${command.task}'`)
      if (task.status === 'ended') return rejection('task-ended', `task '${task.id}' has ended (${task.outcome})`)
      if (task.cancel) return []
      const { why, by } = command
      const asked: Event = { type: 'CancelRequested', at, task: task.id, why, by }
      const lands = Object.values(task.candidates).some(({ status }) => status === 'landing')
      // Where nothing runs there is nothing to wind down. A parked task may still have turns that have not been ended.
      return task.status === 'running' || task.running.length > 0 || lands
        ? [asked]
        : [asked, { type: 'TaskEnded', at, task: task.id, outcome: 'cancelled', reason: why }]
    }
    case 'SendMessage': {
      if (get(state.tasks, command.task) === undefined)
        return rejection('unknown-task', `there is no task '${command.task}'`)
      const { task, to, text, who } = command
      // The leader carries what workers say; a person speaks in no other name.
      const from = who.kind === 'person' ? who.name : command.from
      return [{ type: 'MessageSent', at, task, from, to, text }]
    }
    case 'Approve':
    case 'Reject':
      return decideApproval(command, state)
  }
}

/** Law 4: bound to commit, base and tree; a yes or a no to anything else than what was asked does not exist. */
function decideApproval(
  command: Extract<Commands, { type: 'Approve' | 'Reject' }>,
  state: State,
): readonly Event[] | Rejection {
  const { at, approval: id, by } = command
  const task = taskOfApproval(state, id)
  const approval = task?.approvals[id]
  if (task === undefined || approval === undefined) return rejection('unknown-approval', `there is no approval '${id}'`)
  if (task.status === 'ended') return rejection('task-ended', `task '${task.id}' has ended (${task.outcome})`)
  const { commit, base, tree } = approval
  const open = task.candidates[approval.candidate]?.status === 'open'
  // Until the branch begins to move, who said yes may think better of it. Nobody else may: of two people the first decides.
  const takesBack = command.type === 'Reject' && approval.status === 'given' && approval.by === by && open
  if (approval.status !== 'waiting' && !takesBack)
    return rejection('stale-approval', `approval '${id}' is ${approval.status} already`)
  if (command.type === 'Approve')
    return [{ type: 'ApprovalGiven', at, task: task.id, approval: id, commit, base, tree, by }]
  return [{ type: 'ApprovalRefused', at, task: task.id, approval: id, why: command.why, by }]
}
