// Takes the lead, starts a child that outlives it, prints `epoch <n> <pid of the child>`, and waits to be killed.
import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'

const [file, name] = process.argv.slice(2) as [string, string]
const store = sqliteEventStore({ file, process: name })
const lead = await store.lead()
const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
writeSync(1, `epoch ${lead?.epoch} ${child.pid}\n`)
setInterval(() => store.leader(), 1000)
