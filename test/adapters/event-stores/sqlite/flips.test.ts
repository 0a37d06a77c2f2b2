import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isDamage, salvage } from '../../../../adapters/event-stores/sqlite/salvage.ts'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { CodebandError } from '../../../../core/errors.ts'
import type { Event, Recorded } from '../../../../core/protocol/events.ts'
import { fold } from '../../../../core/protocol/evolve.ts'
import { FOLD } from '../../../../core/protocol/fold-version.ts'
import { initialState } from '../../../../core/protocol/state.ts'
import { openLog } from '../../../../core/runtime/log.ts'
import { eventsOf, history, names, stateHash } from '../../../histories/golden.ts'

const ENDS = ['', '-wal', '.head', '.snapshot'] as const
type End = (typeof ENDS)[number]

/** How many of each: two hundred in all. `killed` has a third of its events in the WAL, `closed` has none. */
const plan: readonly { log: 'closed' | 'killed'; end: End; flips: number; cuts: number }[] = [
  { log: 'closed', end: '', flips: 50, cuts: 10 },
  { log: 'killed', end: '', flips: 20, cuts: 5 },
  { log: 'killed', end: '-wal', flips: 45, cuts: 15 },
  { log: 'killed', end: '.snapshot', flips: 20, cuts: 10 },
  { log: 'killed', end: '.head', flips: 15, cuts: 10 },
]

let folder: string
const truth: Recorded[] = []
/** The truth as JSON, and what the first of it fold to. */
let texts: string[]
const wanted = { closed: '', killed: '' }
const lengths = { closed: 0, killed: 0 }

/** The recorded runs as the tasks of one band, and one event so big that its body lies apart. */
function realHistory(): Event[] {
  const events = names().flatMap((name, i) =>
    eventsOf(history(name)).map((event) => JSON.parse(JSON.stringify(event).replaceAll('"t1', `"t${i + 1}`)) as Event),
  )
  const said = events.find((event) => event.type === 'TextSaid')!
  return events.toSpliced(40, 0, { ...said, text: 'a long answer '.repeat(2000) })
}

const where = (log: string): string => join(folder, `${log}.db`)

function copy(from: string, to: string): void {
  for (const end of [...ENDS, '-shm']) {
    rmSync(to + end, { force: true })
    if (end !== '-shm' && existsSync(from + end)) copyFileSync(from + end, to + end)
  }
}

beforeAll(async () => {
  // In memory where there is such a place: what counts here are the bytes, not that they outlive a power failure.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'codeband-flips-'))
  const events = realHistory()
  truth.push(...events.map((event, i) => ({ ...event, seq: i + 1 }) as Recorded))
  lengths.killed = events.length
  lengths.closed = Math.floor(events.length * 0.66)
  texts = truth.map((event) => JSON.stringify(event))
  for (const log of ['closed', 'killed'] as const)
    wanted[log] = stateHash(fold(initialState, truth.slice(0, lengths[log])))
  const live = where('live')
  const first = sqliteEventStore({ file: live })
  const lead = await first.lead()
  for (let at = 0; at < lengths.closed; at += 5) {
    await first.append(events.slice(at, Math.min(at + 5, lengths.closed)), at, lead)
  }
  const seq = lengths.closed - 50
  first.keep({ seq, state: fold(initialState, truth.slice(0, seq)) }, FOLD)
  await first.close()
  copy(live, where('closed'))
  const second = sqliteEventStore({ file: live })
  for (let at = lengths.closed; at < events.length; at++) await second.append([events[at]!], at)
  // The note of a burst's last commit follows it by some milliseconds.
  await delay(50)
  copy(live, where('killed'))
  await second.close()
})

afterAll(() => rmSync(folder, { recursive: true }))

/** What became of a damage. `wrong`: a decision on something that never was. */
type Fate = 'refused' | 'folded from 0' | 'found beside' | 'unused bytes' | 'wrong'

