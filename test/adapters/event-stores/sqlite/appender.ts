// Waits for the file `go` if one is named. Then appends `count` events one by one, each built on whatever the head is, and prints `ack <seq> <name>` after each.
import { existsSync, writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { CodebandError } from '../../../../core/errors.ts'

const [file, name, count, go] = process.argv.slice(2) as [string, string, string, string?]
writeSync(1, 'ready\n')
while (go && !existsSync(go));
const store = sqliteEventStore({ file })
for (let done = 0; done < Number(count); ) {
  const expected = store.head()
  // Time for another process to be faster, so that a race is one.
  if (go) await setTimeout(1)
  try {
    await store.append([{ type: 'TaskResumed', at: done, task: name }], expected)
    writeSync(1, `ack ${expected + 1} ${name}\n`)
    done += 1
  } catch (error) {
    if (!CodebandError.is(error, 'CB_VERSION_CONFLICT')) throw error
    writeSync(1, 'conflict\n')
  }
}
await store.close()
