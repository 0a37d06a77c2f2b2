import { reservation } from './budget.ts'
import { type Command, isRejection, type Rejection, rejection } from './commands.ts'
import { runningTurn } from './decide-turn.ts'
import type { Event } from './events.ts'
import type { Task } from './state.ts'

type Commands = Extract<Command, { type: 'OpenBudget' | 'ReserveMore' }>

/** The rules of what may be spent. A turn takes its first share when it begins; `decide-turn.ts` has that one. */
export function decideBudget(command: Commands, task: Task): readonly Event[] | Rejection {
  const { at } = command
  if (command.type === 'OpenBudget') {
    const { place, parent = '', caps } = command
    if (task.budgets[parent] === undefined) return rejection('state', `there is no budget '${parent}'`)
    // A crash in the middle opens it again: what was spent stays spent.
    if (task.budgets[place]) return []
    return [{ type: 'BudgetOpened', at, task: task.id, place, parent, caps }]
  }
  const turn = runningTurn(task, command.turn)
  if (isRejection(turn)) return turn
  const aside = reservation(task.budgets, turn.budget, command.kinds)
  if ('usedUp' in aside) return rejection('budget', aside.usedUp)
  return [{ type: 'BudgetReserved', at, task: task.id, turn: turn.id, more: aside.reserved }]
}
