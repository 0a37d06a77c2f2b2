import { openRepositoryBand } from '../../repository-band.ts'
import { askPerson } from '../ask.ts'
import { askingApprovals } from '../ask-approvals.ts'
import { type ExitCode, worstExitCode } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Cli } from '../program.ts'
import { showResults, takeUpRest } from '../result.ts'
import { confirmTrust } from '../trust-prompt.ts'

/** `codeband resume [TASK]` */
export async function resume({ screen, cwd }: Cli, [task]: readonly (string | undefined)[]): Promise<ExitCode> {
  const { band } = await openRepositoryBand({
    cwd,
    wait: screen.terminal,
    confirm: confirmTrust(screen),
    answer: screen.terminal ? askPerson : undefined,
  })
  return untilInterrupted(screen, band, async () => {
    const results = await askingApprovals(screen, band, () => {
      band.on('event', screen.event)
      return band.resume(task)
    })
    if (results.length === 0) screen.line('Nothing is unfinished.')
    results.push(...(await takeUpRest(band)))
    showResults(screen, results)
    return worstExitCode(results)
  })
}
