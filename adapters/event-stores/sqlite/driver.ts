import process from 'node:process'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

export type Database = DatabaseSync
export type Statement = StatementSync

export function openDatabase(file: string, { readOnly = false } = {}): Database {
  const { DatabaseSync } = loadSqlite()
  return new DatabaseSync(file, { readOnly })
}

/** SQLite's primary and extended result code, or undefined for an error that is not SQLite's.
 *  Source: https://sqlite.org/rescode.html */
export function resultCode(error: unknown): { primary: number; extended: number } | undefined {
  if (!(error instanceof Error) || (error as { code?: string }).code !== 'ERR_SQLITE_ERROR') return undefined
  const extended = (error as { errcode?: number }).errcode ?? 1
  return { primary: extended & 0xff, extended }
}

export const SQLITE = { BUSY: 5, READONLY: 8 } as const

export function isBusy(error: unknown): boolean {
  return resultCode(error)?.primary === SQLITE.BUSY
}

/** IOERR_WRITE, IOERR_FSYNC, IOERR_DIR_FSYNC, IOERR_TRUNCATE. */
const WRITE_FAILURES = new Set([778, 1034, 1290, 1546])

/** True when the medium failed a write or a sync. A full disk is not among them: it fails before anything is in doubt. */
export function isWriteFailure(error: unknown): boolean {
  return WRITE_FAILURES.has(resultCode(error)?.extended ?? 0)
}

function loadSqlite(): typeof import('node:sqlite') {
  // The module warns while it loads, on Node 22 and 24; a static import would warn before any line of ours runs.
  const emit = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === 'ExperimentalWarning' && String(warning).startsWith('SQLite')) return
    Reflect.apply(emit, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emit
  }
}
