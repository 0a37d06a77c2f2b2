import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import type { Event } from '../../core/protocol/events.ts'
import { fold } from '../../core/protocol/evolve.ts'
import { FOLD } from '../../core/protocol/fold-version.ts'
import { initialState } from '../../core/protocol/state.ts'
import { openLog } from '../../core/runtime/log.ts'
import { longHistory } from './long-history.ts'
import { alternate, compared, type Measure } from './measure.ts'

const FOLDED = 1_000_000
const LENGTHS = [1000, 10_000, 100_000]
/** Events since the fold was kept. */
const TAIL = 100
const ROUNDS = 3

/** What a long history costs: folding it, and opening it again with and without a kept fold. */
export async function longLogBench(): Promise<Measure[]> {
  return [await folding(), ...(await resuming())]
}

/** In pages, as a log is read, so that both contestants have the same heap around them. */
async function folding(): Promise<Measure> {
  const page = 500
  let state = initialState
  let [parsing, evolving] = [0, 0]
  let lines: string[] = []
  const take = (): void => {
    const begun = performance.now()
    const events = lines.map((line) => JSON.parse(line) as Event)
    const parsed = performance.now()
    state = fold(state, events)
    evolving += performance.now() - parsed
    parsing += parsed - begun
    lines = []
  }
  for (const event of longHistory(FOLDED)) if (lines.push(JSON.stringify(event)) === page) take()
  if (state.version !== FOLDED) throw new Error(`folded ${state.version} events`)
  return compared(`fold of ${FOLDED} events (floor: parsing them)`, 'ms', evolving, parsing, 'at most 0.5 times')
}

async function resuming(): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'codeband-bench-'))
  const rows: Measure[] = []
  try {
    for (const length of LENGTHS) {
      const events = [...longHistory(length)]
      const state = fold(initialState, events.slice(0, length - TAIL))
      const file = async (name: string, kept: boolean): Promise<string> => {
        const path = join(folder, name)
        const store = sqliteEventStore({ file: path })
        for (let at = 0; at < length; at += 1000) await store.append(events.slice(at, at + 1000), at)
        if (kept) store.keep({ seq: length - TAIL, state }, FOLD)
        await store.close()
        return path
      }
      const [plain, short] = [await file(`plain-${length}`, false), await file(`kept-${length}`, true)]
      const open = async (path: string): Promise<number> => {
        const begun = performance.now()
        const store = sqliteEventStore({ file: path })
        const log = await openLog({ store, now: () => 0 })
        const took = performance.now() - begun
        if (log.state.version !== length) throw new Error(`opened at ${log.state.version}`)
        log.close()
        await store.close()
        return took
      }
      const took = await alternate(ROUNDS, { whole: () => open(plain), kept: () => open(short) })
      const aim = length === LENGTHS.at(-1) ? { aim: 'at most 0.2 times' } : {}
      rows.push({
        ...compared(
          `open ${length} events, ${TAIL} after the kept fold (floor: no fold kept)`,
          'ms',
          took.kept,
          took.whole,
        ),
        ...aim,
      })
    }
    return rows
  } finally {
    rmSync(folder, { recursive: true })
  }
}
