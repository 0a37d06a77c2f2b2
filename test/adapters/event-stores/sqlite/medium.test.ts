import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { readAll, recorded, resumed } from '../../../contracts/event-store.ts'
import { startChild } from './children.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codeband-log-'))
  file = join(folder, 'state', 'deep', 'band.db')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const codeOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return (error as { code?: string }).code
  }
}

test('folders and files are made where there are none, readable by nobody else', async () => {
  const store = sqliteEventStore({ file })
  await store.append([resumed('a')], 0)
  await store.lead()
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
  expect(['state', 'state/deep'].map((path) => mode(join(folder, path)))).toEqual(['700', '700'])
  expect(['', '-wal', '-shm', '.head', '.lead'].map((end) => mode(file + end))).toEqual(Array(5).fill('600'))
  await store.close()
  expect(existsSync(`${file}-wal`)).toBe(false)
})

test('a place where no file can be made is told, with the cure', () => {
  writeFileSync(join(folder, 'state'), '')
  expect(() => sqliteEventStore({ file })).toThrow(/cannot be opened: .*Make the file and its folder/)
  expect(codeOf(() => sqliteEventStore({ file }))).toBe('CB_LOG_OPEN')
  expect(codeOf(() => sqliteEventStore({ file: folder }))).toBe('CB_LOG_OPEN')
})

test('a folder without write permission is told', async (context) => {
  if (process.getuid?.() === 0) context.skip('root may write anywhere')
  mkdirSync(join(folder, 'state', 'deep'), { recursive: true, mode: 0o500 })
  expect(codeOf(() => sqliteEventStore({ file }))).toBe('CB_LOG_OPEN')
})

test("a file that is no database, or another program's, is refused and left as it is", () => {
  const text = join(folder, 'text.db')
  writeFileSync(text, 'not a database at all, but long enough to be taken for one by its first page'.repeat(10))
  const before = statSync(text).mtimeMs
  expect(codeOf(() => sqliteEventStore({ file: text }))).toBe('CB_LOG_DAMAGED')
  expect(statSync(text).mtimeMs).toBe(before)

  const other = join(folder, 'other.db')
  const db = new DatabaseSync(other)
  db.exec('CREATE TABLE events (a)')
  db.close()
  expect(() => sqliteEventStore({ file: other })).toThrow(/another program.*of its own/)
})

test('a log of a newer schema is refused with what to do', async () => {
  await sqliteEventStore({ file }).close()
  const db = new DatabaseSync(file)
  db.exec('PRAGMA user_version = 7')
  db.close()
  expect(() => sqliteEventStore({ file })).toThrow(/schema 7; this codeband knows 1\. Use the newer/)
})

test('the version of SQLite is there for the doctor', async () => {
  const store = sqliteEventStore({ file })
  expect(store.sqliteVersion).toBe(process.versions.sqlite)
  await store.close()
})

test('a big body is stored once, however often it is said', async () => {
  const store = sqliteEventStore({ file })
  const text = 'long '.repeat(10_000)
  await store.append([resumed(text), resumed(text)], 0)
  await store.append([resumed(text)], 2)
  const db = new DatabaseSync(file)
  expect(db.prepare('SELECT count(*) AS bodies, sum(length(body)) AS bytes FROM bodies').get()).toEqual({
    bodies: 1,
    bytes: text.length,
  })
  expect(db.prepare('SELECT max(length(data)) AS longest FROM events').get()?.longest).toBeLessThan(200)
  db.close()
  await store.close()
})

test('a writer that never lets go makes the append fail after a bounded wait, nothing is written, and meanwhile this process does other things (F-ST-09)', async () => {
  const store = sqliteEventStore({ file })
  const other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  let turns = 0
  const ticking = setInterval(() => turns++, 5)
  const waiting = [store.append([resumed('a')], 0), store.append([resumed('b')], 1)]
  for (const one of waiting) {
    await expect(one).rejects.toMatchObject({ code: 'CB_LOG_APPEND', message: expect.stringContaining('for too long') })
  }
  clearInterval(ticking)
  expect(turns).toBeGreaterThan(100)
  other.exec('ROLLBACK')
  expect(await readAll(store)).toEqual([])
  await store.append([resumed('c')], 0)
  expect(await readAll(store)).toEqual(recorded([resumed('c')]))
  other.close()
  await store.close()
})