/** Opens the log as a leading band does, up to its first decision, and then waits for the check of the older history. */
async function fateOf(file: string, wanted: string): Promise<Fate> {
  const stop = new AbortController()
  let store: ReturnType<typeof sqliteEventStore> | undefined
  let folded = false
  try {
    store = sqliteEventStore({ file })
    const lead = await store.lead()
    const log = await openLog({ store, now: () => 1, lead: lead! })
    if (stateHash(log.state) !== wanted) return 'wrong'
    folded = true
    const { remarks } = store
    const answer = await log.dispatch({ type: 'TakeLead', epoch: lead!.epoch + 100, process: 'p' })
    if ('rejected' in answer) throw new Error(answer.reason)
    const found = await store.check().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (found !== undefined) {
      expect(found).toMatchObject({ code: 'CB_LOG_DAMAGED', values: { seq: expect.any(Number) } })
      // The band learns it too, and acts on nothing more.
      await expect(log.until(() => undefined, stop.signal)).rejects.toThrow(/damaged at event \d+/)
      await expect(log.dispatch({ type: 'ResumeTask', task: 't1' })).rejects.toThrow(/damaged at event \d+/)
    }
    log.close()
    return found !== undefined ? 'found beside' : remarks.length > 0 ? 'folded from 0' : 'unused bytes'
  } catch (error) {
    if (!CodebandError.is(error)) throw error
    expect(error.code).toBeOneOf(['CB_LOG_DAMAGED', 'CB_LOG_VERSION', 'CB_LOG_APPEND', 'CB_LOG_OPEN'])
    // The check goes on beside from the first moment, and may be done before the first decision is.
    return folded && error.code === 'CB_LOG_DAMAGED' ? 'found beside' : 'refused'
  } finally {
    stop.abort()
    await store?.close()
  }
}

/** Only true events are exported. Returns how many places are told as damaged. */
function exportOf(file: string): number {
  const all = [...salvage(file)]
  for (const one of all) {
    if (!isDamage(one) && JSON.stringify(one) !== texts[one.seq - 1]) expect(one).toEqual(truth[one.seq - 1])
  }
  return all.filter(isDamage).length
}

/** The same sequence on every run, so that a failure can be met again. Source: mulberry32 by Tommy Ettinger, public domain. */
function random(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

test('two hundred flipped bits and cut ends in the database, its WAL, its checkpoint and its snapshot: none leads to a decision on what never was (I-04, F-ST-03, F-ST-04, F-ST-05)', {
  timeout: 120_000,
}, async () => {
  const next = random(20_261_121)
  const file = where('damaged')
  const rows: Record<string, string | number>[] = []
  for (const { log, end, flips, cuts } of plan) {
    for (const [kind, count] of [
      ['flipped bits', flips],
      ['cut ends', cuts],
    ] as const) {
      const fates: Record<Fate, number> = {
        refused: 0,
        'folded from 0': 0,
        'found beside': 0,
        'unused bytes': 0,
        wrong: 0,
      }
      for (let i = 0; i < count; i++) {
        copy(where(log), file)
        const bytes = readFileSync(file + end)
        // One in each of `count` equal parts, so that every region of the file is met.
        const place = Math.floor(((i + next()) / count) * bytes.length)
        if (kind === 'cut ends') truncateSync(file + end, place)
        else {
          bytes[place]! ^= 1 << Math.floor(next() * 8)
          writeFileSync(file + end, bytes)
        }
        copy(file, `${file}.export`)
        const fate = await fateOf(file, wanted[log])
        expect({ fate, log, end, kind, place }).not.toMatchObject({ fate: 'wrong' })
        fates[fate] += 1
        const damages = exportOf(`${file}.export`)
        if (fate === 'found beside') expect({ place, damages }).not.toMatchObject({ damages: 0 })
      }
      rows.push({ file: `band.db${end} (${log})`, damage: kind, count, ...fates })
    }
  }
  console.table(rows)
  const sum = (fate: Fate) => rows.reduce((total, row) => total + Number(row[fate]), 0)
  expect(rows.reduce((total, { count }) => total + Number(count), 0)).toBe(200)
  expect(sum('wrong')).toBe(0)
  // Each kind of answer is met, so that none of them is untried.
  for (const fate of ['refused', 'folded from 0', 'found beside', 'unused bytes'] as const) {
    expect({ fate, times: sum(fate) }).not.toMatchObject({ times: 0 })
  }
})
