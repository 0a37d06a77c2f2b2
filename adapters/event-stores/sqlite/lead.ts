import { seal } from './chain.ts'
import { type Database, isBusy, openDatabase } from './driver.ts'
import { createPrivateFile } from './private-file.ts'
import { damaged } from './trouble.ts'

/** Who only asks holds the lock for microseconds. While it waits, SQLite lets no new one in, so any number of askers drains. */
const TAKE_MS = 20

/** A lock of the operating system that dies with this process and that its children do not inherit. */
export interface LeadLock {
  held(): boolean
  /** Tries once, for at most some hundredths of a second. */
  take(): boolean
  /** True while any process holds it. Does not take it. */
  taken(): boolean
  free(): void
  close(): void
}

/** An exclusive transaction on an empty database: SQLite's byte-range locks, without a native module of our own. Nothing is ever
 *  written to the file. */
export function leadLock(file: string): LeadLock {
  let db: Database | undefined
  const connect = () => {
    if (db) return db
    createPrivateFile(file)
    db = openDatabase(file)
    return db
  }
  const held = () => db?.isTransaction === true

  function attempt(statement: string, waitMs: number): boolean {
    try {
      connect().exec(`PRAGMA busy_timeout = ${waitMs}`)
      connect().exec(statement)
      return true
    } catch (error) {
      if (isBusy(error)) return false
      throw error
    }
  }

  return {
    held,
    take: () => !held() && attempt('BEGIN EXCLUSIVE', TAKE_MS),
    taken: () => held() || !attempt('SELECT count(*) FROM sqlite_schema', 0),
    free() {
      if (held()) db?.exec('ROLLBACK')
    },
    close() {
      db?.close()
      db = undefined
    },
  }
}

/** The last lead that was given: its number, and who got it, null once it was given back. */
export interface LeadRecord {
  readonly epoch: number
  readonly holder: string | null
}

export interface LeadRecords {
  read(): LeadRecord
  /** Within the caller's transaction. */
  write(record: LeadRecord): void
}

/** The row of the table `lead`. Outside the hash chain, so it carries a seal of its own. */
export function leadRecords(db: Database, file: string): LeadRecords {
  const select = db.prepare('SELECT epoch, holder, seal FROM lead')
  const clear = db.prepare('DELETE FROM lead')
  const insert = db.prepare('INSERT INTO lead (epoch, holder, seal) VALUES (?, ?, ?)')
  const sealed = ({ epoch, holder }: LeadRecord) => seal(JSON.stringify([epoch, holder]))

  return {
    read() {
      const [row, ...more] = select.all()
      if (!row) return { epoch: 0, holder: null }
      const record = { epoch: Number(row.epoch), holder: row.holder as string | null }
      if (more.length > 0 || row.seal !== sealed(record)) throw damaged(file, 0, 'the record of its lead was altered')
      return record
    },
    write(record) {
      clear.run()
      insert.run(record.epoch, record.holder, sealed(record))
    },
  }
}
