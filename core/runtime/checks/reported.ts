import { shown } from '../../boundary/denial.ts'

/** What a report says of one test. */
export interface ReportedTest {
  /** The groups it lies in, the outermost first. */
  groups: readonly string[]
  name: string
  outcome: 'passed' | 'failed' | 'skipped'
}

/** What a report says. */
export interface Reported {
  /** Each name once: the second test of the same name is `name (2)`. */
  passed: readonly string[]
  failed: readonly string[]
  skipped: number
  /** A failure that belongs to no test: a suite that could not be loaded, a run that was given up. */
  broken?: string
}

/** A report that says nothing, and why. */
export interface Unreadable {
  problem: string
}

/** No honest run has more; and what is kept of a report stays small. */
export const mostTests = 50_000
const longestName = 200
const deepestGroups = 50

/** Gathers the tests of a report under clean names. `worktree` is cut out of them, since the base is tested in another folder. */
export function gather(worktree: string): {
  /** False when there are too many. */
  add(test: ReportedTest): boolean
  done(broken?: string): Reported
} {
  const counts = new Map<string, number>()
  const passed: string[] = []
  const failed: string[] = []
  let skipped = 0
  let total = 0

  function named({ groups, name }: ReportedTest): string {
    const parts = [...groups.slice(0, deepestGroups), name].map((part) => part.replaceAll(`${worktree}/`, ''))
    // A runner names the group in the test's own name too, or not: it is the same test.
    const kept = parts.filter((part, at) => part !== '' && part !== parts[at - 1])
    return cleanName(kept.join(' > '))
  }

  return {
    add(test) {
      total++
      if (total > mostTests) return false
      if (test.outcome === 'skipped') skipped++
      else if (test.outcome === 'failed') failed.push(named(test))
      else {
        const name = named(test)
        const count = (counts.get(name) ?? 0) + 1
        counts.set(name, count)
        passed.push(count === 1 ? name : `${name} (${count})`)
      }
      return true
    },
    done: (broken) => ({ passed, failed, skipped, ...(broken !== undefined && { broken: cleanName(broken) }) }),
  }
}

/** A name that a test gave itself, as a person and a model may see it. */
function cleanName(name: string): string {
  // Cut before it is looked at: a name may be as long as its report.
  const plain = name
    .slice(0, 4 * longestName)
    .replace(/\s+/g, ' ')
    .trim()
  return shown(plain, longestName) || 'a test without a name'
}
