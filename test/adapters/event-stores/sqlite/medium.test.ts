import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
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

test('a writer that never lets go makes the append fail after a bounded wait, and nothing is written (F-ST-09)', async () => {
  const store = sqliteEventStore({ file })
  const other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  const started = performance.now()
  await expect(store.append([resumed('a')], 0)).rejects.toMatchObject({ code: 'CB_LOG_APPEND' })
  expect(performance.now() - started).toBeGreaterThan(4000)
  other.exec('ROLLBACK')
  expect(await readAll(store)).toEqual([])
  await store.append([resumed('b')], 0)
  expect(await readAll(store)).toEqual(recorded([resumed('b')]))
  other.close()
  await store.close()
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
