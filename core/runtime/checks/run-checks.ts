import type { CheckResult } from '../../protocol/events.ts'
import type { Runtime } from '../runtime.ts'
import { prepareWorktree } from '../setup.ts'
import { compareWithBase } from './base-tests.ts'
import { type CheckRun, checkPlace, isGreen, putBack, runCheck } from './run-check.ts'
import { broughtReport, refuseTrackedReport } from './tracked-report.ts'

export interface Checked {
  passed: boolean
  checks: CheckResult[]
}

/** The checks, one after another up to the first that is not green, on exactly the tree of `commit`. With `compare`, what they report is
 *  held against what they report on the base. CB_REPORT_TRACKED, CB_SETUP_FAILED. */
export function runChecks(
  runtime: Runtime,
  base: string,
  commit: string,
  { compare }: { compare: boolean },
): Promise<Checked> {
  return runtime.checking.run('checks', async () => {
    await refuseTrackedReport(runtime, base)
    const brought = await broughtReport(runtime, commit)
    const place = checkPlace(runtime, 'mergemaster')
    const worktree = await prepareWorktree(runtime, place, base, commit)
    const runs: CheckRun[] = []
    for (const check of runtime.config.checks) {
      const run = await runCheck(runtime, check, place, worktree.path)
      let result = brought && check.report && isGreen(run.result) ? withoutSay(run.result, brought) : run.result
      const tooMany = isGreen(result) && check !== runtime.config.checks.at(-1) ? await putBack(worktree) : undefined
      if (tooMany) result = withoutSay(result, `it left ${tooMany}`)
      runs.push({ ...run, result })
      if (!isGreen(result)) return { passed: false, checks: runs.map((one) => one.result) }
    }
    const recorded = runtime.standIns !== undefined || !compare
    return {
      passed: true,
      checks: recorded ? runs.map((one) => one.result) : await compareWithBase(runtime, base, commit, runs),
    }
  })
}

function withoutSay({ tests: _, ...result }: CheckResult, inconclusive: string): CheckResult {
  return { ...result, inconclusive }
}
