import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import type { Event } from '../../../../core/protocol/events.ts'
import { readAll, recorded, resumed } from '../../../contracts/event-store.ts'

const FILES = ['', '-wal', '.head'] as const
const CLOSED = 300
const KILLED = 120
/** Bytes at the beginning of a database, of which some are SQLite's own switches. Source: https://sqlite.org/fileformat.html */
const HEADER = 100

let folder: string
let killed: string
let closed: string
let truth: Event[]

function copy(from: string, to: string): void {
  for (const end of [...FILES, '-shm']) {
    rmSync(to + end, { force: true })
    if (end !== '-shm' && existsSync(from + end)) copyFileSync(from + end, to + end)
  }
}

/** What killed.db holds: 300 events in the database, 120 more in the WAL, as a killed process leaves them. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'codeband-damage-'))
  killed = join(folder, 'killed.db')
  closed = join(folder, 'closed.db')
  truth = Array.from({ length: CLOSED + KILLED }, (_, i) =>
    resumed(i % 40 === 7 ? `body ${i} `.repeat(2500) : `task ${i} ${'x'.repeat(i)}`),
  )
  const live = join(folder, 'live.db')
  const first = sqliteEventStore({ file: live })
  await first.lead()
  await first.append(truth.slice(0, CLOSED), 0)
  await first.close()
  copy(live, closed)
  const second = sqliteEventStore({ file: live })
  for (let i = CLOSED; i < truth.length; i++) await second.append([truth[i]!], i)
  // The note of a burst's last commit follows it by some milliseconds.
  await delay(50)
  copy(live, killed)
  await second.close()
})

afterAll(() => rmSync(folder, { recursive: true }))

type Answer = { readonly code: string } | { readonly events: readonly Event[] }

/** What a process that opens the log is told: all of it, or a refusal. A log that opens must also take an event and still be whole. */
async function ask(file: string): Promise<Answer> {
  try {
    const store = sqliteEventStore({ file })
    try {
      const events = await readAll(store)
      await store.append([resumed('next')], events.length)
      expect(await readAll(store)).toEqual([...events, ...recorded([resumed('next')], events.length)])
      return { events }
    } finally {
      await store.close()
    }
  } catch (error) {
    return { code: String((error as { code?: string }).code ?? error) }
  }
}

/** Number of the first event that is not as in the first `length` of the truth. */
function differsAt(events: readonly Event[], length: number): number | undefined {
  const wanted = recorded(truth.slice(0, length))
  const same = (seq: number) => JSON.stringify(sorted(events[seq - 1])) === JSON.stringify(sorted(wanted[seq - 1]))
  return Array.from({ length: Math.max(events.length, length) }, (_, i) => i + 1).find((seq) => !same(seq))
}

function sorted(event: object | undefined): unknown {
  return event && Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1))
}

function flip(file: string, place: (length: number) => number, bit: number): void {
  const bytes = readFileSync(file)
  bytes[place(bytes.length)]! ^= 1 << bit
  writeFileSync(file, bytes)
}

/** Where in a file, as a part of its length; a double would be near its beginning nearly always. */
const place = fc.noBias(fc.integer({ min: 0, max: 999_999 })).map((millionth) => millionth / 1_000_000)

test.each(FILES)(
  'a flipped bit in band.db%s is never believed: the whole log, or CB_LOG_DAMAGED (I-04, F-ST-04, F-ST-05)',
  async (end) => {
    const file = join(folder, 'flipped.db')
    const first = end === '' ? HEADER : 0
    const refused = { CB_LOG_DAMAGED: 0, none: 0 }
    await fc.assert(
      fc.asyncProperty(place, fc.nat(7), fc.boolean(), async (at, bit, wal) => {
        const [from, length] = wal || end === '-wal' ? [killed, truth.length] : [closed, CLOSED]
        copy(from, file)
        flip(file + end, (length) => first + Math.floor(at * (length - first)), bit)
        const answer = await ask(file)
        if ('code' in answer) expect(answer).toEqual({ code: 'CB_LOG_DAMAGED' })
        else expect(differsAt(answer.events, length)).toBeUndefined()
        refused['code' in answer ? 'CB_LOG_DAMAGED' : 'none'] += 1
      }),
      { numRuns: 120 },
    )
    expect(refused.CB_LOG_DAMAGED).toBeGreaterThan(20)
  },
)

test('a flipped bit in the header of the database is never believed either, though it may look like a newer schema or a file that may only be read', async () => {
  const file = join(folder, 'header.db')
  for (let place = 0; place < HEADER; place++) {
    copy(closed, file)
    flip(file, () => place, place % 8)
    const answer = await ask(file)
    if ('code' in answer) expect(answer.code).toBeOneOf(['CB_LOG_DAMAGED', 'CB_LOG_VERSION', 'CB_LOG_APPEND'])
    else expect(differsAt(answer.events, CLOSED)).toBeUndefined()
  }
})

