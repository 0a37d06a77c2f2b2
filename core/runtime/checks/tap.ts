import { setImmediate as pause } from 'node:timers/promises'
import { gather, mostTests, type Reported, type ReportedTest, type Unreadable } from './reported.ts'

const deepest = 100
/** Lines between two looks at the rest of the world. */
const piece = 20_000

/** One row of test points of the same indentation, and the tests below it that wait for the point that sums them up. */
interface Level {
  indent: number
  points: number
  plan: number | undefined
  tests: { groups: string[]; name: string; outcome: ReportedTest['outcome'] }[]
}

/** Reads a report in the Test Anything Protocol, versions 12 to 14. A point that others stand below is a group: they are the tests. */
export async function readTap(text: string, worktree: string): Promise<Reported | Unreadable> {
  const tests = gather(worktree)
  const levels: Level[] = [levelAt(0)]
  let broken: string | undefined
  let total = 0
  /** Indentation of the YAML block that is open; what stands in it are no points. */
  let block: number | undefined
  let planned = false

  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    if (at % piece === piece - 1) await pause()
    const line = lines[at]!.slice(0, 10_000).trimEnd()
    const body = line.trimStart()
    const indent = line.length - body.length
    if (block !== undefined) {
      if (body === '...' && indent === block) block = undefined
      continue
    }
    if (body === '---') block = indent
    if (/^Bail out!/i.test(body)) broken ??= body
    const plan = /^1\.\.(\d{1,9})(?:\s|$)/.exec(body)
    const point = /^(not )?ok\b(?:\s+\d+)?(?:\s+-)?\s*(.*)$/.exec(body)
    if (!plan && !point) continue
    const problem = moveTo(indent)
    if (problem) return { problem }
    const level = levels.at(-1)!
    if (plan) {
      if (level.plan !== undefined) return { problem: 'one of its rows has two plans' }
      level.plan = Number(plan[1])
      planned ||= levels.length === 1
      continue
    }
    if (++total > mostTests) return { problem: `it names more than ${mostTests} tests` }
    const problemBelow = endPoint(level, indent, point![1] !== undefined, point![2]!)
    if (problemBelow) return { problem: problemBelow }
  }
  if (block !== undefined) return { problem: 'it ends in the middle of a block' }
  if (levels.length > 1) return { problem: 'it ends in the middle of a subtest' }
  if (!planned) return { problem: 'it has no plan, so nobody knows whether it is whole' }
  const [root] = levels
  const short = shortfall(root!)
  if (short) return { problem: short }
  for (const test of root!.tests) tests.add(test)
  return tests.done(broken)

  /** Opens a row below, or closes nothing: a row below is closed by the point that sums it up. */
  function moveTo(indent: number): string | undefined {
    if (indent > levels.at(-1)!.indent) {
      if (levels.length >= deepest) return `its subtests are nested more than ${deepest} deep`
      levels.push(levelAt(indent))
    }
    return undefined
  }

  function endPoint(level: Level, indent: number, failed: boolean, rest: string): string | undefined {
    const [, text = '', directive] = /^(.*?)(?:\s+#\s*(skip|todo)\b.*)?$/i.exec(rest)!
    const name = text.trim()
    const outcome = directive ? 'skipped' : failed ? 'failed' : 'passed'
    let own = level
    let below: Level | undefined
    while (own.indent > indent && levels.length > 1) {
      if (below) return 'a subtest ends without a result of its own'
      below = levels.pop()!
      own = levels.at(-1)!
    }
    own.points++
    if (!below) {
      own.tests.push({ groups: [], name, outcome })
      return undefined
    }
    const short = shortfall(below)
    if (short && outcome === 'passed') return short
    for (const test of below.tests) own.tests.push({ ...test, groups: [name, ...test.groups] })
    // A group that failed of itself, or that had nothing in it.
    const told = below.tests.some((test) => test.outcome === 'failed')
    if (outcome === 'failed' && !told) own.tests.push({ groups: [], name, outcome })
    return undefined
  }
}

const levelAt = (indent: number): Level => ({ indent, points: 0, plan: undefined, tests: [] })

function shortfall({ plan, points }: Level): string | undefined {
  return plan === undefined || plan === points ? undefined : `it planned ${plan} tests and has ${points}`
}