test('who waits for another writer gets its turn, in the order of asking, also on the way to close (F-ST-09)', async () => {
  const store = sqliteEventStore({ file })
  const lead = await store.lead()
  const other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  const first = store.append([resumed('a')], 0, lead)
  await new Promise((resolve) => setTimeout(resolve, 30))
  const second = store.append([resumed('b')], 1, lead)
  const wrong = store.append([resumed('c')], 0)
  const closed = store.close()
  setTimeout(() => other.exec('ROLLBACK'), 50)
  await Promise.all([first, second])
  await expect(wrong).rejects.toMatchObject({ code: 'CB_VERSION_CONFLICT' })
  await closed
  other.close()
  const again = sqliteEventStore({ file })
  expect(await readAll(again)).toEqual(recorded([resumed('a'), resumed('b')]))
  expect(again.leader()).toBeUndefined()
  await again.close()
})

test('every write begins with the write lock, since a later upgrade fails at once whatever the timeout (F-ST-10)', async () => {
  const store = sqliteEventStore({ file })
  const other = new DatabaseSync(file)
  other.exec('PRAGMA busy_timeout = 5000')
  other.exec('BEGIN')
  other.prepare('SELECT count(*) FROM events').get()
  await store.append([resumed('a')], 0)
  // What a deferred transaction would have met.
  expect(() => other.exec('DELETE FROM lead')).toThrow(/locked/)
  other.close()
  await store.close()
  const folder = new URL('../../../../adapters/event-stores/sqlite/', import.meta.url)
  const code = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'))
  const begins = code.flatMap((text) => text.match(/'BEGIN[^']*'/g) ?? []).sort()
  expect(begins).toEqual(["'BEGIN EXCLUSIVE'", "'BEGIN IMMEDIATE'", "'BEGIN IMMEDIATE'", "'BEGIN'"])
  // The one without is for reading.
  expect(code.join('\n')).toMatch(/function reading<T>[^}]*db\.exec\('BEGIN'\)/)
})

test('a log that others keep from being tidied is told, and shrinks once they let go (F-ST-14)', async () => {
  // In memory where there is such a place: it is the size that counts.
  const shm = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'codeband-wal-'))
  onTestFinished(() => rmSync(shm, { recursive: true }))
  const file = join(shm, 'band.db')
  const store = sqliteEventStore({ file })
  await store.append([resumed('a')], 0)
  const reader = new DatabaseSync(file)
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM events').get()
  const page = Array.from({ length: 2500 }, (_, i) => resumed(`${i}`.padEnd(7_000, 'x')))
  for (let at = 1; at < 12_000; at += page.length) await store.append(page, at)
  expect(store.remarks).toEqual([expect.stringMatching(/WAL has grown to \d+ MB/)])
  reader.exec('ROLLBACK')
  reader.close()
  await store.append([resumed('b')], 12_501)
  await store.close()
  expect(existsSync(`${file}-wal`)).toBe(false)
})

test('a full disk refuses whole appends, loses nothing, can be read, and goes on once there is space (F-ST-07)', async (context) => {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  const bwrap = ['bwrap', '--dev-bind', '/', '/', '--size', '3000000', '--tmpfs', disk]
  const probe = startChild(
    'warner.ts',
    [join(disk, 'probe.db')],
    ['sh', '-c', 'command -v bwrap && exec "$@"', '-', ...bwrap],
  )
  if ((await probe.ended) !== 0) context.skip('no small disk can be mounted here')
  const child = startChild('full-disk.ts', [join(disk, 'band.db')], bwrap)
  expect([await child.ended, child.stderr()]).toEqual([0, ''])
  const { full, after } = JSON.parse(child.lines[0]!)
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
  expect(full.acked).toBeGreaterThan(100)
  expect(full).toEqual({
    code: 'CB_LOG_APPEND',
    message: expect.stringContaining('disk is full'),
    acked: full.acked,
    head: full.acked,
    read: upTo(full.acked),
  })
  expect(after).toEqual({ acked: full.acked + 6, read: upTo(full.acked + 6) })
})

test('after a write error of the medium the process writes no more, but reads; the next process goes on (F-ST-08)', async () => {
  // The limit on the size of a file makes the system refuse a write with an error that is not a full disk.
  const child = startChild('write-error.ts', [file], ['sh', '-c', 'ulimit -f 500; exec "$@"', '-'])
  expect([await child.ended, child.stderr()]).toEqual([0, ''])
  const { acked, codes, read } = JSON.parse(child.lines[0]!)
  expect(acked).toBeGreaterThan(10)
  expect({ codes, read }).toEqual({ codes: ['CB_LOG_APPEND', 'CB_LOG_APPEND'], read: acked })
  const store = sqliteEventStore({ file })
  expect(store.head()).toBe(acked)
  await store.append([resumed('on')], acked)
  await store.close()
})