test.each(FILES)('a band.db%s that ends early is never believed (F-ST-03)', async (end) => {
  const file = join(folder, 'short.db')
  await fc.assert(
    fc.asyncProperty(place, async (at) => {
      copy(killed, file)
      truncateSync(file + end, Math.floor(at * readFileSync(file + end).length))
      const answer = await ask(file)
      // The second half of the checkpoint is a copy of what the log itself says.
      if (end === '.head' && 'events' in answer) expect(differsAt(answer.events, truth.length)).toBeUndefined()
      else expect(answer).toEqual({ code: 'CB_LOG_DAMAGED' })
    }),
    { numRuns: 40 },
  )
})

test('after a power failure a torn WAL leaves a true beginning, never shorter than the synced checkpoint', async () => {
  const file = join(folder, 'torn.db')
  const lengths = new Set<number>()
  await fc.assert(
    fc.asyncProperty(place, async (at) => {
      copy(killed, file)
      truncateSync(`${file}.head`, 200)
      truncateSync(`${file}-wal`, Math.floor(at * readFileSync(`${file}-wal`).length))
      const answer = await ask(file)
      if ('code' in answer) throw new Error(answer.code)
      expect(differsAt(answer.events, answer.events.length)).toBeUndefined()
      expect(answer.events.length).toBeGreaterThanOrEqual(CLOSED)
      lengths.add(answer.events.length)
    }),
    { numRuns: 30 },
  )
  expect(lengths.size).toBeGreaterThan(5)
})

test('a log that was restored from before its checkpoint, or emptied, or copied without its WAL, is refused with the place (F-ST-06, F-ST-16)', async () => {
  const file = join(folder, 'restored.db')
  copy(killed, file)
  copyFileSync(closed, file)
  rmSync(`${file}-wal`)
  expect(() => sqliteEventStore({ file })).toThrow(
    /damaged at event 301: the log ends before it, but had reached event 420/,
  )
  copy(killed, file)
  rmSync(`${file}-wal`)
  writeFileSync(file, '')
  expect(() => sqliteEventStore({ file })).toThrow(/damaged at event 1: /)
  rmSync(file)
  expect(() => sqliteEventStore({ file })).toThrow(/damaged at event 1: /)
})

test('a whole log in the place of another one is refused: the checkpoint knows other events (I-04)', async () => {
  const other = join(folder, 'other.db')
  const store = sqliteEventStore({ file: other })
  await store.lead()
  const events = Array.from({ length: CLOSED + 5 }, (_, i) => resumed(`another task ${i}`))
  await store.append(events, 0)
  await store.close()
  const swapped = join(folder, 'swapped.db')
  copy(closed, swapped)
  copyFileSync(other, swapped)
  expect(await ask(swapped)).toEqual({ code: 'CB_LOG_DAMAGED' })
})

test('a copy is restored by leaving its checkpoint away (F-ST-16)', async () => {
  const file = join(folder, 'copy.db')
  copy(closed, file)
  rmSync(`${file}.head`)
  expect(await ask(file)).toEqual({ events: recorded(truth.slice(0, CLOSED)) })
  expect(existsSync(`${file}.head`)).toBe(true)
})

test('a copy that SQLite made while the log was in use is a whole log (F-ST-06)', async () => {
  const file = join(folder, 'vacuumed.db')
  copy(killed, `${file}.live`)
  const store = sqliteEventStore({ file: `${file}.live` })
  const db = new DatabaseSync(`${file}.live`)
  db.exec(`VACUUM INTO '${file}'`)
  db.close()
  await store.append([resumed('later')], truth.length)
  await store.close()
  expect(await ask(file)).toEqual({ events: recorded(truth) })
})

const forgeries: Record<string, { sql: string; told: RegExp }> = {
  'a changed event': {
    sql: `UPDATE events SET data = replace(data, 'task 5 ', 'task 6 ')`,
    told: /event 6: its content/,
  },
  'a changed hash': { sql: 'UPDATE events SET hash = zeroblob(32) WHERE seq = 8', told: /event 8: its content/ },
  'a removed event': { sql: 'DELETE FROM events WHERE seq = 9', told: /event 9: it is missing/ },
  'a removed end': { sql: 'DELETE FROM events WHERE seq > 290', told: /event 291: the log ends before it/ },
  'swapped events': {
    sql: 'UPDATE events SET seq = -seq WHERE seq IN (3, 4); UPDATE events SET seq = 7 + seq WHERE seq < 0',
    told: /event 3: its content/,
  },
  'an event of the future': {
    sql: 'INSERT INTO events SELECT 900, data, hash FROM events WHERE seq = 300',
    told: /event 301: it is missing/,
  },
  'an event after the last one, chained to nothing': {
    sql: 'INSERT INTO events SELECT 301, data, hash FROM events WHERE seq = 300',
    told: /event 301: its content does not fit the chain/,
  },
  'a lead that went back': { sql: 'DELETE FROM lead', told: /its lead has epoch 0, but had reached 1/ },
  'a changed lead': { sql: 'UPDATE lead SET epoch = 9', told: /the record of its lead was altered/ },
  'a changed table': { sql: 'CREATE TABLE more (a)', told: /its tables are not those of a log/ },
  'another kind of file': { sql: 'PRAGMA application_id = 1', told: /its header is broken/ },
}

