import type { Event, Recorded } from '../../protocol/events.ts'

type Of<T extends Event['type']> = Extract<Recorded, { type: T }>

/** What the log holds of one task, and how far a replay of it has come. */
export interface Recording {
  readonly task: string
  readonly submitted: Of<'TaskSubmitted'>
  /** All after the submission, with every change of the lead since then. */
  readonly events: readonly Recorded[]
  /** Where each life of its program ends, as an index into `events`: a process that ended, or that parked or ended the task. */
  readonly lives: readonly number[]
  /** Index of the next event. */
  head: number
  /** The first event from the head on that fits. */
  ahead<T extends Event['type']>(types: readonly T[], fits?: (event: Of<T>) => boolean): Of<T> | undefined
  /** The same within the life that is played now: what came later is not known to it. */
  inLife<T extends Event['type']>(types: readonly T[], fits?: (event: Of<T>) => boolean): Of<T> | undefined
  /** The last event before the head that fits. */
  behind<T extends Event['type']>(types: readonly T[], fits?: (event: Of<T>) => boolean): Of<T> | undefined
  /** The events of a turn, in order, without its late calls. */
  turn(id: string): readonly Recorded[]
  /** What a call of a model gave back; undefined where it never did. */
  returned(turn: string, call: string): { returned: Of<'ToolReturned'>; denied?: Of<'ViolationRecorded'> } | undefined
  /** How an effect ended. */
  end(place: string): Of<'EffectEnded'> | Of<'EffectFailed'> | undefined
  /** The commit that a turn left. */
  saved(turn: string): { commit: string; tree: string } | undefined
}

/** A call that a client made when its turn was over. It came from outside of all that a program asks, at a time of its own. */
export function isLate(event: Event): boolean {
  return event.type === 'ViolationRecorded' && event.code === 'stale-epoch'
}

/** Reads a whole log for one task; undefined where it has none of that id. */
export async function openRecording(log: AsyncIterable<Recorded>, task: string): Promise<Recording | undefined> {
  let submitted: Of<'TaskSubmitted'> | undefined
  const events: Recorded[] = []
  const lives: number[] = []
  const endLife = (): void => {
    if (events.length > (lives.at(-1) ?? 0)) lives.push(events.length)
  }
  let ended = false
  for await (const event of log) {
    if (event.type === 'LeaderElected') {
      if (submitted === undefined || ended) continue
      endLife()
      events.push(event)
    } else if (event.task === task) {
      if (event.type === 'TaskSubmitted') submitted = event
      else events.push(event)
      // Late calls and messages may come after it.
      ended ||= event.type === 'TaskEnded'
      if (event.type === 'TaskParked' || event.type === 'TaskEnded') endLife()
    }
  }
  if (submitted === undefined) return undefined
  // Whoever led after the last word on the task did nothing for it.
  while (events.at(-1)?.type === 'LeaderElected') events.pop()
  endLife()
  return recordingOf(
    submitted,
    events,
    lives.filter((end) => end <= events.length),
  )
}

function recordingOf(submitted: Of<'TaskSubmitted'>, events: readonly Recorded[], lives: readonly number[]): Recording {
  const turns = Map.groupBy(events, (event) => ('turn' in event && !isLate(event) ? event.turn : undefined))
  const ends = new Map<string, Of<'EffectEnded'> | Of<'EffectFailed'>>()
  for (const event of events) {
    if (event.type === 'EffectEnded' || event.type === 'EffectFailed') ends.set(event.place, event)
  }
  const find = <T extends Event['type']>(
    from: number,
    to: number,
    types: readonly T[],
    fits: (event: Of<T>) => boolean = () => true,
  ): Of<T> | undefined => {
    for (let index = from; index < to; index++) {
      const event = events[index]!
      if ((types as readonly string[]).includes(event.type) && fits(event as Of<T>)) return event as Of<T>
    }
    return undefined
  }
  const recording: Recording = {
    task: submitted.task,
    submitted,
    events,
    lives,
    head: 0,
    ahead: (types, fits) => find(recording.head, events.length, types, fits),
    inLife: (types, fits) => find(recording.head, lifeEnd(recording), types, fits),
    behind(types, fits = () => true) {
      return events
        .slice(0, recording.head)
        .findLast((event) => (types as readonly string[]).includes(event.type) && fits(event as never)) as never
    },
    turn: (id) => turns.get(id) ?? [],
    returned(turn, call) {
      const mine = turns.get(turn) ?? []
      const at = mine.findIndex((event) => event.type === 'ToolReturned' && event.call === call)
      if (at < 0) return undefined
      const before = mine[at - 1]
      const returned = mine[at] as Of<'ToolReturned'>
      // A refusal and its answer are one transaction.
      const denied =
        before?.type === 'ViolationRecorded' && !returned.ok && before.tool === returned.tool ? before : undefined
      return { returned, ...(denied && { denied }) }
    },
    end: (place) => ends.get(place),
    saved: (turn) => commits.get(turn),
  }
  const commits = commitsOf(events)
  return recording
}

export function lifeEnd({ lives, head }: Recording): number {
  return lives.find((end) => end > head) ?? lives.at(-1) ?? 0
}

/** By turn. What a program went on from is in the result of its effect, what a model spawned in the answer to its call; a product may
 *  have been given another message since, and is the last to ask. */
function commitsOf(events: readonly Recorded[]): Map<string, { commit: string; tree: string }> {
  const commits = new Map<string, { commit: string; tree: string }>()
  for (const event of events) {
    if (event.type === 'ChangeSubmitted' && !commits.has(event.turn)) {
      commits.set(event.turn, { commit: event.commit, tree: event.tree })
    }
  }
  for (const event of events) {
    const left =
      event.type === 'EffectEnded'
        ? event.result
        : event.type === 'ToolReturned' && event.tool === 'spawn_roles' && event.ok
          ? parsed(event.output)
          : undefined
    const { turn, commit } = (left ?? {}) as { turn?: unknown; commit?: unknown }
    if (typeof turn === 'string' && typeof commit === 'string') commits.set(turn, { commit, tree: '' })
  }
  return commits
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
