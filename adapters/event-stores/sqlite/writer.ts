import { CodebandError } from '../../../core/errors.ts'
import type { Lead } from '../../../core/ports/event-store.ts'
import type { Packed } from './bodies.ts'
import { START, type Tip } from './chain.ts'
import { type CheckpointFile, checkpointFile } from './checkpoint.ts'
import { type Database, isWriteFailure } from './driver.ts'
import { type LeadRecord, type LeadRecords, leadRecords } from './lead.ts'
import { type Log, logOf } from './log.ts'
import { openLog } from './open.ts'
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
  /** Answers every one of them: all that are written are durable by then. */
  commit(batch: readonly Waiting[]): void
  /** Gives the lead to `holder`. Returns its epoch. */
  startLead(holder: string): number
  /** From here on no append is accepted in the name of that lead. */
  endLead(epoch: number): void
  close(): void
}

/** Events from one synced checkpoint to the next. */
const CHECKPOINT_EVERY = 1000

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
  let tip = inTransaction(db, 'BEGIN', () => {
    const end = log.verify(START)
    const { epoch } = records.read()
    for (const point of points ?? []) {
      if (point.seq > end.seq) {
        throw damaged(file, end.seq + 1, `the log ends before it, but had reached event ${point.seq}`)
      }
      if (log.tip(point.seq).hash !== point.hash) throw damaged(file, point.seq, 'its checkpoint knows another event')
      if (point.epoch > epoch) throw damaged(file, 0, `its lead has epoch ${epoch}, but had reached ${point.epoch}`)
    }
    return end
  })
  let epoch = records.read().epoch
  let synced = points?.[0]
  let written = 0
  let broken: unknown
  if (!synced) exclusively(sync)

  function exclusively<T>(work: () => T): T {
    return inTransaction(db, 'BEGIN IMMEDIATE', work)
  }

  /** Under the write lock, where the log cannot grow beyond what is promised here. */
  function sync(): void {
    tip = log.verify(tip)
    epoch = records.read().epoch
    if (synced?.seq === tip.seq && synced.epoch === epoch) return
    const point = { ...tip, epoch }
    checkpoint.write(point)
    synced = point
  }

  function refusal(one: Waiting, end: Tip, record: LeadRecord): CodebandError | undefined {
    if (one.lead && (one.lead.epoch !== record.epoch || record.holder === null)) {
      return new CodebandError('CB_NOT_LEADER', { epoch: one.lead.epoch, current: record.epoch })
    }
    if (one.expected === end.seq) return undefined
    return new CodebandError('CB_VERSION_CONFLICT', { expected: one.expected, found: end.seq })
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

  return {
    db,
    log,
    records,
    written: () => written,
    commit(batch) {
      const answers: (() => void)[] = []
      try {
        checkUnbroken()
        const { end, count } = exclusively(() => {
          if (tip.seq - (synced?.seq ?? 0) >= CHECKPOINT_EVERY) sync()
          const start = log.verify(tip)
          const record = records.read()
          let end = start
          let count = 0
          for (const one of batch) {
            const refused = refusal(one, end, record)
            if (refused) answers.push(() => one.fail(refused))
            else {
              end = log.write(end, one.events)
              count += one.events.length
              answers.push(() => one.done())
            }
          }
          epoch = record.epoch
          return { end, count }
        })
        tip = end
        written += count
      } catch (error) {
        const told = trouble(error)
        for (const one of batch) one.fail(told)
        return
      }
      checkpoint.note({ ...tip, epoch })
      for (const answer of answers) answer()
    },
    startLead(holder) {
      try {
        checkUnbroken()
        epoch = exclusively(() => {
          tip = log.verify(tip)
          const record = { epoch: records.read().epoch + 1, holder }
          records.write(record)
          return record.epoch
        })
      } catch (error) {
        throw trouble(error)
      }
      checkpoint.note({ ...tip, epoch })
      return epoch
    },
    endLead(ended) {
      if (broken !== undefined) return
      exclusively(() => {
        const record = records.read()
        if (record.epoch === ended) records.write({ epoch: ended, holder: null })
      })
    },
    close() {
      try {
        if (broken === undefined && (written > 0 || epoch > (synced?.epoch ?? 0))) exclusively(sync)
        db.exec('PRAGMA wal_checkpoint(PASSIVE)')
      } catch {
        // What is committed is durable without it, and closing must free the files on a full disk, too.
      } finally {
        checkpoint.close()
        db.close()
      }
    },
  }
}

function inTransaction<T>(db: Database, begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
  db.exec(begin)
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } finally {
    // A full disk has already rolled back; a second ROLLBACK would throw and hide the cause.
    if (db.isTransaction) db.exec('ROLLBACK')
  }
}
