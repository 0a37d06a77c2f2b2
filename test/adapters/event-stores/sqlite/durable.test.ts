import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { readAll, resumed } from '../../../contracts/event-store.ts'
import { startChild } from './children.ts'
import { callsOf, needsStrace, type SystemCall, traced } from './strace.ts'

let folder: string
let file: string
const WRITES = ['pwrite64', 'write', 'ftruncate', 'fsync', 'fdatasync', 'rename', 'unlink']

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codeband-durable-'))
  file = join(folder, 'state', 'band.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A process that creates the log, appends that many events, acknowledges each with a line and closes; what it asked of the system. */
async function appended(count: number): Promise<SystemCall[]> {
  const trace = join(folder, 'trace')
  const child = startChild('appender.ts', [file, 'traced', `${count}`], traced(trace, WRITES))
  expect([await child.ended, child.stderr()]).toEqual([0, ''])
  return callsOf(readFileSync(trace, 'utf8'))
}

const isAck = ({ name, bytes }: SystemCall): boolean => name === 'write' && bytes.toString().startsWith('ack ')

test('the checkpoint is synced before it takes the place of the older one, and its folder after', async (context) => {
  needsStrace(context)
  const calls = (await appended(3)).filter(({ path }) => !/-wal$|-shm$|\.db$|-journal$/.test(path))
  const moves = calls.flatMap(({ name, path }, i) => (name === 'rename' && path.endsWith('.head.next') ? [i] : []))
  expect(moves.length).toBeGreaterThanOrEqual(2)
  for (const at of moves) {
    const around = calls.slice(at - 2, at + 2).map(({ name, path }) => `${name} ${basename(path)}`)
    expect(around).toEqual([
      'write band.db.head.next',
      'fsync band.db.head.next',
      'rename band.db.head.next',
      `fsync ${basename(join(file, '..'))}`,
    ])
  }
})

/** A disk that forgets what was not synced: a file's bytes at its last sync, under the names its folder had at its last sync. */
function forgetfulDisk() {
  interface Content {
    now: Buffer
    kept: Buffer
  }
  const names = new Map<string, Content>()
  let keptNames = new Map<string, Content>()
  const contentOf = (path: string): Content => {
    const found = names.get(path) ?? { now: Buffer.alloc(0), kept: Buffer.alloc(0) }
    names.set(path, found)
    return found
  }
  return {
    take({ name, path, bytes, rest }: SystemCall): void {
      const numbers = rest.filter((one) => /^\d+$/.test(one)).map(Number)
      if (!path.startsWith(join(file, '..'))) return
      if (name === 'pwrite64' || name === 'write') {
        const content = contentOf(path)
        // The one file that is written from its beginning to its end is written anew each time.
        const at = name === 'write' ? 0 : numbers.at(-1)!
        const next = Buffer.alloc(name === 'write' ? bytes.length : Math.max(content.now.length, at + bytes.length))
        content.now.copy(next)
        bytes.copy(next, at)
        content.now = next
      } else if (name === 'ftruncate') {
        const content = contentOf(path)
        const next = Buffer.alloc(numbers.at(-1)!)
        content.now.copy(next)
        content.now = next
      } else if (name === 'rename') {
        names.set(bytes.toString(), { ...contentOf(path) })
        names.delete(path)
      } else if (name === 'unlink') names.delete(path)
      else if (path === join(file, '..')) keptNames = new Map(names)
      else contentOf(path).kept = contentOf(path).now
    },
    /** What is there after the power came back. */
    afterPowerFailure(): Map<string, Buffer> {
      return new Map([...keptNames].map(([path, { kept }]) => [basename(path), kept]))
    },
  }
}

test('when the power fails after any system call, every acknowledged event is there: nothing but what was synced is (F-ST-02, F-ST-17, I-02)', async (context) => {
  needsStrace(context)
  const calls = await appended(25)
  const disk = forgetfulDisk()
  const lengths = new Set<number>()
  let acked = 0
  for (const [i, call] of calls.entries()) {
    disk.take(call)
    if (isAck(call)) acked++
    // Of bytes that nobody synced nothing is left, so only a sync, an answer or a name changes what is there.
    if (!isAck(call) && !/sync|rename|unlink/.test(call.name)) continue
    const after = mkdtempSync(join(folder, 'after-'))
    for (const [name, bytes] of disk.afterPowerFailure()) {
      if (!name.endsWith('-shm')) writeFileSync(join(after, name), bytes)
    }
    const store = sqliteEventStore({ file: join(after, 'band.db') })
    const events = await readAll(store)
    expect({ call: i, lost: Math.max(0, acked - events.length) }).toEqual({ call: i, lost: 0 })
    expect(events.map(({ at }) => at)).toEqual(events.map((_, at) => at))
    await store.append([resumed('on')], events.length)
    await store.close()
    rmSync(after, { recursive: true })
    lengths.add(events.length)
  }
  expect(acked).toBe(25)
  expect(lengths.size).toBe(26)
})

test('killed at any write, sync or rename of the creation of a log, it leaves a log or none, never a half of one (F-ST-17)', async (context) => {
  needsStrace(context)
  let survived = 0
  for (const [name, steps] of [
    ['pwrite64', 6],
    ['fsync', 2],
    ['rename', 1],
  ] as const) {
    for (let nth = 1; ; nth += steps) {
      const place = join(folder, `${name}-${nth}`, 'band.db')
      const inject = [
        'strace',
        '-f',
        '-o',
        '/dev/null',
        '-e',
        `trace=${name}`,
        '-e',
        `inject=${name}:signal=SIGKILL:when=${nth}`,
      ]
      const child = startChild('warner.ts', [place], inject)
      const end = await child.ended
      const store = sqliteEventStore({ file: place })
      expect(await readAll(store)).toEqual([])
      await store.append([resumed('a')], 0)
      await store.close()
      if (end === 0) break
      survived++
    }
  }
  expect(survived).toBeGreaterThan(6)
})

test.for([
  ['fsync', 'EIO', 6],
  ['pwrite64', 'EIO', 24],
  ['pwrite64', 'EIO', 25],
])(
  'after %s failed with %s the process writes no more and syncs no second time; the next process has all that was acknowledged (F-ST-08)',
  async ([call, error, nth], context) => {
    needsStrace(context)
    const trace = join(folder, 'trace')
    const strace = [
      'strace',
      '-f',
      '-y',
      '-P',
      `${file}-wal`,
      '-o',
      trace,
      '-e',
      'trace=pwrite64,fsync',
      '-e',
      `inject=${call}:error=${error}:when=${nth}`,
    ]
    const child = startChild('write-error.ts', [file], strace)
    expect([await child.ended, child.stderr()]).toEqual([0, ''])
    const { acked, codes, read } = JSON.parse(child.lines[0]!)
    expect(acked).toBeGreaterThan(0)
    expect({ codes, read }).toEqual({ codes: ['CB_LOG_APPEND', 'CB_LOG_APPEND'], read: acked })
    const after = readFileSync(trace, 'utf8').split('(INJECTED)')[1]!
    expect(after).not.toMatch(/(pwrite64|fsync)\(/)
    const store = sqliteEventStore({ file })
    expect(store.head()).toBeGreaterThanOrEqual(acked)
    await store.append([resumed('on')], store.head())
    await store.close()
  },
)
