import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { readAll, resumed } from '../../../contracts/event-store.ts'
import { type Child, startChild } from './children.ts'
import { needsStrace } from './strace.ts'

let folder: string
let file: string
const children: Child[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codeband-log-'))
  file = join(folder, 'new', 'band.db')
})

afterEach(async () => {
  for (const { process: child } of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function start(...args: Parameters<typeof startChild>): Child {
  const child = startChild(...args)
  children.push(child)
  return child
}

test('processes that race on a log that does not exist yet lose nothing and share every number out once (I-07)', async () => {
  const racers = ['a', 'b', 'c'].map((name) => start('appender.ts', [file, name, '80', join(folder, 'go')]))
  for (const racer of racers) await racer.line('ready')
  writeFileSync(join(folder, 'go'), '')
  expect(await Promise.all(racers.map(({ ended }) => ended))).toEqual([0, 0, 0])
  const acks = racers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('ack')))
  const store = sqliteEventStore({ file })
  const log = (await readAll(store)).map((event) => `ack ${event.seq} ${'task' in event ? event.task : ''}`)
  await store.close()
  expect(log).toHaveLength(240)
  expect(acks.sort()).toEqual(log.sort())
  expect(racers.flatMap(({ lines }) => lines).filter((line) => line === 'conflict').length).toBeGreaterThan(0)
})

test('every event that a killed process acknowledged is there, kill after kill (F-ST-01, I-02)', async () => {
  let acked = 0
  for (let round = 0; round < 6; round++) {
    const child = start('appender.ts', [file, `round ${round}`, '100000'])
    await child.line(`ack ${acked + 20 + round * 7} `)
    child.process.kill('SIGKILL')
    expect(await child.ended).toBe('SIGKILL')
    const last = child.lines.filter((line) => line.startsWith('ack')).at(-1)
    const before = acked
    const store = sqliteEventStore({ file })
    const events = await readAll(store)
    acked = events.length
    expect(acked - Number(last?.split(' ')[1])).toBeOneOf([0, 1])
    expect(events.slice(before).map((event) => event.at)).toEqual(Array.from({ length: acked - before }, (_, i) => i))
    if (round % 2 === 0) await store.close()
  }
})

test('a killed leader frees the lead at once, though its children live, and the next epoch is higher (I-06)', async () => {
  const store = sqliteEventStore({ file, process: 'heir' })
  for (const epoch of [1, 3]) {
    const child = start('leader.ts', [file, `leader ${epoch}`])
    const [, held, grandchild] = (await child.line('epoch')).split(' ')
    try {
      expect(Number(held)).toBe(epoch)
      expect(store.leader()).toBe(`leader ${epoch}`)
      expect(await store.lead()).toBeUndefined()
      child.process.kill('SIGKILL')
      await child.ended
      expect(store.leader()).toBeUndefined()
      const lead = await store.lead()
      expect(lead?.epoch).toBe(epoch + 1)
      expect(process.kill(Number(grandchild), 0)).toBe(true)
      await expect(store.append([resumed('late')], 0, { epoch, async release() {} })).rejects.toMatchObject({
        code: 'CB_NOT_LEADER',
      })
      await lead?.release()
    } finally {
      process.kill(Number(grandchild), 'SIGKILL')
    }
  }
  await store.close()
})

test('a leader that is only stopped keeps the lead, however long: it hangs on no time (F-ST-12, F-PR-02, F-PR-10)', async () => {
  const store = sqliteEventStore({ file })
  const child = start('leader.ts', [file, 'sleeper'])
  const [, , grandchild] = (await child.line('epoch')).split(' ')
  process.kill(Number(grandchild), 'SIGKILL')
  child.process.kill('SIGSTOP')
  expect(await store.lead()).toBeUndefined()
  expect(store.leader()).toBe('sleeper')
  await store.append([resumed('a person')], 0)
  await store.close()
})

test('the lead is there for the taking however often another process asks who has it', async () => {
  const store = sqliteEventStore({ file })
  await start('asker.ts', [file]).line('ready')
  for (let epoch = 1; epoch <= 100; epoch++) {
    const lead = await store.lead()
    expect(lead?.epoch).toBe(epoch)
    await lead?.release()
  }
  await store.close()
})

test('a process that uses the log prints no warning, and other warnings still show', async () => {
  const quiet = start('appender.ts', [file, 'quiet', '1'])
  expect([await quiet.ended, quiet.stderr()]).toEqual([0, ''])
  const loud = start('warner.ts', [file])
  expect(await loud.ended).toBe(0)
  expect(loud.stderr()).toMatch(/ExperimentalWarning: something else/)
  expect(loud.stderr()).not.toMatch(/SQLite/)
})

/** For each write of an acknowledgement: was the WAL changed after its last sync? */
function dirtyAcks(trace: string): boolean[] {
  let dirty = false
  const acks: boolean[] = []
  for (const line of trace.split('\n')) {
    if (/pwrite64\(\d+<[^>]*-wal>/.test(line)) dirty = true
    else if (/f(data)?sync\(\d+<[^>]*-wal>/.test(line)) dirty = false
    else if (/write\(1<[^>]*>, "ack/.test(line)) acks.push(dirty)
  }
  return acks
}

test('nothing is acknowledged before it is synced, seen from the system calls; a store that does not sync is told apart (I-02, F-ST-02)', async (context) => {
  needsStrace(context)
  const trace = join(folder, 'trace')
  const strace = ['strace', '-f', '-y', '-o', trace, '-e', 'trace=pwrite64,fsync,fdatasync,write']
  const child = start('appender.ts', [file, 'traced', '40'], strace)
  expect(await child.ended).toBe(0)
  expect(dirtyAcks(readFileSync(trace, 'utf8'))).toEqual(Array(40).fill(false))
  const careless = start('careless.ts', [join(folder, 'careless.db'), '40'], strace)
  expect(await careless.ended).toBe(0)
  expect(dirtyAcks(readFileSync(trace, 'utf8'))).toEqual(Array(40).fill(true))
})
