import { CodebandError } from '../../../core/errors.ts'
import { type Database, openDatabase, resultCode, SQLITE } from './driver.ts'
import { briefly, PATIENCE_MS } from './patience.ts'
import { createPrivateFile } from './private-file.ts'
import { cannotOpen, damaged, readTrouble } from './trouble.ts'

const VERSION = 1
/** 'cdbd', in the header of every log. */
const APPLICATION = 0x63646264
const SCHEMA = [
  'CREATE TABLE bodies (hash BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT',
  'CREATE TABLE events (seq INTEGER PRIMARY KEY, data TEXT NOT NULL, hash BLOB NOT NULL) STRICT',
  'CREATE TABLE lead (epoch INTEGER NOT NULL, holder TEXT, seal TEXT NOT NULL) STRICT',
]

/** The database of a log, created where there is none. Throws CB_LOG_OPEN, CB_LOG_VERSION, and CB_LOG_DAMAGED for a file that is no log. */
export function openLog(file: string): Database {
  let db: Database | undefined
  try {
    createPrivateFile(file)
    db = openDatabase(file)
    configure(db, file)
    checkSchema(db, file)
    return db
  } catch (error) {
    db?.close()
    // The file was writable a moment ago, so a header that forbids writing is a broken header.
    if (resultCode(error)?.primary === SQLITE.READONLY) throw damaged(file, 1, 'its header is broken', error)
    throw readTrouble(error, file, 1)
  }
}

function configure(db: Database, file: string): void {
  db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`)
  db.exec('PRAGMA synchronous = FULL')
  db.exec('PRAGMA fullfsync = ON')
  db.exec('PRAGMA checkpoint_fullfsync = ON')
  db.exec('PRAGMA trusted_schema = OFF')
  // The switch to WAL ignores the busy timeout while another process makes the same switch.
  briefly(() => db.exec('PRAGMA journal_mode = WAL'))
  for (const [name, wanted] of [
    ['journal_mode', 'wal'],
    ['synchronous', 2],
    ['busy_timeout', PATIENCE_MS],
  ] as const) {
    const found = pragma(db, name)
    if (found !== wanted) throw cannotOpen(file, `SQLite keeps ${name} at '${found}' where '${wanted}' is needed`)
  }
}

function checkSchema(db: Database, file: string): void {
  if (isEmpty(db)) create(db)
  if (pragma(db, 'application_id') !== APPLICATION) {
    if (!tables(db).some((sql) => SCHEMA.includes(sql))) {
      const cure = 'Give codeband a file of its own.'
      throw new CodebandError('CB_LOG_OPEN', { file, detail: 'it is a database of another program', cure })
    }
    throw damaged(file, 1, 'its header is broken')
  }
  const found = Number(pragma(db, 'user_version'))
  if (found > VERSION) throw new CodebandError('CB_LOG_VERSION', { file, found, known: VERSION })
  if (found < VERSION || tables(db).join() !== SCHEMA.join())
    throw damaged(file, 1, 'its tables are not those of a log')
}

function isEmpty(db: Database): boolean {
  return pragma(db, 'user_version') === 0 && tables(db).length === 0
}

function create(db: Database): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    // Asked again under the lock: another process may have been first.
    if (isEmpty(db)) {
      for (const statement of SCHEMA) db.exec(statement)
      db.exec(`PRAGMA application_id = ${APPLICATION}`)
      db.exec(`PRAGMA user_version = ${VERSION}`)
    }
    db.exec('COMMIT')
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK')
  }
}

function tables(db: Database): string[] {
  const rows = db.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name').all()
  return rows.map((row) => String(row.sql))
}

function pragma(db: Database, name: string): unknown {
  const row = db.prepare(`PRAGMA ${name}`).get()
  return row && Object.values(row)[0]
}
