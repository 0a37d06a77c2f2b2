import type { CheckResult, CheckTests } from '../../protocol/events.ts'
import type { Runtime } from '../runtime.ts'
import { prepareWorktree } from '../setup.ts'
import { inconclusiveWords } from './judge.ts'
import { keptNames } from './kept-names.ts'
import { type CheckRun, checkPlace, isGreen, putBack, runCheck } from './run-check.ts'

/** Names of missing tests that are told; their number is told in any case. */
const told = 5

type OfBase = { names: readonly string[] } | { problem: string }

/** The results of a candidate whose checks are green, each with what its report leaves out of what passed on the base. The candidate's
 *  own names are kept: once it has landed it is the next base. */
export async function compareWithBase(
  runtime: Runtime,
  base: string,
  commit: string,
  runs: readonly CheckRun[],
): Promise<CheckResult[]> {
  const reporting = runs.flatMap(({ names }, check) => (names ? [{ check, names }] : []))
  if (reporting.length === 0) return runs.map(({ result }) => result)
  const { workspaces } = runtime
  const kept = keptNames(runtime)
  const tree = await workspaces.tree(commit)
  for (const { check, names } of reporting) await kept.put(tree, check, names)
  const before = await testsOfBase(runtime, base, reporting.at(-1)!.check)
  return runs.map(({ result, names }, check) => {
    if (names === undefined) return result
    return { ...result, tests: { ...result.tests!, ...difference(before[check]!, names) } }
  })
}

function difference(before: OfBase, names: readonly string[]): Pick<CheckTests, 'missing' | 'uncompared'> {
  if ('problem' in before) return { uncompared: before.problem }
  const ran = new Set(names)
  const gone = before.names.filter((name) => !ran.has(name))
  return gone.length === 0 ? {} : { missing: { count: gone.length, names: gone.slice(0, told) } }
}

/** What the checks, up to and with number `last`, report on the base: as it is kept, else by running them there. */
async function testsOfBase(runtime: Runtime, base: string, last: number): Promise<readonly OfBase[]> {
  const { workspaces, config } = runtime
  const kept = keptNames(runtime)
  const tree = await workspaces.tree(base)
  const checks = config.checks.slice(0, last + 1)
  const known = await Promise.all(checks.map(({ report }, check) => (report ? kept.get(tree, check) : [])))
  if (known.every((names) => names !== undefined)) return known.map((names) => ({ names }))

  // A worktree of their own: what a candidate left in its own has no say in what it is compared with.
  const place = checkPlace(runtime, 'mergemaster-base')
  const worktree = await prepareWorktree(runtime, place, base, base)
  const found: OfBase[] = []
  for (const [check, one] of checks.entries()) {
    const tooMany = check > 0 ? await putBack(worktree) : undefined
    if (tooMany) {
      const problem = `\`${checks[check - 1]!.command.join(' ')}\` left ${tooMany} on the base`
      return checks.map((_, at) => found[at] ?? { problem })
    }
    const { result, names = [] } = await runCheck(runtime, one, place, worktree.path)
    if (!isGreen(result)) {
      const how = inconclusiveWords(result) || `it ended with ${result.exitCode ?? 'a signal'}`
      const problem = `\`${one.command.join(' ')}\` is not green on the base (${how})`
      // It may be otherwise the next time, so that is not kept.
      return checks.map((_, at) => found[at] ?? { problem })
    }
    if (one.report !== undefined) await kept.put(tree, check, names)
    found.push({ names })
  }
  return found
}
