import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Check } from '../../config.ts'
import type { CommandResult } from '../../ports/sandbox.ts'
import { judge } from '../checks/judge.ts'
import { clearReport, largestReport, takeReport } from '../checks/report-file.ts'
import { openTree } from './tree.ts'

/** Where a report is written by a command of a worker. */
interface Room {
  worktree: string
  /** False: the command runs on a copy of the worktree that is gone afterwards. */
  writable: boolean
  home: string
}

/** Carries the report out of a throw-away worktree: `$1` the report, `$2` its size at most, `$3` where to. */
const carrying = `report=./$1 most=$2 kept=$3; shift 3
rm -rf -- "$report" 2>/dev/null; mkdir -p -- "$(dirname -- "$report")" 2>/dev/null
"$@"; status=$?
if [ -f "$report" ] && [ ! -h "$report" ]; then head -c "$most" -- "$report" >"$kept"; fi
exit $status`

/** Runs a check for a worker as core runs it for a landing, so that both say the same of it. `inconclusive` is why nothing can be
 *  concluded. The report does not stay: it would become part of the change. */
export async function runAsCheck<T>(
  check: Check,
  { worktree, writable, home }: Room,
  run: (argv: readonly string[]) => Promise<CommandResult | T>,
): Promise<{ result: CommandResult | T; inconclusive?: string }> {
  const { command, report } = check
  const isResult = (one: CommandResult | T): one is CommandResult =>
    typeof one === 'object' && one !== null && 'exitCode' in one
  const judged = async (result: CommandResult | T, take: Parameters<typeof judge>[2]) => {
    if (!isResult(result)) return { result }
    const { inconclusive } = await judge(check, result, take, worktree)
    return { result, ...(inconclusive !== undefined && { inconclusive }) }
  }
  if (report === undefined) return judged(await run(command), () => ({ problem: 'it has none' }))
  if (writable) {
    const stays = await clearReport(worktree, report)
    const told = await judged(await run(command), () => stays ?? takeReport(worktree, report))
    await clearReport(worktree, report)
    return told
  }
  const name = `report-${randomBytes(9).toString('hex')}`
  // One byte more than may be: that it is too large must be seen.
  const words = ['/bin/sh', '-c', carrying, 'sh', report, String(largestReport + 1), join(home, name), ...command]
  try {
    return await judged(await run(words), () => takeReport(home, name))
  } finally {
    openTree(home).remove(name)
  }
}
