import type { Command } from '../../core/protocol/commands.ts'
import { step } from './step.ts'
import { hold, runningOf } from './story.ts'
import type { World } from './world.ts'

/** Winds every task down as a leader would: what is open is finished or refused, then the task ends. It looks at the log and at the
 *  branch only, and every step must be taken. */
export function endsOf(world: World): void {
  let now = world
  for (const [task, { stage }] of Object.entries(world.story.tasks)) {
    if (stage === 'ended') continue
    const say = (command: Partial<Command>): void => {
      const who = { kind: 'leader', epoch: now.state.epoch } as const
      const next = step(now, { command: { ...command, task, at: 0, who } as Command })
      hold('I-12', next !== undefined, () => `'${task}' cannot end: ${command.type} is refused`)
      now = next
    }
    const usage = { inputTokens: 0, outputTokens: 0 }
    for (const [turn] of runningOf(now.story.tasks[task]!))
      say({ type: 'EndTurn', turn, outcome: 'cancelled', usage, ms: 0 })
    const { landing: candidate, candidates, cancelled } = now.story.tasks[task]!
    if (candidate !== undefined) {
      if (now.git.holds.includes(candidates[candidate]!.commit)) say({ type: 'FinishLanding', candidate })
      else say({ type: 'RefuseLanding', candidate, reason: 'moved', detail: '' })
    }
    say({ type: 'EndTask', outcome: cancelled ? 'cancelled' : 'failed', reason: '' })
  }
}