test.each(Object.entries(forgeries))('%s is found when the log is opened (I-04, PR-019)', async (_, { sql, told }) => {
  const file = join(folder, 'forged.db')
  copy(closed, file)
  const db = new DatabaseSync(file)
  db.exec(sql)
  db.close()
  expect(() => sqliteEventStore({ file })).toThrow(told)
})

test('a row before the first event is none (PR-019)', async () => {
  const file = join(folder, 'before.db')
  copy(closed, file)
  const db = new DatabaseSync(file)
  db.exec(
    'INSERT INTO events SELECT -3 * seq, data, hash FROM events WHERE seq < 3; INSERT INTO events SELECT 0, data, hash FROM events WHERE seq = 3',
  )
  db.close()
  expect(await ask(file)).toEqual({ events: recorded(truth.slice(0, CLOSED)) })
})

/** What one flipped bit of a record's header does: SQLite checks the type of a value when it is written, never when it is read. */
function retyped(sql: string): string {
  const schema = (from: string, to: string) =>
    `UPDATE sqlite_schema SET sql = replace(sql, '${from}', '${to}'); PRAGMA writable_schema = RESET;`
  return `PRAGMA writable_schema = ON; ${schema(') STRICT', ')')} ${sql};
    PRAGMA writable_schema = ON; ${schema('NOT NULL)', 'NOT NULL) STRICT')}`
}

test.each([
  ['missing', 'DELETE FROM bodies', /event 8: its body \w+ is missing/],
  ['altered', `UPDATE bodies SET body = CAST('x' AS BLOB)`, /event 8: its body \w+ was altered/],
  ['of another type', retyped('UPDATE bodies SET body = 1'), /event 8: its body \w+ was altered/],
])('a body that is %s is told when its event is read, and no new event leans on it', async (_, sql, told) => {
  const file = join(folder, 'body.db')
  copy(closed, file)
  const db = new DatabaseSync(file, { defensive: false })
  db.exec(sql)
  db.close()
  const store = sqliteEventStore({ file })
  const seen: number[] = []
  const reading = async () => {
    for await (const { seq } of store.read()) seen.push(seq)
  }
  await expect(reading()).rejects.toThrow(told)
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7])
  const again = store.append([truth[7]!], CLOSED)
  if (sql.startsWith('DELETE')) await again
  else await expect(again).rejects.toThrow(/event 301: the stored copy of its body \w+ was altered/)
  await store.close()
})

test('damage that comes while the log is open is found before anything is read or built on it', async () => {
  const file = join(folder, 'open.db')
  copy(closed, file)
  const store = sqliteEventStore({ file })
  const db = new DatabaseSync(file)
  db.exec(`UPDATE events SET data = replace(data, 'task', 'tusk') WHERE seq = 200`)
  await expect(readAll(store)).rejects.toThrow(/event 200: its content/)
  expect(await readAll(store, 200)).toHaveLength(100)
  db.exec('DELETE FROM events WHERE seq > 250')
  await expect(store.append([resumed('a')], 250)).rejects.toThrow(/event 300: the log ends at event 250/)
  await expect(store.append([resumed('a')], 300)).rejects.toMatchObject({ code: 'CB_LOG_DAMAGED' })
  expect(store.head()).toBe(250)
  db.close()
  await store.close()
})

test.each([
  ['next', 301],
  ['future', 900],
])(
  'a row of the %s number that a foreign process puts into an open log is never believed, and nothing is built on it (PR-019)',
  async (_, seq) => {
    const file = join(folder, 'foreign.db')
    copy(closed, file)
    const store = sqliteEventStore({ file })
    const before = await readAll(store)
    const db = new DatabaseSync(file)
    const forged = JSON.stringify(resumed('forged'))
    db.prepare('INSERT INTO events VALUES (?, ?, randomblob(32))').run(seq, forged)
    const damaged = { code: 'CB_LOG_DAMAGED', values: expect.objectContaining({ seq: 301 }) }
    await expect(readAll(store)).rejects.toMatchObject(damaged)
    for (const expected of [CLOSED, 301, seq]) {
      await expect(store.append([resumed('mine')], expected)).rejects.toMatchObject({ code: 'CB_LOG_DAMAGED' })
    }
    expect(db.prepare('SELECT count(*) AS n FROM events').get()).toEqual({ n: before.length + 1 })
    db.close()
    await store.close()
  },
)
