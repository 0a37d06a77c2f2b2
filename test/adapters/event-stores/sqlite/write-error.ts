// Appends until the system refuses a write, then a small event that would fit, and prints what it met as one line of JSON.
import { writeSync } from 'node:fs'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { CodebandError } from '../../../../core/errors.ts'

const [file] = process.argv.slice(2) as [string]
const store = sqliteEventStore({ file })
const codes: string[] = []
let acked = 0

async function append(text: string): Promise<void> {
  try {
    await store.append([{ type: 'TaskResumed', at: acked, task: text }], acked)
    acked += 1
  } catch (error) {
    if (!CodebandError.is(error)) throw error
    codes.push(error.code)
  }
}

while (codes.length === 0) await append('long '.repeat(1500))
await append('short')
let read = 0
for await (const _ of store.read()) read += 1
await store.close()
writeSync(1, `${JSON.stringify({ acked, codes, read })}\n`)
