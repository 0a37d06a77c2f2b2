import { taskOf, waitingApprovals } from '../../../core/protocol/state.ts'
import { openRepositoryLog } from '../../repository-log.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'

/** `codeband pending` */
export async function pending({ screen, cwd }: Cli): Promise<ExitCode> {
  const { state, close } = await openRepositoryLog({ cwd })
  await close()
  const waiting = waitingApprovals(state)
  screen.object(waiting)
  if (waiting.length === 0) screen.line('Nothing waits for you.')
  for (const { id, task, risk, commit, base, reasons } of waiting) {
    screen.line(`${screen.paint.bold(id)}  risk ${risk}  ${taskOf(state, task)?.text.split('\n')[0]}`)
    for (const reason of reasons) screen.line(`    ${reason}`)
    screen.line(`    commit ${commit.slice(0, 12)} over ${base.slice(0, 12)}`)
    for (const subject of Object.values(taskOf(state, task)?.subjects ?? {})) {
      if (subject.verdict)
        screen.line(
          `    ${subject.id}: ${subject.verdict.worker} ${subject.verdict.verdict.decision}, risk ${subject.verdict.verdict.risk}: ${subject.verdict.verdict.summary}`,
        )
    }
    screen.line(`    codeband approve ${id}   or   codeband reject ${id} "why"`)
  }
  return 0
}
