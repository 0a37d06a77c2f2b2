import { type Task, tasksOf } from '../../../core/protocol/state.ts'
import { openRepositoryLog } from '../../repository-log.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'

/** `codeband status` */
export async function status({ screen, cwd }: Cli): Promise<ExitCode> {
  const { state, leader, close } = await openRepositoryLog({ cwd })
  await close()
  const tasks = tasksOf(state)
  screen.object({ leader: leader ?? null, tasks: tasks.map(summary) })
  screen.line(leader ? `The band runs: ${leader}` : 'No band runs now.')
  if (tasks.length === 0) screen.line('No task yet: codeband run "..."')
  for (const task of tasks) {
    const { id, text, landed, violations, outcome, status: now } = summary(task)
    const how = now === 'ended' ? outcome : task.parked ? `parked (${task.parked.reason})` : stands(now, leader)
    screen.line(`${id.padEnd(5)} ${String(how).padEnd(18)} ${text.split('\n')[0]}`)
    for (const { kind, id: subject, status: at, on, rounds } of Object.values(task.subjects)) {
      screen.line(
        `      ${screen.paint.dim(`${kind === 'plan' ? 'plan' : subject} ${at} at ${on.slice(0, 7)}, round ${rounds}`)}`,
      )
    }
    if (landed.length > 0) screen.line(`      landed ${landed.map(({ to }) => to.slice(0, 10)).join(', ')}`)
    if (violations > 0) screen.line(`      ${violations} denied at the boundary: codeband log --violations`)
  }
  return 0
}

/** Without a band that leads, nothing of it runs, whatever the log says. */
function stands(now: string, leader: string | undefined): string {
  return now === 'running' && leader === undefined ? 'stopped' : now
}

function summary({ id, text, status: now, outcome, reason, parked, landings, violations, usage, subjects }: Task) {
  const products = Object.values(subjects).map(({ id: subject, kind, status: at, on, rounds, worker, verdict }) => ({
    subject,
    kind,
    status: at,
    on,
    rounds,
    worker,
    reviewer: verdict?.worker,
  }))
  return { id, text, status: now, outcome, reason, parked, landed: landings, violations, usage, products }
}
