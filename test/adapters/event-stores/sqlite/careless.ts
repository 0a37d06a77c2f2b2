// What the log must not do: acknowledges commits that were never synced.
import { writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const [file, count] = process.argv.slice(2) as [string, string]
const db = new DatabaseSync(file)
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE t (a)')
for (let i = 0; i < Number(count); i++) {
  db.exec('INSERT INTO t VALUES (1)')
  writeSync(1, `ack ${i}\n`)
}
