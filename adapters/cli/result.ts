import { tasksOf } from '../../core/protocol/state.ts'
import type { TaskResult } from '../../core/runtime/band.ts'
import { type Band, isAnswered } from '../open-band.ts'
import type { Screen } from './screen.ts'

/** Takes up what other processes queued, or said yes or no to, while this one led: they were told that this one acts on it. */
export async function takeUpRest(band: Band): Promise<TaskResult[]> {
  const results: TaskResult[] = []
  for (;;) {
    const task = tasksOf(band.state).find((one) => one.status === 'queued' || isAnswered(one))
    const more = task === undefined ? [] : await band.resume(task.id)
    if (more.length === 0) return results
    results.push(...more)
  }
}

/** The end of a run for people: what landed, what waits, and the command that undoes it as the last line. */
export function showResults(screen: Screen, results: readonly TaskResult[]): void {
  for (const { task, outcome, reason, landed, pending, parked } of results) {
    if (outcome === 'parked') {
      screen.line()
      if (pending.length > 0)
        for (const { id, risk } of pending)
          screen.line(`${task} waits for you (risk ${risk}): codeband approve ${id}   or   codeband reject ${id} "why"`)
      else {
        const next = parked === 'infrastructure' ? ' When it is mended: codeband resume' : ''
        screen.line(`${task} is parked (${parked}): ${reason}.${next}`)
      }
    } else if (outcome === 'stopped') screen.line(`${task} stopped: codeband resume goes on.`)
    const last = landed.at(-1)
    if (last) {
      screen.line()
      screen.line(
        `Landed on ${last.target}: ${last.from.slice(0, 10)} -> ${last.to.slice(0, 10)}${last.sandbox === 'none' ? ' (unsandboxed)' : ''}${last.waived ? ' (same family)' : ''}`,
      )
      screen.line(`Undo: ${undoCommand(landed)}`)
    }
  }
}

/** One revert for each merge commit that landed, the newest first. */
export function undoCommand(landed: TaskResult['landed']): string {
  const first = landed[0]!
  const last = landed.at(-1)!
  return `git revert --no-edit -m 1 $(git rev-list --first-parent ${first.from.slice(0, 12)}..${last.to.slice(0, 12)})`
}
