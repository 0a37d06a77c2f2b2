import { canBench } from './can.ts'
import { coldStartBench } from './cold-start.ts'
import { effectsBench } from './effects.ts'
import { eventStoreBench } from './event-store.ts'
import { gateBench } from './gate.ts'
import { gatewayBench } from './gateway.ts'
import { loadRolesBench } from './load-roles.ts'
import { longLogBench } from './long-log.ts'
import { isMet, type Measure, type Skipped } from './measure.ts'
import { sandboxBench } from './sandbox.ts'

type Row = (Measure & { readonly met?: boolean }) | Skipped

const benches: Readonly<Record<string, () => Promise<(Measure | Skipped)[]>>> = {
  can: canBench,
  'cold start': coldStartBench,
  effects: effectsBench,
  'event store': eventStoreBench,
  gate: gateBench,
  gateway: gatewayBench,
  'loading roles': loadRolesBench,
  'long log': longLogBench,
  sandbox: sandboxBench,
}

const json = process.argv.includes('--json')
const rows: Row[] = []
for (const [name, bench] of Object.entries(benches)) {
  try {
    for (const row of await bench()) rows.push('skipped' in row ? row : { ...row, met: isMet(row) })
  } catch (error) {
    // The other benches still tell what they measure; a missing figure is this program's failure, a missed aim is not.
    console.error(`${name} could not be measured: ${error instanceof Error ? error.stack : error}`)
    process.exitCode = 1
  }
}
console.log(json ? JSON.stringify(rows, null, 2) : table(rows))

function table(all: readonly Row[]): string {
  const cells = [['what', 'value', 'unit', 'floor', 'ratio', 'aim', 'met?'], ...all.map(cellsOf)]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells
    .map((row) => {
      const padded = row.map((cell, column) =>
        [1, 3, 4].includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      return padded.join('  ').trimEnd()
    })
    .join('\n')
}

function cellsOf(row: Row): string[] {
  if ('skipped' in row) return [row.name, '', '', '', '', `skipped: ${row.skipped}`, '']
  const { name, value, unit, floor, ratio, aim = '', met } = row
  const beside = floor === 0 ? ['', ''] : [figure(floor), figure(ratio)]
  return [name, figure(value), unit, ...beside, aim, met === undefined ? '' : met ? 'yes' : 'NO']
}

/** Three significant digits, whole numbers in full. */
function figure(number: number): string {
  return number >= 100 ? Math.round(number).toString() : Number(number.toPrecision(3)).toString()
}
