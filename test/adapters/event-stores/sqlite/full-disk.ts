// Fills the small disk under the log, prints what it met as one line of JSON, then frees the disk and goes on.
import { rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { CodebandError } from '../../../../core/errors.ts'
import type { Event } from '../../../../core/protocol/events.ts'

const [file] = process.argv.slice(2) as [string]
const ballast = join(dirname(file), 'ballast')
writeFileSync(ballast, Buffer.alloc(1_000_000))
const store = sqliteEventStore({ file })
let acked = 0
let refused: CodebandError | undefined

function events(from: number): Event[] {
  return [1, 2, 3].map((n) => ({ type: 'TaskResumed', at: from + n, task: `${from + n} `.repeat(500) }))
}

async function append(): Promise<void> {
  const results = await Promise.allSettled([
    store.append(events(acked), acked),
    store.append(events(acked + 3), acked + 3),
  ])
  for (const result of results) {
    if (result.status === 'fulfilled') acked += 3
    else if (CodebandError.is(result.reason)) refused = result.reason
    else throw result.reason
  }
}

async function read(): Promise<number[]> {
  const times: number[] = []
  for await (const event of store.read()) times.push(event.at)
  return times
}

while (!refused) await append()
const full = { code: refused.code, message: refused.message, acked, head: store.head(), read: await read() }
await append()
rmSync(ballast)
refused = undefined
await append()
const after = { refused: refused as unknown, acked, read: await read() }
await store.close()
writeSync(1, `${JSON.stringify({ full, after })}\n`)
