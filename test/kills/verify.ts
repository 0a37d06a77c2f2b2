// npm run verify:kills [-- --rounds N --seed S]: every named moment, then N runs struck from outside by the seeds S, S + 1, ...
import { parseArgs } from 'node:util'
import { bury, type Grave } from './bury.ts'
import { type Fault, faultsOf } from './faults.ts'
import { moments } from './points.ts'
import { blowsOf, strike } from './strike.ts'
import { openGraveyard, type Remains, remainsOf } from './world.ts'

interface Row {
  name: string
  rounds: number
  kills: number
  recovered: number
  duplicates: number
  /** Milliseconds. */
  slowest: number
}

interface Round {
  row: Row
  /** How to see it again. */
  label: string
  whole: Remains
  run(): Promise<Grave>
}

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const rounds = Number(values.rounds ?? 50)
const seed = Number(values.seed ?? 1)
const rowOf = (name: string): Row => ({ name, rounds: 0, kills: 0, recovered: 0, duplicates: 0, slowest: 0 })

const yard = await openGraveyard()
const began = performance.now()
try {
  const free = await remainsOf((await bury(yard, [])).place)
  const approved = await remainsOf((await bury(yard, [], 'approve')).place)
  const named = values.only === 'seeds' ? [] : moments
  const queue: Round[] = named.flatMap(({ name, kills, life }) => {
    const row = rowOf(name)
    return kills.map((kill) => ({
      row,
      label: `${kill.point}, pass ${kill.pass}`,
      whole: life ? approved : free,
      run: () => bury(yard, [kill], life),
    }))
  })
  const struck = rowOf(`from outside, seeds ${seed} to ${seed + rounds - 1}`)
  for (let one = seed; one < seed + rounds; one++) {
    const label = `--only seeds --rounds 1 --seed ${one} (${JSON.stringify(blowsOf(one))})`
    queue.push({ row: struck, label, whole: free, run: () => strike(yard, one) })
  }
  const rows = [...new Set(queue.map(({ row }) => row))]
  await Promise.all([work(queue), work(queue)])
  report(rows)
} finally {
  yard.remove()
}

async function work(queue: Round[]): Promise<void> {
  for (let one = queue.shift(); one; one = queue.shift()) {
    const { row, label, whole, run } = one
    row.rounds++
    let faults: Fault[]
    try {
      const { place, killed, recovery } = await run()
      row.kills += killed
      row.slowest = Math.max(row.slowest, recovery)
      faults = await faultsOf(place, whole)
    } catch (error) {
      faults = [{ kind: 'lost', what: String(error) }]
    }
    if (faults.length === 0) row.recovered++
    if (faults.some(({ kind }) => kind === 'twice')) row.duplicates++
    for (const fault of faults) console.error(`${row.name}: ${label}: ${JSON.stringify(fault)}`)
  }
}

function report(rows: readonly Row[]): void {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1)
  const cells = [
    ['killed', 'rounds', 'kills', 'recovered', 'duplicates', 'slowest recovery, s'],
    ...rows.map((row) =>
      [row.name, row.rounds, row.kills, row.recovered, row.duplicates, seconds(row.slowest)].map(String),
    ),
  ]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  for (const row of cells)
    console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '))
  const sum = (of: (row: Row) => number): number => rows.reduce((all, row) => all + of(row), 0)
  const [all, recovered, twice] = [sum((row) => row.rounds), sum((row) => row.recovered), sum((row) => row.duplicates)]
  const slowest = seconds(Math.max(...rows.map((row) => row.slowest)))
  console.log(
    `${all} rounds with ${sum((row) => row.kills)} kills: ${recovered} recovered, ${twice} with duplicates; slowest recovery ${slowest} s; ${seconds(performance.now() - began)} s in all`,
  )
  if (recovered < all) process.exitCode = 1
}
