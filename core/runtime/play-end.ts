import type { EffectAnswer } from './journal.ts'
import type { Request } from './log.ts'

/** What an effect came to. `requests` go into the log in one transaction with its end. */
export interface PlayEnd {
  answer: EffectAnswer
  requests: readonly Request[]
}

export const ok = (result: unknown): PlayEnd => ({ answer: { ok: true, result }, requests: [] })

export const fail = (outcome: Exclude<EffectAnswer, { ok: true }>['outcome'], reason: string): PlayEnd => ({
  answer: { ok: false, outcome, reason },
  requests: [],
})

/** Thrown where a turn stalls or goes round in circles again, though it was started anew: somebody else should make the product. */
export class Stuck extends Error {
  readonly worker: string
  readonly family: string
  /** False where earlier effects of the same playing would be lost. */
  readonly mayStartAfresh: boolean

  constructor(worker: string, family: string, mayStartAfresh: boolean, detail: string) {
    super(detail)
    this.name = 'Stuck'
    this.worker = worker
    this.family = family
    this.mayStartAfresh = mayStartAfresh
  }
}
