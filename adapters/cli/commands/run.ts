import { CodebandError } from '../../../core/errors.ts'
import { type Band, openRepositoryBand } from '../../repository-band.ts'
import { askPerson } from '../ask.ts'
import { askingApprovals } from '../ask-approvals.ts'
import { type ExitCode, worstExitCode } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Cli } from '../program.ts'
import { showResults, takeUpRest } from '../result.ts'
import { confirmTrust } from '../trust-prompt.ts'

/** `codeband run ["TASK"]` */
export async function run(
  cli: Cli,
  [text]: readonly (string | undefined)[],
  options: { role?: string; script?: string; wait?: boolean },
): Promise<ExitCode> {
  if (options.role !== undefined) {
    const { playRole } = await import('./play.ts')
    return playRole(cli, options.role, text ?? '', options.script)
  }
  if (options.script !== undefined) throw new CodebandError('CB_USAGE', { detail: '--script goes with --role.' })
  if (text !== undefined && text.trim() === '') throw new CodebandError('CB_TASK_EMPTY')
  const { screen } = cli
  const opened = await openRepositoryBand({
    cwd: cli.cwd,
    wait: screen.terminal && options.wait !== false,
    confirm: confirmTrust(screen),
    answer: screen.terminal ? askPerson : undefined,
  })
  const { band } = opened
  for (const line of opened.planOfAction) screen.line(screen.paint.dim(line))
  const work = async (): Promise<ExitCode> => {
    band.on('event', screen.event)
    const results = await band.resume()
    if (text !== undefined) {
      const own = await band.run(text)
      results.push(...(await takeUpRest(band)), own)
    } else if (results.length === 0 || screen.terminal) {
      screen.note('Waiting for tasks: `codeband task "..."` in another terminal. Ctrl-C ends it.')
      results.push(...(await serve(band)))
    }
    showResults(screen, results)
    return worstExitCode(results.slice(-1))
  }
  return untilInterrupted(screen, band, () => (options.wait === false ? work() : askingApprovals(screen, band, work)))
}

async function serve(band: Band): Promise<Awaited<ReturnType<Band['resume']>>> {
  const results: Awaited<ReturnType<Band['resume']>> = []
  const running = new Map<string, Promise<void>>()
  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => undefined)
  for (;;) {
    const task = await Promise.race([band.nextTask(), broken.promise])
    if (task === undefined) break
    // It was answered while it was on its way to being parked.
    await running.get(task)
    const work = band.resume(task).then((ends) => {
      running.delete(task)
      results.push(...ends)
    })
    work.catch(broken.reject)
    running.set(task, work)
  }
  await Promise.all(running.values())
  return results
}
