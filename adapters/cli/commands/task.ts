import { CodebandError } from '../../../core/errors.ts'
import { queueTask } from '../../queue-task.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { confirmTrust } from '../trust-prompt.ts'

/** `codeband task "TASK"`: queues it; whoever leads the band takes it up. */
export async function task({ screen, cwd }: Cli, [text = '']: readonly (string | undefined)[]): Promise<ExitCode> {
  if (text.trim() === '') throw new CodebandError('CB_TASK_EMPTY')
  const { id, leader } = await queueTask({ cwd, text, confirm: confirmTrust(screen) })
  screen.object({ task: id, queued: true, leader: leader ?? null })
  screen.line(leader ? `${id} is queued; ${leader} takes it up.` : `${id} is queued; no band runs now: codeband run`)
  return 0
}
