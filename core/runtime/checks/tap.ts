import { setImmediate as pause } from 'node:timers/promises'
import { gather, mostTests, type Reported, type ReportedTest, type Unreadable } from './reported.ts'

const deepest = 100
/** Characters of a line that are looked at. */
const longestLine = 10_000
/** Characters between two looks at the rest of the world. */
const piece = 256 * 1024

/** A result: of a test, or of the group that the row below makes. */
interface Point {
  name: string
  outcome: ReportedTest['outcome']
  below?: Row
}

/** Points of the same indentation, up to the one that sums them up. */
interface Row {
  indent: number
  plan: number | undefined
  points: Point[]
}

/** Reads a report in the Test Anything Protocol, versions 12 to 14. A point that others stand below is a group: they are the tests. */
export async function readTap(text: string, worktree: string): Promise<Reported | Unreadable> {
  const root = rowAt(0)
  const open = [root]
  let total = 0
  let bailed: string | undefined
  /** Indentation of the YAML block that is open: nothing in it is a point. */
  let block: number | undefined

  for (let at = 0, end = 0, paused = 0; at < text.length; at = end + 1) {
    if (at > paused + piece) {
      paused = at
      await pause()
    }
    end = text.indexOf('\n', at)
    if (end < 0) end = text.length
    const line = text.slice(at, Math.min(end, at + longestLine)).trimEnd()
    if (line === '') continue
    const body = line.trimStart()
    const indent = line.length - body.length
    if (block !== undefined) {
      if (body === '...' && indent === block) block = undefined
      continue
    }
    if (body === '---') block = indent
    if (body.startsWith('Bail out!')) bailed ??= body
    const plan = /^1\.\.(\d{1,9})(?:\s|$)/.exec(body)?.[1]
    const point = /^(not )?ok\b(?:\s+\d+)?(?:\s+-)?\s*(.*)$/.exec(body)
    if (plan === undefined && point === null) continue
    if (indent > open.at(-1)!.indent) {
      if (open.length >= deepest) return { problem: `its subtests are nested more than ${deepest} deep` }
      open.push(rowAt(indent))
    }
    const row = open.at(-1)!
    if (plan !== undefined) {
      if (row.plan !== undefined || indent < row.indent) return { problem: 'its plans do not fit its rows' }
      row.plan = Number(plan)
      continue
    }
    if (++total > mostTests) return { problem: `it names more than ${mostTests} tests` }
    const made = pointOf(point![1] !== undefined, point![2]!)
    if (indent < row.indent) {
      made.below = open.pop()!
      if (indent < open.at(-1)!.indent) return { problem: 'a subtest ends without a result of its own' }
    }
    open.at(-1)!.points.push(made)
  }
  if (block !== undefined) return { problem: 'it ends in the middle of a block' }
  if (open.length > 1) return { problem: 'it ends in the middle of a subtest' }
  if (root.plan === undefined) return { problem: 'it has no plan, so nobody knows whether it is whole' }
  const tests = gather(worktree)
  const short = addTests(root, [], tests.add)
  return short === undefined ? tests.done(bailed) : { problem: short }
}

const rowAt = (indent: number): Row => ({ indent, plan: undefined, points: [] })

function pointOf(failed: boolean, text: string): Point {
  const directive = /#[ \t]{0,9}(?:skip|todo)/i.exec(text)
  // Behind a backslash it is part of the name.
  const counts = directive !== null && text[directive.index - 1] !== '\\'
  const name = (counts ? text.slice(0, directive.index) : text).trim()
  return { name, outcome: counts ? 'skipped' : failed ? 'failed' : 'passed' }
}

/** The problem of a row that is not as long as it was to be. */
function addTests(
  { plan, points }: Row,
  groups: readonly string[],
  add: (test: ReportedTest) => boolean,
): string | undefined {
  if (plan !== undefined && plan !== points.length) return `it planned ${plan} tests and has ${points.length}`
  for (const { name, outcome, below } of points) {
    const isGroup = below !== undefined && below.points.length > 0
    const short = below && addTests(below, [...groups, name], add)
    if (short !== undefined) return short
    // A group may fail of itself; what is skipped as a whole has run nothing.
    const ofItself = outcome === 'failed' && isGroup && !below.points.some((one) => one.outcome === 'failed')
    if (!isGroup || ofItself) add({ groups, name, outcome: below && outcome === 'passed' ? 'skipped' : outcome })
  }
  return undefined
}
