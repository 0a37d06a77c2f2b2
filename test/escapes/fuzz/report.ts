import type { Catch } from './hunt.ts'

/** A table, every hole with how to see it again, and the closing line. */
export function linesOf(found: readonly Catch[], seed: number): string[] {
  const head = ['grammar', 'mutants', 'allowed', 'failed', 'denied', 'codes', 'slowest, ms', 'over 50 ms', 'holes']
  const rows = found.map(({ grammar, runs, answers, slowest, slow, hole }) => {
    const count = (answer: string) => answers.get(answer) ?? 0
    const codes = [...answers.keys()].filter((answer) => answer !== 'allowed' && answer !== 'failed')
    const denied = codes.reduce((sum, code) => sum + count(code), 0)
    const cells = [
      runs,
      count('allowed'),
      count('failed'),
      denied,
      codes.length,
      slowest.toFixed(1),
      slow,
      hole ? 1 : 0,
    ]
    return [grammar, ...cells.map(String)]
  })
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const table = all.map((row) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '),
  )
  const holes = found.flatMap(({ grammar, hole }) =>
    hole
      ? [`${grammar}, seed ${hole.seed}, path ${hole.path}: ${hole.fault.rule}: ${hole.fault.detail}`, hole.line]
      : [],
  )
  const mutants = found.reduce((sum, { runs }) => sum + runs, 0)
  const seconds = found.reduce((sum, one) => sum + one.seconds, 0)
  const broken = holes.length / 2
  return [
    ...table,
    ...holes,
    `${mutants} mutants, seed ${seed}, ${seconds.toFixed(1)} s: ${broken === 0 ? 'no hole' : `${broken} with a hole`}`,
  ]
}
