import { type Event, isKnown, type Recorded } from './events.ts'

/** An event as some codeband wrote it: plain data, of the shape its type had at version `v`; without one, version 1. */
export interface Stored {
  readonly type: string
  readonly seq: number
  readonly v?: number
}

/** From the shape of one version to that of the next. What it gets is a copy, whose inner values it must not change. */
export type Step = (event: Record<string, unknown>) => Record<string, unknown>

/** For each type whose shape ever changed its steps: the first from version 1 to 2, and so on. A step is never changed or removed,
 *  because the logs it was made for are there for ever. */
export type Steps = Readonly<Partial<Record<string, readonly Step[]>>>

/** No shape has changed yet. */
const steps: Steps = {}

/** The event in today's shape, or undefined where this codeband is too old for it: of a type, or a version, that it does not know. */
export function upcast(event: Stored, table: Steps = steps): Recorded | undefined {
  const { type, v = 1 } = event
  const path = Object.hasOwn(table, type) ? table[type]! : []
  if (!isKnown(type) || !Number.isInteger(v) || v < 1 || v > path.length + 1) return undefined
  if (path.length === 0) return event as unknown as Recorded
  let form: Record<string, unknown> = { ...event }
  for (const step of path.slice(v - 1)) form = step(form)
  return marked(form, path.length + 1) as unknown as Recorded
}

/** The event as it is written: with the version of its shape where that ever changed. */
export function versioned(event: Event, table: Steps = steps): Event {
  const path = Object.hasOwn(table, event.type) ? table[event.type]! : []
  return path.length === 0 ? event : (marked({ ...event }, path.length + 1) as unknown as Event)
}

function marked(form: Record<string, unknown>, v: number): Record<string, unknown> {
  return { ...form, v }
}
