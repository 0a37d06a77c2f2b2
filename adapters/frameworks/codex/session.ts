import { setTimeout as sleep } from 'node:timers/promises'
import { CodebandError } from '../../../core/errors.ts'
import type { Failure, Session, SessionOptions, TurnEvent } from '../../../core/ports/framework.ts'
import { eventQueue } from '../event-queue.ts'
import { type Client, refuse, within } from './client.ts'
import { findRecord, foreignCalls, hasEnd, readRecord } from './record.ts'
import type { WireTools } from './tools.ts'
import { failureOf, type Notification, outcomeOf, translator, usageMeter } from './translate.ts'

export interface Thread {
  id: string
  /** CODEX_HOME, where its record lies. */
  root: string
}

export interface SessionParts {
  client: Client
  thread: Thread
  tools: WireTools
  options: SessionOptions
  /** Called once no process of the session lives. */
  ended(): Promise<void>
}

type Outcome = 'done' | 'cancelled' | Failure

interface Turn {
  id?: string
  translate: ReturnType<typeof translator>
  events: ReturnType<typeof eventQueue<TurnEvent>>
  /** Aborts the calls that run when the turn ends. */
  calls: AbortController
  /** Ids of the calls that came to us. */
  ours: Set<string>
  recordFrom: number
  /** Set once: by the first that ends the turn. */
  ending?: Promise<void>
  ended: Promise<void>
  settled(): void
  /** It did not answer when it was interrupted. */
  killed?: true
}

/** How long an interrupted turn may take to end before the client is killed; a cancelled turn ends within two seconds. */
const interruptMs = 1_200

