import { statSync } from 'node:fs'
import { CodebandError } from '../../../core/errors.ts'
import type { Lead, Snapshot } from '../../../core/ports/event-store.ts'
import type { Packed } from './bodies.ts'
import { START } from './chain.ts'
import { type CheckpointFile, checkpointFile } from './checkpoint.ts'
import { type Database, isBusy, isWriteFailure, openDatabase } from './driver.ts'
import { type LeadRecord, type LeadRecords, leadRecords } from './lead.ts'
import { type Log, logOf } from './log.ts'
import { openLog } from './open.ts'
import { patiently } from './patience.ts'
import { type KeptFold, type SnapshotFile, snapshotFile } from './snapshot.ts'
import { appendTrouble, damaged, readTrouble } from './trouble.ts'

/** One call of `append`, waiting for its commit. */
export interface Waiting {
  readonly events: readonly Packed[]
  readonly expected: number
  readonly lead: Lead | undefined
  done(): void
  fail(error: unknown): void
}

/** The one connection of a store: a log whose every event was checked, and the transactions on it. */
export interface Writer {
  readonly db: Database
  readonly log: Log
  readonly records: LeadRecords
  /** How many events this connection appended. */
  written(): number
  /** Answers every one of them: all that are written are durable by then. False: another process writes, nobody was answered. */
  commit(batch: readonly Waiting[]): boolean
  /** Gives the lead to `holder`. Returns its epoch. */
  startLead(holder: string): Promise<number>
  /** From here on no append is accepted in the name of that lead. */
  endLead(epoch: number): Promise<void>
  /** The fold that was found when the log was opened, once. */
  takeSnapshot(fold: string): Snapshot | undefined
  keep(snapshot: Snapshot, fold: string): void
  readonly remarks: readonly string[]
  close(): Promise<void>
}

/** Events from one synced checkpoint to the next. */
const CHECKPOINT_EVERY = 10_000
/** Bytes; SQLite begins to tidy at four million. */
const WAL_LIMIT = 64e6
const GROWN = 'its WAL has grown to'

export function openWriter(file: string): Writer {
  const checkpoint = checkpointFile(`${file}.head`)
  // Read before the log is: what others append in between must not look like a loss.
  const points = attempt(() => checkpoint.read())
  const db = openLog(file)
  try {
    return writerOn(db, file, checkpoint, points)
  } catch (error) {
    db.close()
    throw readTrouble(error, file, 1)
  }

  function attempt<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      const trouble = readTrouble(error, file, 0)
      throw trouble === error ? damaged(file, 0, (error as Error).message, error) : trouble
    }
  }
}

