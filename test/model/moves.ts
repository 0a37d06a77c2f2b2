import type { Command, PersonCommand } from '../../core/protocol/commands.ts'
import type { Task } from '../../core/protocol/state.ts'
import { get } from '../../core/protocol/table.ts'
import { candidateMoves } from './moves-landing.ts'
import { productMoves, turnMoves } from './moves-turn.ts'
import type { Move, Scope, World } from './world.ts'

type Asked = Command extends infer C ? (C extends { at: number } ? Omit<C, 'at' | 'who' | 'id'> : never) : never

/** Collects what can be asked in one state. */
export class Asking {
  readonly moves: Move[] = []
  readonly #world: World
  constructor(world: World) {
    this.#world = world
  }

  /** The leader's, in its own epoch. */
  leader(command: Asked): void {
    this.moves.push({
      command: { ...command, at: 0, who: { kind: 'leader', epoch: this.#world.state.epoch } } as Command,
    })
  }

  /** A person's, with an id the first time, and once more without: the law must hold whoever repeats themselves. That the same id again
   *  changes nothing is seen in `step.ts`. */
  person(command: Extract<Asked, PersonCommand>, name: string): void {
    const id = `${name} ${Object.values(command)
      .filter((value) => typeof value === 'string')
      .join(' ')}`
    const again = get(this.#world.state.answers, id) !== undefined
    const said = { ...command, at: 0, who: { kind: 'person', name } } as Command
    this.moves.push({ command: again ? said : { ...said, id } })
  }
}

/** Everything that a runtime, a person or the world around could do here, sensible or not. What is lost is what is not asked; what comes
 *  twice or late is asked again in the states after. */
export function movesOf(scope: Scope, world: World): Move[] {
  const asking = new Asking(world)
  const { may } = scope
  if (may.has('crash')) {
    const { epoch } = world.state
    for (const next of [epoch + 1, epoch]) asking.leader({ type: 'TakeLead', epoch: next, process: 'p' })
  }
  if (may.has('talk')) {
    asking.person({ type: 'SubmitTask', task: 't0', text: ' ', policy: scope.policy, by: 'ada' }, 'ada')
    asking.person({ type: 'CancelTask', task: 'nothing', why: '', by: 'ada' }, 'ada')
    asking.person({ type: 'Approve', approval: 'nothing', by: 'ada' }, 'ada')
  }
  for (const id of scope.tasks) {
    const task = get(world.state.tasks, id)
    if (task === undefined) {
      asking.person({ type: 'SubmitTask', task: id, text: 'do it', policy: scope.policy, by: 'ada' }, 'ada')
      continue
    }
    taskMoves(asking, scope, task, world)
    // An ended task takes nothing; that it refuses is asked with the commands above and a few of each kind.
    turnMoves(asking, scope, task)
    productMoves(asking, scope, task, world)
    candidateMoves(asking, scope, task, world)
  }
  const pushed = world.git.holds.filter((commit) => commit.startsWith('m')).length - 1
  if (pushed < scope.pushes) asking.moves.push({ push: `m${pushed + 1}` })
  return asking.moves
}

function taskMoves(asking: Asking, { may, caps }: Scope, task: Task, { git }: World): void {
  const { id } = task
  asking.leader({ type: 'StartTask', task: id, base: git.tip })
  for (const outcome of ['failed', 'cancelled'] as const)
    asking.leader({ type: 'EndTask', task: id, outcome, reason: '' })
  if (may.has('park')) {
    asking.leader({ type: 'ParkTask', task: id, reason: 'infrastructure', detail: '' })
    asking.leader({ type: 'ResumeTask', task: id })
  }
  if (may.has('cancel')) asking.person({ type: 'CancelTask', task: id, why: 'no', by: 'ada' }, 'ada')
  if (may.has('talk'))
    asking.person({ type: 'SendMessage', task: id, from: 'ada', to: '@coder', text: '/approve' }, 'ada')
  if (may.has('effects')) {
    for (const place of ['p/0', 'p/1']) {
      for (const hash of ['h1', 'h2'])
        asking.leader({ type: 'BeginEffect', task: id, place, effect: { kind: 'spawn', hash } })
      asking.leader({ type: 'EndEffect', task: id, place, result: 1 })
      asking.leader({ type: 'FailEffect', task: id, place, outcome: 'failed', reason: '' })
    }
  }
  if (may.has('budget') && caps) asking.leader({ type: 'OpenBudget', task: id, place: 'below', parent: '', caps })
}
