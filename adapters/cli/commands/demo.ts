import { execPath } from 'node:process'
import { bundleDefinitions, trustDefinitions } from '../../definitions/bundle.ts'
import { openRepository } from '../../repository.ts'
import { openRepositoryBand } from '../../repository-band.ts'
import { openSampleRepository } from '../../sample-repository.ts'
import { type ExitCode, exitCodeOf } from '../exit.ts'
import { untilInterrupted } from '../interrupt.ts'
import type { Cli } from '../program.ts'
import { showResults } from '../result.ts'

const task = "Fix the failing test: durations with several units such as '1h30m'"

/** `codeband demo`: the whole way of a task on a copy of the sample project, with two scripted families. */
export async function demo({ screen }: Cli): Promise<ExitCode> {
  const folder = await openSampleRepository()
  screen.line(`${screen.paint.bold('codeband demo')}: a small TypeScript project with a failing test, in ${folder}`)
  screen.line('The two model families are scripted: what they say and call comes from band.json.')
  screen.line(
    'Everything else is real: the roles, the gate, the worktrees, the commits, the test runs, the review rule, the landing.',
  )
  screen.line()
  const repository = await openRepository(folder)
  await trustDefinitions(repository, (await bundleDefinitions(repository)).hash)
  const { band, planOfAction } = await openRepositoryBand({ cwd: folder, wait: false })
  for (const line of planOfAction) screen.line(screen.paint.dim(line))
  band.on('event', screen.event)
  return untilInterrupted(screen, band, async () => {
    const result = await band.run(task)
    screen.line()
    if (result.outcome === 'success')
      screen.line(
        'These models were scripted; the plan and the first change were really refused, by the law and by a test run.',
      )
    screen.line(`Look around:  cd ${folder} && git log --graph --stat`)
    screen.line(
      `              ${execPath.includes('node_modules') ? 'npx codeband' : 'codeband'} log --violations   (what the boundary refused)`,
    )
    screen.line('Your own:     cd your-repository && npx codeband init')
    showResults(screen, [result])
    return exitCodeOf(result)
  })
}