export function openSession({ client, thread, tools, options, ended }: SessionParts): Session {
  let { model, effort } = options
  let active: Turn | undefined
  let dead: string | undefined
  let closed = false
  const measure = usageMeter()
  const callIds = new Map<string, number>()

  void client.gone.then((complaints) => {
    dead = complaints || 'the client ended'
    if (active) void end(active, crashed())
  })
  const crashed = (): Failure => ({ kind: 'crashed', detail: `codex ended unexpectedly: ${dead ?? ''}` })

  client.listen({
    async onRequest(method, params) {
      return method === 'item/tool/call' ? call(params as ToolCall) : refuse(method)
    },
    onNotification(method, params) {
      const turn = active
      const news = (params ?? {}) as Notification
      if (news.threadId !== thread.id) return
      const used = method === 'thread/tokenUsage/updated' ? measure(news) : []
      if (!turn || turn.ending) return
      if (method === 'turn/started') turn.id ??= news.turn?.id
      if (method === 'turn/completed') {
        if (news.turn && news.turn.id === turn.id) void end(turn, outcomeOf(news.turn))
        return
      }
      // A resumed thread first tells again what its last turn used.
      if (news.turnId !== turn.id) return
      for (const event of [...used, ...turn.translate(method, news)]) turn.events.push(event)
    },
  })

  async function call({ threadId, turnId, callId, namespace, tool, arguments: input }: ToolCall): Promise<object> {
    const turn = active
    const name = namespace ? undefined : tools.nameOf(tool)
    if (!turn || turn.ending || (turn.id ?? turnId) !== turnId) {
      // What comes after its turn is refused by core, which records it.
      const { ok, output } = await options.call(name ?? tool, input, { id: callId, signal: AbortSignal.abort() })
      return said(ok, output)
    }
    if (threadId !== thread.id || name === undefined) return said(false, 'This call is not possible.')
    turn.ours.add(callId)
    // Models choose these ids and may repeat them; what is behind `call` takes equal ids for one call.
    const times = (callIds.get(callId) ?? 0) + 1
    callIds.set(callId, times)
    const id = times === 1 ? callId : `${callId}#${times}`
    const { ok, output } = await options.call(name, input, { id, signal: turn.calls.signal })
    return said(ok, output)
  }

  async function end(turn: Turn, outcome: Outcome): Promise<void> {
    turn.ending ??= (async () => {
      turn.calls.abort()
      for (const event of await foreign(turn)) turn.events.push(event)
      turn.events.push({ type: 'turn-end', outcome })
      turn.events.end()
      if (active === turn) active = undefined
      turn.settled()
    })()
    return turn.ending
  }

  /** The thread's own record, because the raw events that would tell live stop after a resume. */
  async function foreign({ id, ours, recordFrom }: Turn): Promise<TurnEvent[]> {
    const file = id && (await findRecord(thread.root, thread.id))
    if (!file) return []
    for (let tries = 0; ; tries++) {
      const part = await readRecord(file, recordFrom)
      if (tries === 10 || dead !== undefined || hasEnd(part, id)) return foreignCalls(part, ours)
      await sleep(20)
    }
  }

  async function begin(turn: Turn, text: string): Promise<void> {
    try {
      const file = await findRecord(thread.root, thread.id)
      if (file) turn.recordFrom = (await readRecord(file)).end
      if (turn.ending) return
      const answer = await client.request('turn/start', {
        threadId: thread.id,
        input: [{ type: 'text', text, text_elements: [] }],
        // In every turn, since a resumed thread has forgotten it.
        environments: [],
        ...(model !== undefined && { model }),
        ...(effort !== undefined && { effort }),
      })
      turn.id ??= (answer as { turn: { id: string } }).turn.id
    } catch (error) {
      await end(turn, dead === undefined ? failureOf({ message: (error as Error).message }) : crashed())
    }
  }

  async function cancel(turn: Turn, started: Promise<void>): Promise<void> {
    turn.calls.abort()
    const interrupted = started.then(() => {
      if (turn.ending) return undefined
      return client.request('turn/interrupt', { threadId: thread.id, turnId: turn.id })
    })
    try {
      await within(interruptMs, Promise.all([interrupted, turn.ended]))
    } catch {
      // It does not answer: a client that cannot be stopped is not kept.
      turn.killed = true
      void client.kill()
      await end(turn, { kind: 'crashed', detail: 'codex did not stop when it was interrupted, and was killed' })
    }
  }

  async function* prompt(text: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TurnEvent> {
    if (active) throw new CodebandError('CB_INTERNAL', { detail: `'${options.worker}' was prompted during its turn` })
    if (signal?.aborted || closed) return yield { type: 'turn-end', outcome: 'cancelled' }
    if (dead !== undefined) return yield { type: 'turn-end', outcome: crashed() }
    let settled: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      settled = resolve
    })
    const turn: Turn = {
      translate: translator(),
      events: eventQueue(),
      calls: new AbortController(),
      ours: new Set(),
      recordFrom: 0,
      ended,
      settled,
    }
    active = turn
    const started = begin(turn, text)
    const abort = () => void cancel(turn, started)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      for await (const event of turn.events.read()) {
        const late = event.type === 'turn-end' && signal?.aborted && !turn.killed
        yield late ? { type: 'turn-end', outcome: 'cancelled' } : event
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      // Whoever stops listening has ended the turn.
      if (!turn.ending) await cancel(turn, started)
    }
  }

  return {
    token: thread.id,
    prompt,
    async steer(text) {
      const turn = active
      if (!turn?.id)
        throw new CodebandError('CB_INTERNAL', { detail: `'${options.worker}' was steered outside a turn` })
      const input = [{ type: 'text', text, text_elements: [] }]
      await client.request('turn/steer', { threadId: thread.id, expectedTurnId: turn.id, input })
    },
    async setModel(next) {
      model = next
    },
    async setEffort(next) {
      effort = next
    },
    async close() {
      closed = true
      if (active) await end(active, 'cancelled')
      await client.close()
      await ended()
    },
  }
}

interface ToolCall {
  threadId: string
  turnId: string
  callId: string
  namespace: string | null
  tool: string
  arguments: unknown
}

const said = (success: boolean, text: string) => ({ contentItems: [{ type: 'inputText', text }], success })
