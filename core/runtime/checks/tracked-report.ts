import { CodebandError } from '../../errors.ts'
import type { Runtime } from '../runtime.ts'

/** The report path, among those of the checks, that a commit holds something at. */
async function reportIn({ workspaces, config }: Runtime, commit: string): Promise<string | undefined> {
  const reports = config.checks.flatMap(({ report = [] }) => report)
  if (reports.length === 0) return undefined
  const paths = await workspaces.paths(commit)
  const lower = new Set([...paths.keys()].map((path) => path.toLowerCase()))
  // A file system may not tell the two cases apart.
  return reports.find((report) => lower.has(report.toLowerCase()))
}

/** Whoever lands on `base` could not tell its own report from the one that is there. CB_REPORT_TRACKED. */
export async function refuseTrackedReport(runtime: Runtime, base: string): Promise<void> {
  if (runtime.standIns) return
  const report = await reportIn(runtime, base)
  if (report !== undefined) throw new CodebandError('CB_REPORT_TRACKED', { report, commit: base.slice(0, 8) })
}

/** Why a candidate that brings a file to where a report goes cannot be concluded from. */
export async function broughtReport(runtime: Runtime, commit: string): Promise<string | undefined> {
  if (runtime.standIns) return undefined
  const report = await reportIn(runtime, commit)
  return report && `the change holds '${report}', where the check writes its report; take it out`
}
