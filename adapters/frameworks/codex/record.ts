import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TurnEvent } from '../../../core/ports/framework.ts'
import type { DynamicTool } from './tools.ts'

/** One line of a thread's own record (`sessions/.../rollout-*.jsonl`), as far as it is read here. */
interface Line {
  type?: string
  payload?: Item & {
    dynamic_tools?: DynamicTool[]
    base_instructions?: { text?: string }
    turn_id?: string
    replacement_history?: Item[] | null
  }
}

/** An item of the conversation as the model's API has it. */
export interface Item {
  type?: string
  role?: string
  name?: string
  namespace?: string
  call_id?: string | null
  arguments?: unknown
  input?: unknown
  action?: unknown
  output?: unknown
}

export interface RecordPart {
  lines: readonly Line[]
  /** Where to read on. */
  end: number
}

/** The record of a thread, or undefined: a thread without a turn has none. */
export async function findRecord(root: string, thread: string): Promise<string | undefined> {
  if (!/^[\w-]+$/.test(thread)) return undefined
  const sessions = join(root, 'sessions')
  const names = await readdir(sessions, { recursive: true }).catch(() => [] as string[])
  const name = names.find((one) => one.endsWith(`-${thread}.jsonl`))
  return name && join(sessions, name)
}

/** The whole lines from `from` on; none when the file is not there yet. */
export async function readRecord(file: string, from = 0): Promise<RecordPart> {
  const handle = await open(file).catch(() => undefined)
  if (!handle) return { lines: [], end: from }
  try {
    const { size } = await handle.stat()
    const bytes = Buffer.alloc(Math.max(0, size - from))
    await handle.read(bytes, 0, bytes.length, from)
    const whole = bytes.lastIndexOf(10) + 1
    const lines = bytes.subarray(0, whole).toString().split('\n')
    return {
      lines: lines.map(parsed).filter((line): line is Line => line !== null && typeof line === 'object'),
      end: from + whole,
    }
  } finally {
    await handle.close()
  }
}

/** What the thread was started with; the client keeps both for all its life. */
export function recordedStart({ lines }: RecordPart): { tools: readonly DynamicTool[]; systemPrompt: string } {
  const start = lines.find((line) => line.type === 'session_meta')?.payload
  return { tools: start?.dynamic_tools ?? [], systemPrompt: start?.base_instructions?.text ?? '' }
}

/** What was said and called, without what the client itself put in (its tool list, base and developer instructions). */
export function conversation({ lines }: RecordPart): readonly Item[] {
  let items: Item[] = []
  for (const { type, payload } of lines) {
    if (type === 'response_item' && payload) items.push(payload)
    if (type === 'compacted' && payload?.replacement_history) items = [...payload.replacement_history]
  }
  const answered = new Set(items.filter((item) => item.type?.endsWith('_output')).map((item) => item.call_id))
  return items.filter(
    (item) =>
      item.type !== 'additional_tools' &&
      item.role !== 'developer' &&
      // A call that a kill left without its output is no valid history.
      (!item.type?.endsWith('_call') || item.call_id == null || answered.has(item.call_id)),
  )
}

/** Whether the turn is recorded to its end. */
export const hasEnd = ({ lines }: RecordPart, turn: string | undefined) =>
  lines.some(({ type, payload }) => {
    return (
      type === 'event_msg' && /^(task_complete|turn_aborted)$/.test(payload?.type ?? '') && payload?.turn_id === turn
    )
  })

/** Calls that did not come to us: of tools that the client has, knows or does not know. The record says no more than their output;
 *  since nothing but the given tools can act, every one of them counts as failed. */
export function foreignCalls({ lines }: RecordPart, ours: ReadonlySet<string>): TurnEvent[] {
  const items = lines.flatMap(({ type, payload }) => (type === 'response_item' && payload ? [payload] : []))
  const events: TurnEvent[] = []
  for (const [i, item] of items.entries()) {
    if (!item.type?.endsWith('_call')) continue
    const id = item.call_id ?? `${item.type}-${i}`
    if (ours.has(id)) continue
    const name = [item.namespace, item.name ?? item.type.slice(0, -'_call'.length)].filter(Boolean).join('.')
    const result = items.find((one) => one.type?.endsWith('_output') && one.call_id === item.call_id)
    events.push({ type: 'tool-call', id, name, input: parsed(item.arguments ?? item.input ?? item.action) })
    events.push({ type: 'tool-result', id, ok: false, output: result ? flat(result.output) : 'no output was recorded' })
  }
  return events
}

function parsed(input: unknown): unknown {
  if (typeof input !== 'string') return input ?? {}
  try {
    return JSON.parse(input)
  } catch {
    // Free-form input, JSON that a model got wrong, or a line that a kill cut: the text is all there is.
    return input
  }
}

function flat(output: unknown): string {
  if (typeof output === 'string') return output
  if (Array.isArray(output)) return output.map((part: { text?: string }) => part.text ?? '').join('')
  return JSON.stringify(output ?? '')
}
