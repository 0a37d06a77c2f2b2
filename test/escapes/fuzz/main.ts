// npm run verify:fuzz [-- --runs N --seed S]: N mutants of known attacks against a real worktree; the same seed gives the same ones.
import { parseArgs } from 'node:util'
import { hunt } from './hunt.ts'
import { linesOf } from './report.ts'

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } })
const runs = Number(values.runs ?? 200_000)
const seed = Number(values.seed ?? 1)
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run verify:fuzz -- [--runs N] [--seed S], whole numbers')
  process.exit(2)
}
const found = await hunt(runs, seed)
for (const line of linesOf(found, seed)) console.log(line)
process.exitCode = found.some(({ hole }) => hole) ? 1 : 0
