import type { Event, Recorded } from '../protocol/events.ts'

/** One log per band: append-only, totally ordered, hash-chained. */
export interface EventStore {
  /** The number of the last event, 0 for an empty log. Contract: counts events of other processes as soon as they are durable, its
   *  own not before. */
  head(): number
  /** Events after number `from` up to the head at the first step, in order, equal to what was appended (as JSON; the order of keys is
   *  not kept). Contract: throws CB_LOG_DAMAGED before it yields an event that breaks the chain; appends may go on meanwhile. */
  read(from?: number): AsyncIterable<Recorded>
  /** Contract: all or nothing, numbered from `expected` + 1, durable when it resolves; appends called in one turn of the event loop
   *  may build on each other. CB_VERSION_CONFLICT when the head is not `expected`; CB_NOT_LEADER when `lead` is not the current
   *  lead, decided in the same transaction; CB_LOG_APPEND when the medium refuses (full disk), and then nothing was written. */
  append(events: readonly Event[], expected: number, lead?: Lead): Promise<void>
  /** The fold that was kept last, to go on from, or undefined. `fold` names how it was folded. Contract: it is exactly what was kept
   *  under that name, the log still holds the event it ends at, and every event after that one was checked; anything else counts as
   *  nothing kept, and is told in `remarks`. */
  snapshot(fold: string): Snapshot | undefined
  /** Keeps the fold of everything up to event `seq`. Contract: never the truth, only a shorter way to it: failing to keep it is told in
   *  `remarks`, never thrown. */
  keep(snapshot: Snapshot, fold: string): void
  /** Checks the log from the first event to the head, its bodies too, in steps between which others work. Contract: throws
   *  CB_LOG_DAMAGED with the place. Returns how many events it checked. */
  check(): Promise<number>
  /** What a person should know of the log though it can be used; one sentence each. */
  readonly remarks: readonly string[]
  /** Takes the lead of the band, or undefined while a living process has it. Contract: one holder at a time; a dead holder's lead
   *  is free at once, though its children live; each lead has a higher epoch than all before; a released lead appends no more. */
  lead(): Promise<Lead | undefined>
  /** A name of the process that leads, or undefined. */
  leader(): string | undefined
  /** Calls back soon (under a second) after another process appended. Returns the function that stops it. */
  watch(changed: () => void): () => void
  /** Contract: idempotent; releases the lead. */
  close(): Promise<void>
}

/** A fold: `state` is plain data and survives JSON. */
export interface Snapshot {
  /** Number of the last event in it. */
  readonly seq: number
  readonly state: unknown
}

export interface Lead {
  readonly epoch: number
  release(): Promise<void>
}
