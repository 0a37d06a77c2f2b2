import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import type { EventStore } from '../../core/ports/event-store.ts'
import type { Event } from '../../core/protocol/events.ts'

export interface Measure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the same machine does without us, in the same unit. */
  readonly floor: number
  readonly ratio: number
  readonly aim?: string
}

const ROUNDS = 5
const SINGLE = 1000
const WRITERS = 100
const TURNS = 100
const REPLAY = 100_000
const AT = 1_763_719_000_000

/** Durable appends and the replay of a log, each beside the least that the machine needs for it, in alternating rounds. */
export async function eventStoreBench(): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'codeband-bench-'))
  try {
    return [
      await measure('durable append, one writer', 'events/s', {
        ours: (round) => withStore(join(folder, `one-${round}.db`), appendOneByOne),
        floor: async (round) => insertOneByOne(plain(join(folder, `plain-one-${round}.db`))),
        aim: 'at least 0.75 of a plain INSERT',
      }),
      await measure(`durable append, ${WRITERS} writers at once`, 'events/s', {
        ours: (round) => withStore(join(folder, `many-${round}.db`), appendTogether),
        floor: async (round) => insertTogether(plain(join(folder, `plain-many-${round}.db`))),
        aim: 'at least 0.4 of a bare group commit',
      }),
      await replay(join(folder, 'replay.db')),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Contest {
  /** Both give operations a second. */
  ours(round: number): Promise<number>
  floor(round: number): Promise<number>
  aim: string
}

async function measure(name: string, unit: string, { ours, floor, aim }: Contest): Promise<Measure> {
  const values: number[] = []
  const floors: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    floors.push(await floor(round))
    values.push(await ours(round))
  }
  const [value, least] = [median(values), median(floors)]
  return { name, value, unit, floor: least, ratio: value / least, aim }
}

function median(numbers: readonly number[]): number {
  return Math.round(numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!)
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

async function withStore<T>(file: string, work: (store: EventStore) => Promise<T>): Promise<T> {
  const store = sqliteEventStore({ file })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

function appendOneByOne(store: EventStore): Promise<number> {
  return rate(SINGLE, async () => {
    for (let i = 0; i < SINGLE; i++) await store.append([event(i)], i)
  })
}

/** Every writer waits for its own event before it appends the next. */
function appendTogether(store: EventStore): Promise<number> {
  let head = 0
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
  const result = await rate(SINGLE, () => {
    for (let i = 0; i < SINGLE; i++) insert.run(JSON.stringify(event(i)))
  })
  db.close()
  return result
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
  const result = await rate(WRITERS * TURNS, () => Promise.all(Array.from({ length: WRITERS }, writer)))
  db.close()
  return result
}

async function replay(file: string): Promise<Measure> {
  const events = Array.from({ length: REPLAY }, (_, i) => event(i))
  const lines = events.map((one) => JSON.stringify(one)).join('\n')
  return withStore(file, async (store) => {
    await store.append(events, 0)
    return measure(`replay of ${REPLAY} events, every link checked`, 'events/s', {
      ours: () =>
        rate(REPLAY, async () => {
          let sum = 0
          for await (const { at } of store.read()) sum += at - AT
          check(sum)
        }),
      floor: () =>
        rate(REPLAY, () => {
          let sum = 0
          for (const line of lines.split('\n')) sum += (JSON.parse(line) as Event).at - AT
          check(sum)
        }),
      aim: 'at least 0.85 of JSON.parse over the same lines, which checks nothing',
    })
  })
}

function check(sum: number): void {
  const wanted = (REPLAY * (REPLAY - 1)) / 2
  if (sum !== wanted) throw new Error(`the replay folded to ${sum}, not to ${wanted}`)
}
