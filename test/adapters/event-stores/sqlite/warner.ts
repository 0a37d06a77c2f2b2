// Uses the log, then warns of something else.
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'

const [file] = process.argv.slice(2) as [string]
await sqliteEventStore({ file }).close()
process.emitWarning('something else', 'ExperimentalWarning')
