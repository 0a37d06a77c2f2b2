import { CodebandError, didYouMean } from '../../../core/errors.ts'
import type { Recorded } from '../../../core/protocol/events.ts'
import { openRepositoryLog } from '../../repository-log.ts'
import { gitWorkspaces } from '../../workspaces/git.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'

/** `codeband diff WORKER`: what the worker handed over last, against where it began. */
export async function diff({ screen, cwd }: Cli, [worker = '']: readonly (string | undefined)[]): Promise<ExitCode> {
  const { repository, read, close } = await openRepositoryLog({ cwd })
  const workers = new Set<string>()
  let last: Extract<Recorded, { type: 'ChangeSubmitted' }> | undefined
  for await (const event of read()) {
    if (event.type === 'TurnStarted') workers.add(event.worker)
    if (event.type === 'ChangeSubmitted' && event.worker === worker) last = event
  }
  await close()
  if (!workers.has(worker)) {
    const known = [...workers]
    throw new CodebandError('CB_WORKER_UNKNOWN', {
      worker,
      known: `${known.join(', ') || 'none has worked yet'}.${didYouMean(worker, known)}`,
    })
  }
  if (last === undefined) {
    screen.object({ worker, commit: null })
    screen.line(`${worker} has handed over no change.`)
    return 0
  }
  const workspaces = await gitWorkspaces(repository)
  const patch = await workspaces.patch(last.base, last.commit, 1024 * 1024)
  await workspaces.close()
  screen.object({ worker, subject: last.subject, base: last.base, commit: last.commit, files: last.files, patch })
  screen.line(`${last.subject} ${last.base.slice(0, 10)}..${last.commit.slice(0, 10)}: ${last.message}`)
  screen.exact(patch)
  return 0
}
