import { CodebandError } from '../../../core/errors.ts'
import { openRepositoryBand } from '../../repository-band.ts'
import { cancelTask } from '../../repository-log.ts'
import type { ExitCode } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Cli } from '../program.ts'
import { confirmTrust } from '../trust-prompt.ts'

/** `codeband cancel TASK ["why"]`. A band that runs winds the task down; without one, this process leads until it has ended. */
export async function cancel(
  { screen, cwd }: Cli,
  [task = '', why = 'no longer wanted']: readonly (string | undefined)[],
): Promise<ExitCode> {
  const { leader, ended } = await cancelTask({ cwd, task, why })
  screen.object({ task, cancelled: true, leader: leader ?? null })
  if (ended) {
    screen.line(`${task} is cancelled.`)
    return 0
  }
  if (leader !== undefined) {
    screen.line(`You cancelled ${task}; ${leader} winds it down.`)
    return 0
  }
  const opened = await openRepositoryBand({ cwd, wait: false, confirm: confirmTrust(screen) }).catch(
    (error: unknown) => {
      // Another process was faster to lead, and winds it down.
      if (CodebandError.is(error, 'CB_BAND_BUSY')) return undefined
      throw error
    },
  )
  if (opened === undefined) return 0
  opened.band.on('event', screen.event)
  return untilInterrupted(screen, opened.band, async () => {
    await opened.band.resume(task)
    screen.line(`${task} is cancelled.`)
    return 0
  })
}
