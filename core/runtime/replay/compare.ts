import type { Event, Recorded } from '../../protocol/events.ts'
import { visible, visibleJson } from '../../role/visible.ts'

/** Two plays of the same thing differ in when it was and how long it took; a role's hash changes with words that nobody is asked; the
 *  hash of an input stands beside the input itself. */
const incidental: ReadonlySet<string> = new Set(['seq', 'at', 'ms', 'definition', 'cause', 'inputHash'])

/** The same event, whenever it happened. */
export function same(now: Event, recorded: Recorded): boolean {
  return now.type === recorded.type && sorted(telling(now)) === sorted(telling(recorded))
}

/** The fields in which they differ: what it was and what it is now. */
export function fieldsThatDiffer(now: Event, recorded: Recorded): { field: string; before: unknown; now: unknown }[] {
  const [a, b] = [telling(recorded), telling(now)]
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((field) =>
    sorted(a[field]) === sorted(b[field]) ? [] : [{ field, before: a[field], now: b[field] }],
  )
}

function telling(event: Event): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(asToldNow(event)).filter(([key, value]) => !incidental.has(key) && value !== undefined),
  )
}

/** An older codeband handed on what agents said with characters in it that nobody sees. */
function asToldNow(event: Event): Event {
  if (event.type === 'TurnStarted')
    return { ...event, systemPrompt: visible(event.systemPrompt), prompt: visible(event.prompt) }
  if (event.type === 'ToolReturned' && event.tool === 'spawn_roles')
    return { ...event, output: event.ok ? visibleJson(event.output) : visible(event.output) }
  return event
}

function sorted(value: unknown): string {
  const inOrder = (_: string, one: unknown): unknown =>
    one === null || typeof one !== 'object' || Array.isArray(one)
      ? one
      : Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
  return JSON.stringify(value, inOrder) ?? 'undefined'
}
