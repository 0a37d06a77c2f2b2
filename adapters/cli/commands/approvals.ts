import { setTimeout as sleep } from 'node:timers/promises'
import { CodebandError } from '../../../core/errors.ts'
import { taskOfApproval } from '../../../core/protocol/state.ts'
import { type Band, isAnswered } from '../../open-band.ts'
import { openRepositoryBand } from '../../repository-band.ts'
import { givePersonsWord, openRepositoryLog } from '../../repository-log.ts'
import { type ExitCode, exitCodeOf } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Cli } from '../program.ts'
import { showResults, takeUpRest } from '../result.ts'
import { confirmTrust } from '../trust-prompt.ts'

/** Looks at the log before a leader that has not taken up a word is trusted to do it later: it works on another task. */
const patience = 20

/** `codeband approve ID` */
export const approve = (cli: Cli, [id = '']: readonly (string | undefined)[]): Promise<ExitCode> => decide(cli, id)

/** `codeband reject ID "why"` */
export async function reject(cli: Cli, [id = '', why = '']: readonly (string | undefined)[]): Promise<ExitCode> {
  if (why.trim() === '')
    throw new CodebandError('CB_USAGE', {
      detail: 'Say why: the reason goes back to the author. codeband reject ID "why".',
    })
  return decide(cli, id, why)
}

/** With a band running, the word goes into its log and the band acts. Without one, this process leads until the consequences are done. */
async function decide(cli: Cli, id: string, why?: string): Promise<ExitCode> {
  const { screen, cwd } = cli
  await givePersonsWord({ cwd, approval: id, why })
  for (;;) {
    const leader = await leaderThatActs(cwd, id)
    if (leader !== undefined) {
      screen.object({ approval: id, decision: why === undefined ? 'approved' : 'rejected', leader })
      screen.line(`You ${why === undefined ? 'approved' : 'rejected'} ${id}; ${leader} acts on it.`)
      return 0
    }
    const opened = await openRepositoryBand({ cwd, wait: screen.terminal, confirm: confirmTrust(screen) }).catch(
      (error: unknown) => {
        // Another process was faster to lead; perhaps it takes this up too.
        if (CodebandError.is(error, 'CB_BAND_BUSY')) return undefined
        throw error
      },
    )
    if (opened !== undefined) return lead(screen, opened.band, id)
  }
}

/** Who leads and has taken up the word on that approval, or will; undefined when nobody does. */
async function leaderThatActs(cwd: string, id: string): Promise<string | undefined> {
  for (let look = 0; ; look++) {
    const { state, leader, close } = await openRepositoryLog({ cwd })
    await close()
    const task = taskOfApproval(state, id)
    if (leader === undefined || task === undefined || !isAnswered(task) || look >= patience) return leader
    // It may be on its way out, after its last look at the log.
    await sleep(250)
  }
}

async function lead(screen: Cli['screen'], band: Band, id: string): Promise<ExitCode> {
  band.on('event', screen.event)
  return untilInterrupted(screen, band, async () => {
    const task = taskOfApproval(band.state, id)
    const results = await band.resume(task?.id)
    const code = results[0] ? exitCodeOf(results[0]) : 0
    showResults(screen, [...results, ...(await takeUpRest(band))])
    return code
  })
}
