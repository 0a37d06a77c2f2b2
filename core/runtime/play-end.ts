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
