import type { Check } from '../../config.ts'
import { readJUnit } from './junit.ts'
import { saysNoTestRan } from './no-tests.ts'
import type { Reported, Unreadable } from './reported.ts'
import { readTap } from './tap.ts'

/** What core makes of a command that has ended with 0: green, or nothing that anybody could conclude from. */
export interface Judged {
  /** Why nothing can be concluded, in one line. */
  inconclusive?: string
  /** What its report says. */
  reported?: Reported
}

/** A name or two of many. */
export function someOf(names: readonly string[], most: number): string {
  const first = names.slice(0, most).map((name) => `'${name}'`)
  return names.length > most ? `${first.join(', ')} and ${names.length - most} more` : first.join(', ')
}

/** `take` gives the text of the report, which names files in `worktree`. */
export async function judge(
  { report }: Check,
  { exitCode, output }: { exitCode: number | null; output: string },
  take: () => string | Unreadable,
  worktree: string,
): Promise<Judged> {
  // A failure needs no second opinion.
  if (exitCode !== 0) return {}
  if (report === undefined) return saysNoTestRan(output) ? { inconclusive: 'no test ran' } : {}
  const text = take()
  const read = typeof text !== 'string' ? text : await (report.endsWith('.tap') ? readTap : readJUnit)(text, worktree)
  if ('problem' in read) return { inconclusive: `there is no report in '${report}': ${read.problem}` }
  const { passed, failed, skipped, broken } = read
  if (failed.length > 0)
    return { inconclusive: `it ended with 0, but its report says that ${someOf(failed, 3)} failed` }
  if (broken !== undefined) return { inconclusive: `it ended with 0, but its report says that '${broken}' failed` }
  if (passed.length === 0) return { inconclusive: skipped > 0 ? `no test ran, ${skipped} were skipped` : 'no test ran' }
  return { reported: read }
}

/** `inconclusive: no test ran`, or nothing: how it stands wherever somebody reads of a check. */
export function inconclusiveWords({ inconclusive }: { inconclusive?: string | undefined }): string {
  return inconclusive === undefined ? '' : `inconclusive: ${inconclusive}`
}
