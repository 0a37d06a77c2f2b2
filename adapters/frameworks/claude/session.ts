import { CodebandError } from '../../../core/errors.ts'
import type { Failure, Session, SessionOptions, ToolResult, TurnEvent, Usage } from '../../../core/ports/framework.ts'
import { eventQueue } from '../event-queue.ts'
import { type Init, surplusAtPrompt } from './boundary.ts'
import type { ClientProcess } from './client-process.ts'
import type { Query, SDKUserMessage } from './sdk.ts'
import { type Message, outcomeOf, type ResultMessage, type Translator, translator, usageOf } from './translate.ts'
import type { WireTools } from './wire-tools.ts'

export interface SessionParts {
  query: Query
  prompts: ReturnType<typeof eventQueue<SDKUserMessage>>
  client: ClientProcess
  tools: WireTools
  options: SessionOptions
  /** Id of the client's session. */
  token: string
  /** Dollars that the client has counted before the first prompt. */
  usd: number
  /** Called once no process of the session lives. */
  ended(): Promise<void>
}

export type ClaudeSession = Session & {
  /** A call as the client makes it: by the tool's wire name, with the id that the model's message has. */
  call(name: string, input: unknown, options: { id: string | undefined; signal: AbortSignal }): Promise<ToolResult>
}

type Outcome = 'done' | 'cancelled' | Failure

interface Turn {
  events: ReturnType<typeof eventQueue<TurnEvent>>
  translate: Translator
  /** Aborts the calls that run when the turn ends. */
  calls: AbortController
  /** Ids of the calls that came to us, as the client has them. */
  reached: Set<string>
  /** The client has announced its tools for this prompt, and they are the given ones. */
  verified: Promise<void>
  verify(): void
  ended: Promise<void>
  settle(): void
  used?: Usage
  cancelled: boolean
  over: boolean
}

/** How long an interrupted turn may take to end before the client is killed; a cancelled turn ends within two seconds. */
const interruptMs = 1_200

export function openSession({ query, prompts, client, tools, options, token, ...parts }: SessionParts): ClaudeSession {
  const { ended } = parts
  let { usd } = parts
  let active: Turn | undefined
  let dead: string | undefined
  let closed = false
  const callIds = new Map<string, number>()

  const crashed = (): Failure => ({ kind: 'crashed', detail: `claude ended unexpectedly: ${dead}` })

  async function listen(): Promise<void> {
    let why = 'its stream ended'
    try {
      for await (const message of query) hear(message as Message)
    } catch (error) {
      // The SDK throws for a client that died, and again for an error result that was already heard.
      why = (error as Error).message
    }
    dead = [why, client.complaints()].filter(Boolean).join(': ').slice(0, 2_000)
    if (active) end(active, closed || active.cancelled ? 'cancelled' : crashed())
  }

  function hear(message: Message): void {
    const turn = active
    if (!turn || turn.over) return
    if (message.type === 'system' && message.subtype === 'init') {
      const surplus = surplusAtPrompt(tools, message as unknown as Init)
      if (surplus === undefined) turn.verify()
      else {
        // No model was asked yet and no call can pass: this client is not to be trusted with a prompt.
        void client.kill()
        end(turn, { kind: 'version', detail: `claude cannot be held to its tools: ${surplus}` })
      }
      return
    }
    for (const event of turn.translate.events(message)) turn.events.push(event)
    if (message.type !== 'result') return
    const result = message as ResultMessage
    turn.used = usageOf(result, usd)
    usd = result.total_cost_usd ?? usd
    end(turn, turn.cancelled ? 'cancelled' : outcomeOf(result, turn.translate.hints(), Date.now()))
  }

  function end(turn: Turn, outcome: Outcome): void {
    if (turn.over) return
    turn.over = true
    turn.calls.abort()
    // Without a result (the client died) the stream of its responses told some of it.
    const usage = turn.used ?? turn.translate.used()
    if (usage) turn.events.push({ type: 'usage', usage })
    turn.events.push({ type: 'turn-end', outcome })
    turn.events.end()
    if (active === turn) active = undefined
    turn.settle()
  }

  async function cancel(turn: Turn): Promise<void> {
    if (turn.over) return
    turn.cancelled = true
    turn.calls.abort()
    const timer = setTimeout(() => {
      // It does not answer: a client that cannot be stopped is not kept.
      void client.kill()
      end(turn, { kind: 'crashed', detail: 'claude did not stop when it was interrupted, and was killed' })
    }, interruptMs)
    // Rejects when the client is gone, and then the end of its stream ends the turn.
    query.interrupt().catch(() => undefined)
    await turn.ended
    clearTimeout(timer)
  }

  async function* prompt(text: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<TurnEvent> {
    if (active) throw new CodebandError('CB_INTERNAL', { detail: `'${options.worker}' was prompted during its turn` })
    if (signal?.aborted || closed) return yield { type: 'turn-end', outcome: 'cancelled' }
    if (dead !== undefined) return yield { type: 'turn-end', outcome: crashed() }
    const reached = new Set<string>()
    const verified = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    const turn: Turn = {
      events: eventQueue(),
      translate: translator((id) => reached.has(id)),
      calls: new AbortController(),
      reached,
      verified: verified.promise,
      verify: verified.resolve,
      ended: ended.promise,
      settle: ended.resolve,
      cancelled: false,
      over: false,
    }
    active = turn
    prompts.push({ type: 'user', message: { role: 'user', content: text }, parent_tool_use_id: null })
    const abort = () => void cancel(turn)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      for await (const event of turn.events.read()) yield event
    } finally {
      signal?.removeEventListener('abort', abort)
      // Whoever stops listening has ended the turn.
      await cancel(turn)
    }
  }

  async function call(
    wire: string,
    input: unknown,
    { id = wire, signal }: { id: string | undefined; signal: AbortSignal },
  ): Promise<ToolResult> {
    const turn = active
    const name = tools.nameOf(wire)
    // What comes after the turn is refused by core, which records it.
    const late = { id, signal: AbortSignal.abort() }
    if (!turn || turn.over) return options.call(name ?? wire, input, late)
    if (name === undefined) return { ok: false, output: 'This call is not possible.' }
    turn.reached.add(id)
    await Promise.race([turn.verified, turn.ended])
    if (turn.over) return options.call(name, input, late)
    // Models choose these ids and may repeat them; what is behind `call` takes equal ids for one call.
    const times = (callIds.get(id) ?? 0) + 1
    callIds.set(id, times)
    return options.call(name, input, {
      id: times === 1 ? id : `${id}#${times}`,
      signal: AbortSignal.any([turn.calls.signal, signal]),
    })
  }

  void listen()
  return {
    token,
    prompt,
    call,
    async setModel(model) {
      await query.setModel(model)
    },
    async setEffort(effort) {
      await query.applyFlagSettings({ effortLevel: effort as 'high' })
    },
    async close() {
      closed = true
      if (active) end(active, 'cancelled')
      prompts.end()
      // TERM first, upon which the client saves its conversation.
      await client.kill()
      query.close()
      await ended()
    },
  }
}
