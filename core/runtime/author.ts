import { isRejection } from '../protocol/commands.ts'
import type { AssignmentStart } from '../protocol/events.ts'
import { taskOf } from '../protocol/state.ts'
import { EffectError } from '../role/steps.ts'
import type { Holds } from './holds.ts'
import { Halt } from './journal.ts'
import { type PlayEnd, Stuck } from './play-end.ts'
import type { Wanted, Worker } from './roster.ts'
import type { Runtime } from './runtime.ts'

/** One making of a product: `start` says whether it goes on from what is there, or begins from its base again. */
export type Make = (worker: () => Promise<Worker>, start: AssignmentStart) => Promise<PlayEnd>

/** Lets the author of a product make it; who gets stuck again and again hands it to somebody else: of the same family, who goes on, or of
 *  another one, who starts afresh. */
export async function authored(
  { log, roster }: Runtime,
  holds: Holds,
  { task, subject, ...first }: { task: string; subject: string } & Pick<Wanted, 'role' | 'spawner' | 'place'>,
  make: Make,
): Promise<PlayEnd> {
  const current = taskOf(log.state, task)!.assignments[subject]
  let wanted: Wanted = { ...first, families: current && [current.family], prefer: current?.worker }
  let start: AssignmentStart = 'goes-on'
  let reason = current ? 'it goes on' : 'it begins'
  const stuck: string[] = []
  for (;;) {
    const worker = holds.lazy(wanted, subject)
    const assigned = async (): Promise<Worker> => {
      const one = await worker.get()
      const { family } = one.framework
      const answer = await log.dispatch({ type: 'AssignWorker', task, subject, worker: one.id, family, start, reason })
      // The next effects of the same playing find it assigned.
      start = 'goes-on'
      if (!isRejection(answer)) return one
      if (answer.code === 'cancelled') throw new Halt()
      throw new EffectError('refused', `${answer.code}: ${answer.reason}`)
    }
    try {
      const end = await make(assigned, start)
      if (!end.answer.ok) worker.free()
      return end
    } catch (error) {
      worker.free()
      if (!(error instanceof Stuck)) throw error
      stuck.push(error.worker)
      reason = `${error.worker} got stuck: ${error.message}`
      const inFamily: Wanted = { ...first, families: [error.family], not: stuck }
      const outside = roster.families().filter((family) => family !== error.family)
      const afresh: Wanted = { ...first, families: outside, not: stuck }
      if (roster.may(inFamily)) wanted = inFamily
      else if (error.mayStartAfresh && roster.may(afresh)) [wanted, start] = [afresh, 'afresh']
      else wanted = { ...first, families: [error.family], prefer: error.worker }
    }
  }
}
