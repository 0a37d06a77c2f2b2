import type { Failure, Session, ToolResult, Usage } from '../ports/framework.ts'
import { isRejection, type Rejection } from '../protocol/commands.ts'
import { hashOf } from './hash.ts'
import type { Request } from './log.ts'
import type { Runtime } from './runtime.ts'
import type { Toolbox } from './tools/toolbox.ts'

type Begin = Extract<Request, { type: 'BeginTurn' }>
type End = Extract<Request, { type: 'EndTurn' }>

export type TurnResult =
  | { status: 'refused'; rejection: Rejection }
  /** The prompt has run to its end. `end` is not in the log yet: it goes in together with what the turn hands over. */
  | { status: 'done'; end: End }
  | { status: 'cancelled'; end: End }
  | { status: 'failed'; failure: Failure; end: End }

/** The door through which the client of a running session calls tools; a turn is behind it while it runs. */
export interface Door {
  call(name: string, input: unknown, options: { id: string; signal: AbortSignal }): Promise<ToolResult>
  open(handler: Door['call'] | undefined): void
}

/** A call that comes when no turn runs reaches nothing. */
export function openDoor(): Door {
  let handler: Door['call'] | undefined
  return {
    async call(name, input, options) {
      return handler ? handler(name, input, options) : { ok: false, output: 'denied (stale-epoch): no turn is running' }
    },
    open(next) {
      handler = next
    },
  }
}

/** One prompt to a session, run to its end and recorded: every text, call, refusal and the usage. */
export async function runTurn(
  { log, clock, stopping }: Pick<Runtime, 'log' | 'clock' | 'stopping'>,
  session: Session,
  door: Door,
  toolbox: Toolbox,
  begin: Begin,
  /** How long it may take. */
  minutes: number,
): Promise<TurnResult> {
  const { task, turn, worker, role } = begin
  const started = await log.dispatch(begin)
  if (isRejection(started)) return { status: 'refused', rejection: started }
  const startedAt = clock.now()
  const limit = new AbortController()
  const signal = AbortSignal.any([stopping, limit.signal])
  const timer = setTimeout(() => limit.abort(), minutes * 60_000)
  const usage: Required<Usage> = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, usd: 0 }
  let text = ''

  async function flushText(): Promise<void> {
    const said = text.trim()
    text = ''
    if (said) await log.must({ type: 'RecordText', task, turn, text: said })
  }

  const violation = (tool: string, input: unknown, code: string, reason: string): Request => ({
    type: 'RecordViolation',
    task,
    turn,
    worker,
    role,
    tool,
    code,
    reason,
    inputHash: hashOf(input),
  })

  door.open(async (tool, input, { id: call, signal: callSignal }) => {
    await flushText()
    // The call is in the log before anything of it happens.
    await log.must({ type: 'RecordCall', task, turn, call, tool, input })
    const { ok, output, denied, sandbox } = await toolbox.call(tool, input, {
      id: `${turn}/${call}`,
      signal: AbortSignal.any([signal, callSignal]),
    })
    const returned: Request = { type: 'RecordReturn', task, turn, call, tool, ok, output, sandbox }
    await log.must(...(denied ? [violation(tool, input, denied.code, denied.reason)] : []), returned)
    return { ok, output }
  })

  let outcome: 'done' | 'cancelled' | Failure = { kind: 'crashed', detail: 'the session ended without a turn-end' }
  const strayCalls = new Map<string, { name: string; input: unknown }>()
  try {
    for await (const event of session.prompt(begin.prompt, { signal })) {
      if (event.type === 'text') text += event.delta
      else if (event.type === 'usage') {
        usage.inputTokens += event.usage.inputTokens
        usage.outputTokens += event.usage.outputTokens
        usage.usd += event.usage.usd ?? 0
      } else if (event.type === 'tool-call') {
        // A call that never reached the door: the client does not know the tool, or refused it by itself.
        await flushText()
        strayCalls.set(event.id, event)
        await log.must({ type: 'RecordCall', task, turn, call: event.id, tool: event.name, input: event.input })
      } else if (event.type === 'tool-result') {
        const { name, input } = strayCalls.get(event.id) ?? { name: 'unknown', input: undefined }
        const denied = event.ok ? [] : [violation(name, input, 'tool-not-in-role', event.output)]
        await log.must(...denied, {
          type: 'RecordReturn',
          task,
          turn,
          call: event.id,
          tool: name,
          ok: event.ok,
          output: event.output,
        })
      } else if (event.type === 'turn-end') outcome = event.outcome
    }
  } finally {
    clearTimeout(timer)
    door.open(undefined)
  }
  await flushText()

  const end: Omit<End, 'outcome'> = {
    type: 'EndTurn',
    task,
    turn,
    usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, usd: usage.usd },
    session: session.token,
    ms: clock.now() - startedAt,
  }
  if (outcome === 'done') return { status: 'done', end: { ...end, outcome } }
  if (outcome === 'cancelled' && !limit.signal.aborted) return { status: 'cancelled', end: { ...end, outcome } }
  const failure: Failure =
    outcome === 'cancelled' ? { kind: 'stalled', detail: `the turn took longer than ${minutes} minutes` } : outcome
  return {
    status: 'failed',
    failure,
    end: { ...end, outcome: 'failed', failure: { kind: failure.kind, detail: failure.detail } },
  }
}
