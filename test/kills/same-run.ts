import type { Recorded } from '../../core/protocol/events.ts'

/** The tool that may never be called twice, as its results begin. */
const once = 'send_letter'

/**
 * What a run did, so that one that was killed and taken up can be compared with one that nothing happened to. Two runs are the same
 * when these are equal:
 *
 * 1. Threads. Each event belongs to a turn, a place of the program, a product, a candidate, or to the task itself. Within a thread
 *    the order counts; between threads it does not, since subtasks run side by side.
 * 2. Nothing that tells of processes: who led, that a task was put down and taken up again.
 * 3. No dead turns: those that a later life closed as 'crashed', with every event in them. No product holds anything of them; each is
 *    followed by a turn at the same place. This is the one thing that a kill may add.
 * 4. Nothing that differs between any two runs: number and time of an event, durations, and ids that hang on time or chance. A commit
 *    is named by its tree, or by what was built on it; a turn by its place and the number of living ones before it there; a call by
 *    its number in its turn; a worker without its index, since a later life seats a role at whichever worker is free.
 * 5. A call that may never be repeated may say 'outcome unknown' where the other run has its result: nobody can know it.
 */
export function essence(events: readonly Recorded[]): Record<string, string[]> {
  const dead = new Set(events.flatMap((event) => (isCrash(event) ? [event.turn] : [])))
  const living = events.filter(
    (event) => !ofProcesses.has(event.type) && !('turn' in event && dead.has(event.turn ?? '')),
  )
  const rename = namesOf(living)
  const threads: Record<string, string[]> = {}
  for (const event of living) {
    const { seq: _, at: __, ...rest } = withoutResult(event)
    const text = JSON.stringify(rest, (key, value) => (key === 'ms' ? undefined : value))
    const thread = rename(threadOf(event))
    threads[thread] ??= []
    threads[thread].push(rename(text))
  }
  return threads
}

/** The first thread in which two runs differ, with what each has there from there on; undefined when they are the same. */
export function firstDifference(found: readonly Recorded[], whole: readonly Recorded[]): object | undefined {
  const [here, there] = [essence(found), essence(whole)]
  for (const thread of new Set([...Object.keys(there), ...Object.keys(here)])) {
    const [mine = [], wanted = []] = [here[thread], there[thread]]
    const at = [...mine, ...wanted].findIndex((_, index) => mine[index] !== wanted[index])
    if (mine[at] !== wanted[at]) return { thread, at, found: mine[at], wanted: wanted[at] }
  }
  return undefined
}

/** Calls and effects whose outcome nobody knows. */
export function unknownOutcomes(events: readonly Recorded[]): number {
  return events.filter((event) => JSON.stringify(event).includes('outcome unknown')).length
}

const ofProcesses = new Set(['LeaderElected', 'TaskParked', 'TaskResumed'])

const isCrash = (event: Recorded): event is Extract<Recorded, { type: 'TurnEnded' }> =>
  event.type === 'TurnEnded' && event.outcome === 'cancelled' && event.failure?.kind === 'crashed'

function threadOf(event: Recorded): string {
  if ('turn' in event && event.turn !== undefined) return event.turn
  if ('place' in event && event.place !== undefined) return event.place
  if ('subject' in event && event.subject !== undefined) return event.subject
  return 'candidate' in event ? event.candidate : 'task'
}

function withoutResult(event: Recorded): { seq: number; at: number } {
  if (event.type === 'ToolReturned' && event.tool === once) {
    const known = { ...event, ok: true, output: once }
    return known
  }
  const made = event.type === 'EffectEnded' && JSON.stringify(event.result).startsWith(`{"output":"${once}`)
  const unknown = event.type === 'EffectFailed' && event.reason.startsWith('outcome unknown')
  if (made || unknown) {
    const { seq, at, place } = event
    const ended = { seq, at, place, type: once }
    return ended
  }
  return event
}

/** Gives a text in which every id that hangs on time or chance has its name. */
function namesOf(events: readonly Recorded[]): (text: string) => string {
  const names = new Map<string, string>()
  const name = (id: string, as: string): void => void (names.has(id) || names.set(id, as))
  const counts = new Map<string, number>()
  const count = (of: string): number => {
    const number = counts.get(of) ?? 0
    counts.set(of, number + 1)
    return number
  }
  for (const event of events) {
    if (event.type === 'TaskStarted') name(event.base, 'start')
    else if (event.type === 'TurnStarted') name(event.turn, `${event.place} turn ${count(event.place)}`)
    else if (event.type === 'ToolCalled') name(event.call, `call ${count(event.turn)}`)
    else if (event.type === 'ChangeSubmitted') {
      name(event.base, `base of ${event.subject}`)
      name(event.commit, `${event.subject} as ${event.tree}`)
    } else if (event.type === 'CandidateBuilt') name(event.commit, `candidate as ${event.tree}`)
  }
  const ids = [...names.keys()].sort((a, b) => b.length - a.length).map((id) => id.replace(/[#/.]/g, '\\$&'))
  const all = new RegExp(ids.join('|') || '(?!)', 'g')
  return (text) => text.replace(all, (id) => names.get(id)!).replace(/-(claude|codex)-\d+|after \d+\.\d s/g, '-$1')
}