function writerOn(
  db: Database,
  file: string,
  checkpoint: CheckpointFile,
  points: ReturnType<CheckpointFile['read']>,
): Writer {
  const log = logOf(db, file)
  const records = leadRecords(db, file)
  const snapshots = snapshotFile(`${file}.snapshot`)
  const remarks: string[] = []
  const others = db.prepare('PRAGMA data_version')
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  let kept = readSnapshot(snapshots, remarks)
  /** Changes when another process committed. */
  let seen: unknown
  let tip = reading(() => {
    if (kept && !log.holds(kept)) {
      remarks.push(`its snapshot ends at event ${kept.seq} of another log, so it was folded from the first event`)
      kept = undefined
    }
    const end = log.verify(kept ?? START)
    const { epoch } = records.read()
    for (const point of points ?? []) {
      if (point.seq > end.seq) {
        throw damaged(file, end.seq + 1, `the log ends before it, but had reached event ${point.seq}`)
      }
      if (!log.holds(point)) throw damaged(file, point.seq, 'its checkpoint knows another event')
      if (point.epoch > epoch) throw damaged(file, 0, `its lead has epoch ${epoch}, but had reached ${point.epoch}`)
    }
    seen = others.get()?.data_version
    return end
  })
  let record = records.read()
  let synced = points?.[0]
  let written = 0
  let broken: unknown
  if (!synced) exclusively(sync)
  // From here on nothing waits inside SQLite, where it would hold up the whole process.
  db.exec('PRAGMA busy_timeout = 0')

  function reading<T>(work: () => T): T {
    db.exec('BEGIN')
    try {
      return work()
    } finally {
      if (db.isTransaction) db.exec('ROLLBACK')
    }
  }

  /** In a transaction that has the write lock from its first moment; a later upgrade could fail without waiting. */
  function exclusively<T>(work: () => T): T {
    begin.run()
    try {
      const result = work()
      commit.run()
      return result
    } finally {
      // A full disk has already rolled back; a second ROLLBACK would throw and hide the cause.
      if (db.isTransaction) db.exec('ROLLBACK')
    }
  }

  /** Under the write lock: where the log ends, and who leads, by now. */
  function look(): void {
    const version = others.get()?.data_version
    if (version === seen) return
    tip = log.verify(tip)
    record = records.read()
    seen = version
  }

  /** Under the write lock, where the log cannot grow beyond what is promised here. */
  function sync(): void {
    look()
    if (synced?.seq === tip.seq && synced.epoch === record.epoch) return
    const point = { ...tip, epoch: record.epoch }
    checkpoint.write(point)
    synced = point
    watchSize()
  }

  /** SQLite moves the WAL into the database by itself, unless somebody reads an old state of it all the time. */
  function watchSize(): void {
    const size = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (size < WAL_LIMIT || remarks.some((one) => one.startsWith(GROWN))) return
    remarks.push(`${GROWN} ${Math.round(size / 1e6)} MB: another program keeps the log open for reading; end it`)
  }

  function refusal(one: Waiting, end: number): CodebandError | undefined {
    if (one.lead && (one.lead.epoch !== record.epoch || record.holder === null)) {
      return new CodebandError('CB_NOT_LEADER', { epoch: one.lead.epoch, current: record.epoch })
    }
    if (one.expected === end) return undefined
    return new CodebandError('CB_VERSION_CONFLICT', { expected: one.expected, found: end })
  }

  /** An error of the medium leaves it open what reached the disk, and a second fsync may lie: https://wiki.postgresql.org/wiki/Fsync_Errors */
  function trouble(error: unknown): unknown {
    if (isWriteFailure(error)) broken = error
    return appendTrouble(error, file, tip.seq + 1)
  }

  function checkUnbroken(): void {
    if (broken === undefined) return
    const detail = 'an earlier write failed, so this process may not write again'
    throw new CodebandError('CB_LOG_APPEND', { file, detail }, { cause: broken })
  }

  function writeLead(next: () => LeadRecord): void {
    exclusively(() => {
      look()
      record = next()
      records.write(record)
    })
    checkpoint.note({ ...tip, epoch: record.epoch })
  }

  return {
    db,
    log,
    records,
    remarks,
    written: () => written,
    commit(batch) {
      const refused = new Map<Waiting, CodebandError>()
      try {
        checkUnbroken()
        const events: Packed[] = []
        tip = exclusively(() => {
          if (tip.seq - (synced?.seq ?? 0) >= CHECKPOINT_EVERY) sync()
          else look()
          for (const one of batch) {
            const reason = refusal(one, tip.seq + events.length)
            if (reason) refused.set(one, reason)
            else events.push(...one.events)
          }
          return log.write(tip, events)
        })
        written += events.length
      } catch (error) {
        if (isBusy(error)) return false
        const told = trouble(error)
        for (const one of batch) one.fail(told)
        return true
      }
      checkpoint.note({ ...tip, epoch: record.epoch })
      for (const one of batch) {
        const reason = refused.get(one)
        if (reason) one.fail(reason)
        else one.done()
      }
      return true
    },
    async startLead(holder) {
      try {
        await patiently(() => {
          checkUnbroken()
          writeLead(() => ({ epoch: record.epoch + 1, holder }))
        })
        return record.epoch
      } catch (error) {
        throw trouble(error)
      }
    },
    async endLead(ended) {
      await patiently(() => {
        if (broken !== undefined) return
        if (record.epoch === ended)
          writeLead(() => ({ epoch: record.epoch, holder: record.epoch === ended ? null : record.holder }))
      })
    },
    takeSnapshot(fold) {
      const found = kept?.fold === fold ? kept : undefined
      kept = undefined
      if (!found) return undefined
      return { seq: found.seq, state: JSON.parse(Buffer.from(found.state).toString()) as unknown }
    },
    keep({ seq, state }, fold) {
      try {
        snapshots.write(log.tip(seq), fold, JSON.stringify(state))
      } catch (error) {
        remarks.push(`its snapshot could not be kept (${(error as Error).message})`)
      }
    },
    async close() {
      try {
        await patiently(() => {
          if (broken === undefined && (written > 0 || record.epoch > (synced?.epoch ?? 0))) exclusively(sync)
        })
        if (broken === undefined) db.exec('PRAGMA wal_checkpoint(PASSIVE)')
      } catch {
        // What is committed is durable without it, and closing must free the files on a full disk, too.
      } finally {
        checkpoint.close()
        if (broken === undefined) db.close()
        else closeWithoutCheckpoint(db, file)
      }
    },
  }
}

/** The last connection that closes moves the WAL into the database, and syncs again to do so. One that may only read does not. */
function closeWithoutCheckpoint(db: Database, file: string): void {
  let last: Database | undefined
  try {
    last = openDatabase(file, { readOnly: true })
    last.exec('SELECT count(*) FROM lead')
  } finally {
    db.close()
    last?.close()
  }
}

function readSnapshot(snapshots: SnapshotFile, remarks: string[]): KeptFold | undefined {
  try {
    return snapshots.read()
  } catch (error) {
    remarks.push(`its snapshot is unreadable, so it was folded from the first event (${(error as Error).message})`)
    return undefined
  }
}
