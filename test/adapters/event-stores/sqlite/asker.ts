// Asks who leads, again and again, until it is killed.
import { writeSync } from 'node:fs'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'

const [file] = process.argv.slice(2) as [string]
const store = sqliteEventStore({ file })
writeSync(1, 'ready\n')
for (;;) store.leader()
