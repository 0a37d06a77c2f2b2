import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import type { EventStore } from '../../core/ports/event-store.ts'
import type { Event } from '../../core/protocol/events.ts'
import { alternate, compared, type Measure } from './measure.ts'

const ROUNDS = 40
/** Appends of one writer in a round. */
const SINGLE = 50
const WRITERS = 100
/** Appends of each of them in a round. */
const TURNS = 5
const REPLAY_ROUNDS = 5
const REPLAY = 100_000
const AT = 1_763_719_000_000

/** Durable appends and the replay of a log, each beside the least that the machine needs for it, in alternating rounds. */
export async function eventStoreBench(): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'codeband-bench-'))
  try {
    return [
      await appending('durable append, one writer', join(folder, 'one'), 'at least 0.8 of a plain INSERT', {
        ours: appendOneByOne,
        floor: insertOneByOne,
      }),
      await appending(
        `durable append, ${WRITERS} writers at once`,
        join(folder, 'many'),
        'at least 0.8 of a bare group commit',
        { ours: appendTogether, floor: insertTogether },
      ),
      await replay(join(folder, 'replay.db')),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Contest {
  /** Both give operations a second. */
  ours(store: EventStore): Promise<number>
  floor(db: DatabaseSync): Promise<number>
}

/** Many short rounds in turn, because the disk is another one every second. */
async function appending(name: string, files: string, aim: string, { ours, floor }: Contest): Promise<Measure> {
  const db = plain(`${files}-plain.db`)
  const store = sqliteEventStore({ file: `${files}.db` })
  try {
    const rates = await alternate(ROUNDS, { floor: () => floor(db), ours: () => ours(store) })
    return compared(name, 'events/s', rates.ours, rates.floor, aim)
  } finally {
    db.close()
    await store.close()
  }
}

async function rate(operations: number, work: () => unknown): Promise<number> {
  const started = performance.now()
  await work()
  return (operations / (performance.now() - started)) * 1000
}

/** About 190 bytes of JSON. */
function event(i: number): Event {
  return {
    type: 'ToolCalled',
    at: AT + i,
    task: 't1',
    turn: `t1.conductor.${i % 50}`,
    worker: 'coder-codex-0',
    call: `call-${i}`,
    tool: 'run_tests',
    input: { command: ['npm', 'test'], attempt: i },
  }
}

function appendOneByOne(store: EventStore): Promise<number> {
  let head = store.head()
  return rate(SINGLE, async () => {
    for (let i = 0; i < SINGLE; i++) await store.append([event(head)], head++)
  })
}

/** Every writer waits for its own event before it appends the next. */
function appendTogether(store: EventStore): Promise<number> {
  let head = store.head()
  const writer = async () => {
    for (let i = 0; i < TURNS; i++) {
      const expected = head++
      await store.append([event(expected)], expected)
    }
  }
  return rate(WRITERS * TURNS, () => Promise.all(Array.from({ length: WRITERS }, writer)))
}

function plain(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  db.exec('CREATE TABLE events (seq INTEGER PRIMARY KEY, data TEXT NOT NULL)')
  return db
}

async function insertOneByOne(db: DatabaseSync): Promise<number> {
  const insert = db.prepare('INSERT INTO events (data) VALUES (?)')
  return rate(SINGLE, () => {
    for (let i = 0; i < SINGLE; i++) insert.run(JSON.stringify(event(i)))
  })
}

async function insertTogether(db: DatabaseSync): Promise<number> {
  const insert = db.prepare('INSERT INTO events (data) VALUES (?)')
  let waiting: { i: number; done: () => void }[] = []
  const flush = () => {
    db.exec('BEGIN IMMEDIATE')
    for (const { i } of waiting) insert.run(JSON.stringify(event(i)))
    db.exec('COMMIT')
    const answered = waiting
    waiting = []
    for (const { done } of answered) done()
  }
  const append = (i: number) =>
    new Promise<void>((done) => {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push({ i, done })
    })
  let next = 0
  const writer = async () => {
    for (let i = 0; i < TURNS; i++) await append(next++)
  }
  return rate(WRITERS * TURNS, () => Promise.all(Array.from({ length: WRITERS }, writer)))
}

async function replay(file: string): Promise<Measure> {
  const events = Array.from({ length: REPLAY }, (_, i) => event(i))
  const lines = events.map((one) => JSON.stringify(one)).join('\n')
  const store = sqliteEventStore({ file })
  try {
    await store.append(events, 0)
    const rates = await alternate(REPLAY_ROUNDS, {
      floor: () =>
        rate(REPLAY, () => {
          let sum = 0
          for (const line of lines.split('\n')) sum += (JSON.parse(line) as Event).at - AT
          check(sum)
        }),
      ours: () =>
        rate(REPLAY, async () => {
          let sum = 0
          for await (const { at } of store.read()) sum += at - AT
          check(sum)
        }),
    })
    const name = `replay of ${REPLAY} events, every link checked`
    return compared(
      name,
      'events/s',
      rates.ours,
      rates.floor,
      'at least 0.85 of JSON.parse over the same lines, which checks nothing',
    )
  } finally {
    await store.close()
  }
}

function check(sum: number): void {
  const wanted = (REPLAY * (REPLAY - 1)) / 2
  if (sum !== wanted) throw new Error(`the replay folded to ${sum}, not to ${wanted}`)
}
