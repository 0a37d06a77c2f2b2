import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { memoryEventStore } from '../../adapters/event-stores/memory.ts'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import { host } from '../../adapters/host.ts'
import { type Band, openBand } from '../../adapters/open-band.ts'
import { resolveConfig } from '../../core/config.ts'
import type { EventStore } from '../../core/ports/event-store.ts'
import type { Policy } from '../../core/protocol/events.ts'
import { defineRole, type Role } from '../../core/role/role.ts'
import { band as asks, type Steps } from '../../core/role/steps.ts'
import { alone, alternate, compared, type Measure } from './measure.ts'

const ROUNDS = 5
const SHORT = 100
const LONG = 1000
const ASLEEP = 50

/** One journaled effect of a program: asked by the steps of a conductor, recorded before and after, answered. In a whole band,
 *  as the command line opens it, on a log in memory and on one on disk. */
export async function effectsBench(): Promise<Measure[]> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-bench-'))
  const repo = join(folder, 'repo')
  try {
    mkdirSync(repo)
    const git = (...argv: string[]) =>
      execFileSync('git', ['-c', 'user.name=ada', '-c', 'user.email=ada@localhost', ...argv], { cwd: repo })
    git('init', '-q', '-b', 'main')
    git('commit', '-q', '--allow-empty', '-m', 'start')

    const inMemory = await openContest(repo, join(folder, 'memory'), memoryEventStore())
    const memory = await alternate(ROUNDS, {
      bare: () => bareSteps(LONG),
      short: async () => (await inMemory.run(SHORT)).micros,
      long: async () => (await inMemory.run(LONG)).micros,
      asleep: async () => (await inMemory.run(ASLEEP, 'sleep')).micros,
    })
    await inMemory.band.close()

    const onDisk = await openContest(repo, join(folder, 'disk'), sqliteEventStore({ file: join(folder, 'band.db') }))
    const db = plain(join(folder, 'plain.db'))
    let { events } = await onDisk.run(SHORT)
    const disk = await alternate(ROUNDS, {
      inserts: () => insertOneByOne(db, events) * 2,
      effects: async () => {
        const answered = await onDisk.run(SHORT)
        events = answered.events
        return answered.micros
      },
    })
    db.close()
    await onDisk.band.close()

    return [
      compared('effect, log in memory (floor: a bare generator step)', 'µs', memory.short, memory.bare),
      compared(
        `effect, log in memory, in a task of ${LONG} (floor: of ${SHORT})`,
        'µs',
        memory.long,
        memory.short,
        'at most 1.2 times',
      ),
      alone('effect, log in memory, sleep(0)', 'µs', memory.asleep),
      compared('effect, log on disk (floor: two plain inserts)', 'µs', disk.effects, disk.inserts, 'at most 2 times'),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Contest {
  band: Band
  /** Microseconds an effect takes in a new task with that many, and the entries they left in the log. */
  run(effects: number, kind?: 'say' | 'sleep'): Promise<{ micros: number; events: string[] }>
}

async function openContest(root: string, home: string, store: EventStore): Promise<Contest> {
  let micros = 0
  const conductor = defineRole({
    id: 'conductor',
    description: 'Says as many things as the task counts.',
    *steps({ task }) {
      const [count, kind] = task.split(' ')
      const began = performance.now()
      yield* kind === 'sleep' ? sleep(Number(count)) : say(Number(count))
      micros = ((performance.now() - began) * 1000) / Number(count)
    },
  })
  const config = resolveConfig({ sandbox: 'off' }, 'the bench', () => undefined)
  const policy: Policy = {
    definitions: 'bench',
    target: 'main',
    opposition: config.review.opposition,
    autoMerge: config.merge.autoMerge,
    rounds: config.limits.rounds,
    retries: config.limits.retries,
    sandbox: config.sandbox,
  }
  const roles: ReadonlyMap<string, Role> = new Map([['conductor', conductor]])
  mkdirSync(home)
  const band = await openBand({
    ...{ root, home, store, config, roles, policy },
    ...{ host: host(), tools: [], wait: false, by: 'bench' },
  })
  return {
    band,
    async run(effects, kind = 'say') {
      const events: string[] = []
      const listener = (event: object & { type: string }) => {
        if (event.type.startsWith('Effect')) events.push(JSON.stringify(event))
      }
      band.on('event', listener)
      const { outcome, reason } = await band.run(`${effects} ${kind}`)
      band.off('event', listener)
      if (outcome !== 'success') throw new Error(`the task ended ${outcome}: ${reason}`)
      if (events.length !== 2 * effects) throw new Error(`${effects} effects left ${events.length} entries`)
      return { micros, events }
    },
  }
}

function* say(count: number): Steps<void> {
  for (let i = 0; i < count; i++) yield* asks.say('everyone', `line ${i}`)
}

function* sleep(count: number): Steps<void> {
  for (let i = 0; i < count; i++) yield* asks.sleep(0)
}

/** The same steps, answered by nobody. */
function bareSteps(count: number): number {
  const steps = say(count)
  const began = performance.now()
  let done = 0
  for (let next = steps.next(); !next.done; next = steps.next()) done++
  const ms = performance.now() - began
  if (done !== count) throw new Error(`${done} of ${count} steps`)
  return (ms * 1000) / count
}

function plain(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  db.exec('CREATE TABLE events (seq INTEGER PRIMARY KEY, data TEXT NOT NULL)')
  return db
}

/** Microseconds an insert takes that is durable before the next begins. */
function insertOneByOne(db: DatabaseSync, texts: readonly string[]): number {
  const insert = db.prepare('INSERT INTO events (data) VALUES (?)')
  const began = performance.now()
  for (const text of texts) insert.run(text)
  return ((performance.now() - began) * 1000) / texts.length
}
