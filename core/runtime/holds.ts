import { Halt } from './journal.ts'
import type { Roster, Wanted, Worker } from './roster.ts'

/** A worker that is taken when it is first needed. */
export interface LazyWorker {
  get(): Promise<Worker>
  free(): void
}

/** Workers that a product keeps over its rounds: the author that is told what to mend has written it, in a worktree that is ready. */
export interface Holds {
  /** With a subject the worker is kept until the product is approved or given up; without one, until `free`. */
  lazy(wanted: Wanted, subject?: string): LazyWorker
  letGo(subject: string): void
  letAllGo(): void
}

export function openHolds(roster: Roster): Holds {
  const held = new Map<string, Worker>()

  async function take(wanted: Wanted, subject: string | undefined): Promise<Worker> {
    const kept = subject === undefined ? undefined : held.get(subject)
    if (kept) return kept
    const worker = await roster.take(wanted)
    if (worker === undefined) {
      const who = wanted.families ? `of family ${wanted.families.join(' or ') || '(none is opposite)'}` : 'at all'
      throw new Halt({ reason: 'capacity', detail: `no configured framework ${who} may play '${wanted.role.id}'` })
    }
    if (subject !== undefined) held.set(subject, worker)
    return worker
  }

  function letGo(subject: string): void {
    const worker = held.get(subject)
    if (worker === undefined) return
    held.delete(subject)
    roster.free(worker)
  }

  return {
    lazy(wanted, subject) {
      let taken: Promise<Worker> | undefined
      return {
        get: () => (taken ??= take(wanted, subject)),
        free() {
          if (subject !== undefined) letGo(subject)
          else if (taken) void taken.then(roster.free, () => undefined)
        },
      }
    },
    letGo,
    letAllGo() {
      for (const subject of [...held.keys()]) letGo(subject)
    },
  }
}
