import { CodebandError } from '../errors.ts'
import { isRejection } from '../protocol/commands.ts'
import type { Policy } from '../protocol/events.ts'
import { size } from '../protocol/table.ts'
import type { Log } from './log.ts'

/** Puts a task into the log under the next free id, which two processes may want at once. CB_TASK_EMPTY. */
export async function submitTask(
  log: Log,
  { text, policy, by }: { text: string; policy: Policy; by: string },
): Promise<string> {
  for (;;) {
    const task = `t${size(log.state.tasks) + 1}`
    const answer = await log.dispatch({ type: 'SubmitTask', task, text, policy, by })
    if (!isRejection(answer)) return task
    if (answer.code !== 'duplicate') throw new CodebandError('CB_TASK_EMPTY')
  }
}
