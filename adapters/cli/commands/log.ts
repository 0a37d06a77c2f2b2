import type { Recorded } from '../../../core/protocol/events.ts'
import { openRepositoryLog } from '../../repository-log.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'

/** `codeband log [--task T] [--violations]`: the trace again; with --json every event, one a line. */
export async function log(
  { screen, cwd }: Cli,
  _: readonly (string | undefined)[],
  { task, violations }: { task?: string; violations?: boolean },
): Promise<ExitCode> {
  const { read, close } = await openRepositoryLog({ cwd })
  const wanted = (event: Recorded): boolean =>
    (task === undefined || ('task' in event && event.task === task)) &&
    (violations !== true || event.type === 'ViolationRecorded')
  let shown = 0
  for await (const event of read()) {
    if (!wanted(event)) continue
    if (event.type !== 'LeaderElected') shown++
    if (violations === true && event.type === 'ViolationRecorded') {
      if (screen.json) screen.object(event)
      else screen.line(`${event.seq}  ${event.worker} ${event.tool}: ${event.code}: ${event.reason}`)
    } else screen.event(event)
  }
  await close()
  if (shown === 0) screen.line(violations === true ? 'No violation.' : 'Nothing happened yet.')
  return 0
}
