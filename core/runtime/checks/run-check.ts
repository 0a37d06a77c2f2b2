import { join } from 'node:path'
import { protectedPaths } from '../../boundary/protected.ts'
import type { Check } from '../../config.ts'
import type { Worktree } from '../../ports/workspace.ts'
import type { CheckResult } from '../../protocol/events.ts'
import { orTooMany } from '../audit.ts'
import { Halt } from '../journal.ts'
import type { Runtime } from '../runtime.ts'
import { type CommandPlace, homeEnv } from '../setup.ts'
import { judge } from './judge.ts'
import { clearReport, takeReport } from './report-file.ts'

/** Where core's own checks run. */
export function checkPlace({ home: all, baseEnv }: Runtime, name: string): CommandPlace {
  const home = join(all, 'agents', name)
  return { name, home, env: { ...baseEnv, ...homeEnv(home), CI: 'true' } }
}

/** What came of one check, and the names of the tests that its report says have passed. */
export interface CheckRun {
  result: CheckResult
  names?: readonly string[]
}

export const isGreen = ({ exitCode, inconclusive }: CheckResult): boolean =>
  exitCode === 0 && inconclusive === undefined

/** What a check did to files of the commit has no say in the next one, which is to test the same tree; what it has built stays. The words
 *  for it where it did more than a change may hold. */
export async function putBack(worktree: Worktree): Promise<string | undefined> {
  const changed = await orTooMany(worktree.trackedChanges())
  if (typeof changed === 'string') return changed
  await worktree.restore(changed.map(({ path }) => path))
  return undefined
}

/** Runs a check in the sandbox and judges it. In a replay its judgement is what is recorded. */
export async function runCheck(
  { sandbox, workspaces, config, stopping, standIns }: Runtime,
  check: Check,
  { home, env }: CommandPlace,
  worktree: string,
): Promise<CheckRun> {
  const { command: argv, report } = check
  const real = report !== undefined && standIns === undefined
  const stays = real ? await clearReport(worktree, report) : undefined
  const { exitCode, output, ms, cancelled } = await sandbox.run({
    argv,
    cwd: worktree,
    worktree,
    writable: true,
    protect: protectedPaths,
    readable: [workspaces.store],
    home,
    network: [],
    env,
    timeoutMs: config.limits.commandMinutes * 60_000,
    maxOutput: 64 * 1024,
    signal: stopping,
  })
  if (cancelled) throw new Halt()
  const ended: CheckResult = { argv, exitCode, output, ms, ...(report !== undefined && { report }) }
  if (standIns) return { result: { ...ended, ...standIns.judged() } }
  const take = () => stays ?? takeReport(worktree, report!)
  const { inconclusive, reported } = await judge(check, ended, take, worktree)
  if (inconclusive !== undefined) return { result: { ...ended, inconclusive } }
  if (reported === undefined) return { result: ended }
  const { passed, skipped } = reported
  return { result: { ...ended, tests: { passed: passed.length, skipped } }, names: passed }
}
