import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import type { EventStore } from '../../../../core/ports/event-store.ts'
import { fold } from '../../../../core/protocol/evolve.ts'
import { FOLD } from '../../../../core/protocol/fold-version.ts'
import { initialState } from '../../../../core/protocol/state.ts'
import { openLog } from '../../../../core/runtime/log.ts'
import { longHistory } from '../../../bench/long-history.ts'
import { stateHash } from '../../../histories/golden.ts'

let folder: string
let file: string
const COUNT = 6000
const events = [...longHistory(COUNT)]
const whole = stateHash(fold(initialState, events))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codeband-snapshot-'))
  file = join(folder, 'band.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** The log as a band leaves it: `COUNT` events, and a fold of them all but those after `kept`. */
async function left(kept: number): Promise<void> {
  const store = sqliteEventStore({ file })
  await store.append(events, 0)
  store.keep({ seq: kept, state: fold(initialState, events.slice(0, kept)) }, FOLD)
  await store.close()
}

/** Opens the log as a leading band does; tells what it read, and what it folded to. */
async function opened(): Promise<{ state: string; read: number; remarks: readonly string[] }> {
  const store = sqliteEventStore({ file })
  try {
    let read = 0
    const counting: EventStore = {
      ...store,
      head: () => store.head(),
      async *read(from) {
        for await (const event of store.read(from)) {
          read++
          yield event
        }
      },
    }
    const log = await openLog({ store: counting, now: () => 1 })
    return { state: stateHash(log.state), read, remarks: store.remarks }
  } finally {
    await store.close()
  }
}

test('a log that is opened again reads only what came after its kept fold, and folds to the same', async () => {
  await left(COUNT - 10)
  expect(await opened()).toEqual({ state: whole, read: 10, remarks: [] })
})

test('a leading log keeps its fold by itself: while it works, and when it is closed', async () => {
  const store = sqliteEventStore({ file })
  await store.append(events, 0)
  const lead = await store.lead()
  const log = await openLog({ store, now: () => 1, lead: lead! })
  await log.must({ type: 'TakeLead', epoch: lead!.epoch, process: 'p' })
  const seqOf = () => JSON.parse(readFileSync(`${file}.snapshot`, 'utf8').slice(64).split('\n')[0]!).seq
  const kept = log.state.version
  expect(kept).toBeGreaterThan(COUNT)
  expect(seqOf()).toBe(kept)
  for (let i = 0; i < 300; i++) await log.must({ type: 'TakeLead', epoch: lead!.epoch + 1 + i, process: 'p' })
  expect(seqOf()).toBe(kept)
  log.close()
  expect(seqOf()).toBe(log.state.version)
  expect(log.state.version).toBeGreaterThanOrEqual(kept + 300)
  await store.close()
})

test('a log that does not lead keeps nothing', async () => {
  const store = sqliteEventStore({ file })
  await store.append(events, 0)
  const log = await openLog({ store, now: () => 1 })
  log.close()
  await store.close()
  expect(existsSync(`${file}.snapshot`)).toBe(false)
})

test('a fold of another version is not used, and nothing is wrong', async () => {
  const store = sqliteEventStore({ file })
  await store.append(events, 0)
  store.keep({ seq: 100, state: { of: 'another shape' } }, 'fold 0')
  await store.close()
  expect(await opened()).toEqual({ state: whole, read: COUNT, remarks: [] })
})

test.each<[string, (text: string) => string | undefined, RegExp | undefined]>([
  ['missing', () => undefined, undefined],
  ['empty', () => '', /unreadable/],
  ['altered', (text) => text.replace('"running"', '"ended"').replace('"version":', '"version": '), /unreadable/],
  ['of a log that is longer', (text) => text, /of another log/],
])(
  'without a fold that fits, here one that is %s, the log folds from its first event, and says so',
  async (how, change, told) => {
    await left(COUNT - 10)
    const next = change(readFileSync(`${file}.snapshot`, 'utf8'))
    if (next === undefined) rmSync(`${file}.snapshot`)
    else writeFileSync(`${file}.snapshot`, next)
    let length = COUNT
    if (how === 'of a log that is longer') {
      // An older copy was put back, and its checkpoint left away, as docs say; the snapshot stayed.
      length = 4000
      const db = new DatabaseSync(file)
      db.exec(`DELETE FROM events WHERE seq > ${length}`)
      db.close()
      rmSync(`${file}.head`)
    }
    const { state, read, remarks } = await opened()
    expect({ state, read }).toEqual({ state: stateHash(fold(initialState, events.slice(0, length))), read: length })
    expect(remarks).toEqual(told ? [expect.stringMatching(told)] : [])
  },
)

test('a fold that was kept on another branch of history is not used (F-ST-16)', async () => {
  await left(COUNT - 10)
  for (const end of ['', '.head']) rmSync(file + end)
  const store = sqliteEventStore({ file })
  await store.append([...longHistory(COUNT)].reverse(), 0)
  expect(store.remarks).toEqual([expect.stringMatching(/of another log/)])
  await store.close()
  expect(await opened()).toMatchObject({ read: COUNT, remarks: [expect.stringMatching(/of another log/)] })
})

test('damage in the older history stops a leading band at its exact place, while what needs only the newer part goes on without a lead', async () => {
  await left(COUNT - 10)
  const db = new DatabaseSync(file)
  db.exec(`UPDATE events SET data = replace(data, '"task"', '"tusk"') WHERE seq = 1234`)
  db.close()
  expect((await opened()).state).toBe(whole)
  const store = sqliteEventStore({ file })
  const lead = await store.lead()
  const log = await openLog({ store, now: () => 1, lead: lead! })
  const waits = log.until(() => undefined, new AbortController().signal)
  await expect(waits).rejects.toThrow(
    /damaged at event 1234: its content does not fit the chain.*codeband log --export/,
  )
  expect(log.failure).toMatchObject({ code: 'CB_LOG_DAMAGED', values: { seq: 1234 } })
  await expect(log.must({ type: 'TakeLead', epoch: 5, process: 'p' })).rejects.toBe(log.failure)
  log.close()
  await store.close()
})

test('a fold that cannot be kept is told, and the log goes on', async () => {
  const store = sqliteEventStore({ file })
  await store.append(events.slice(0, 10), 0)
  mkdirSync(`${file}.snapshot.next`)
  store.keep({ seq: 10, state: initialState }, FOLD)
  expect(store.remarks).toEqual([expect.stringMatching(/could not be kept \(EISDIR/)])
  await store.append(events.slice(10, 11), 10)
  await store.close()
})
