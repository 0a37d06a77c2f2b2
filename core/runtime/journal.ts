import type { EffectFailure, ParkReason } from '../protocol/events.ts'
import { type Effect, EffectError, type Steps } from '../role/steps.ts'

export type EffectAnswer = { ok: true; result: unknown } | { ok: false; outcome: EffectFailure; reason: string }

/** Stops a program without telling it: nothing more can be done until a person acts, or the process is closing. */
export class Halt extends Error {
  readonly park?: { reason: ParkReason; detail: string }

  constructor(park?: Halt['park']) {
    super(park ? `parked: ${park.reason}` : 'stopped')
    this.name = 'Halt'
    this.park = park
  }
}

/** Runs a program to its end. `perform` answers each primitive effect, from the journal where it has ended already.
 *  Places: `conductor/2` is the third effect, `conductor/2/0.1` the second one of its first branch. */
export async function drive(
  steps: Steps<unknown>,
  prefix: string,
  perform: (effect: Effect, place: string) => Promise<EffectAnswer>,
  /** Most branches of one `all` or `each`. */
  fanOut = Number.POSITIVE_INFINITY,
): Promise<unknown> {
  let next = steps.next()
  for (let index = 0; !next.done; index++) {
    const place = `${prefix}${index}`
    const effect = next.value
    const answer =
      effect?.kind === 'all' ? await branches(effect, place, perform, fanOut) : await perform(effect, place)
    next = answer.ok ? steps.next(answer.result) : steps.throw(new EffectError(answer.outcome, answer.reason))
  }
  return next.value
}

async function branches(
  { branches: programs, after }: Extract<Effect, { kind: 'all' }>,
  place: string,
  perform: (effect: Effect, place: string) => Promise<EffectAnswer>,
  fanOut: number,
): Promise<EffectAnswer> {
  if (programs.length > fanOut) {
    const reason = `${place} has ${programs.length} branches; 'fanOut' allows ${fanOut} at once`
    return { ok: false, outcome: 'budget', reason }
  }
  const running: Promise<unknown>[] = []
  const start = (index: number): Promise<unknown> =>
    (running[index] ??= (async () => {
      // Dependencies are earlier branches or form no circle: `each` and the plan's rule see to it.
      await Promise.all((after[index] ?? []).map(start))
      return drive(programs[index]!, `${place}/${index}.`, perform, fanOut)
    })())
  const ends = await Promise.allSettled(programs.map((_, index) => start(index)))
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
  const halt = errors.find((error) => !(error instanceof EffectError))
  if (halt !== undefined) throw halt
  const failed = errors[0] as EffectError | undefined
  if (failed) return { ok: false, outcome: failed.outcome, reason: failed.reason }
  return { ok: true, result: ends.map((end) => (end.status === 'fulfilled' ? end.value : undefined)) }
}
