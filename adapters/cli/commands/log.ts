import { CodebandError } from '../../../core/errors.ts'
import type { Recorded } from '../../../core/protocol/events.ts'
import { taskOf } from '../../../core/protocol/state.ts'
import { openRepositoryLog } from '../../repository-log.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'
import { exportLog } from './export-log.ts'

/** `codeband log [--task T] [--violations]`: the trace again; with --json every event, one a line. `--export [FILE]`: of a damaged log, too. */
export async function log(
  cli: Cli,
  _: readonly (string | undefined)[],
  { task, violations, export: out }: { task?: string; violations?: boolean; export?: string | true },
): Promise<ExitCode> {
  if (out !== undefined) return exportLog(cli, out === true ? undefined : out)
  const { screen, cwd } = cli
  const { read, state, close } = await openRepositoryLog({ cwd })
  if (task !== undefined && taskOf(state, task) === undefined) {
    await close()
    throw new CodebandError('CB_TASK_UNKNOWN', { task })
  }
  const wanted = (event: Recorded): boolean =>
    (task === undefined || ('task' in event && event.task === task)) &&
    (violations !== true || event.type === 'ViolationRecorded')
  let shown = 0
  for await (const event of read()) {
    if (!wanted(event)) continue
    if (event.type !== 'LeaderElected') shown++
    if (violations === true && event.type === 'ViolationRecorded') {
      if (screen.json) screen.object(event)
      else screen.line(violationLine(event))
    } else screen.event(event)
  }
  await close()
  if (shown === 0) screen.line(violations === true ? 'No violation.' : 'Nothing happened yet.')
  return 0
}

/** `12  coder-codex-0 (coder) write_file 3f2a9c1b: protected-path: ...`; the input itself is at the call, its hash finds equal ones. */
function violationLine({ seq, worker, role, tool, inputHash, code, reason }: Violation): string {
  return `${seq}  ${worker} (${role}) ${tool} ${inputHash.slice(0, 8)}: ${code}: ${reason}`
}

type Violation = Extract<Recorded, { type: 'ViolationRecorded' }>
