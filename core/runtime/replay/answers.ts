import { taskOf } from '../../protocol/state.ts'
import { entries } from '../../protocol/table.ts'
import { hashOf } from '../hash.ts'
import type { Runtime } from '../runtime.ts'
import type { OrderedLog } from './ordered-log.ts'
import { lifeEnd, type Recording } from './recording.ts'

/** A person's answers as they were given, and whether the process of the life that begins waited for them. */
export function recordedAnswers(
  recording: Recording,
  log: OrderedLog,
): { answer: NonNullable<Runtime['answer']>; waits(): boolean } {
  const answered = new Set<string>()
  return {
    async answer(person, question) {
      const hash = hashOf({ kind: 'ask', person, question })
      const { journal } = taskOf(log.state, recording.task)!
      const place = entries(journal)
        .filter(([one, { effect, end }]) => effect.hash === hash && end === undefined && !answered.has(one))
        .sort(([, a], [, b]) => a.seq - b.seq)[0]?.[0]
      const end = place === undefined ? undefined : recording.inLife(['EffectEnded'], (event) => event.place === place)
      if (end) {
        answered.add(end.place)
        return end.result as string
      }
      // Nobody was there, or the process ended while it waited.
      const parked = recording.inLife(['TaskParked'], ({ reason }) => reason === 'ask')
      return parked ? undefined : new Promise(() => undefined)
    },
    waits() {
      const last = recording.events[lifeEnd(recording) - 1]
      return last?.type !== 'TaskParked' || last.reason !== 'approval'
    },
  }
}
