import type { Failure, TurnEvent, Usage } from '../../../core/ports/framework.ts'

/** The few fields read of the client's messages. */
export interface Message {
  type: string
  subtype?: string
  /** Set in what a subagent said. */
  parent_tool_use_id?: string | null
  message?: { id?: string; content?: string | readonly Block[] }
  event?: {
    type?: string
    message?: { id?: string; usage?: Tokens }
    usage?: Tokens
    delta?: { type?: string; text?: string; thinking?: string }
  }
  error?: string
  retry_delay_ms?: number
  rate_limit_info?: { status?: string; resetsAt?: number }
}

export interface ResultMessage extends Message {
  is_error?: boolean
  api_error_status?: number | null
  result?: string
  errors?: readonly string[]
  stop_reason?: string | null
  terminal_reason?: string
  total_cost_usd?: number
  usage?: Tokens
}

interface Tokens {
  input_tokens?: number
  output_tokens?: number
  cache_read_input_tokens?: number
  cache_creation_input_tokens?: number
}

interface Block {
  type: string
  id?: string
  text?: string
  thinking?: string
  name?: string
  input?: unknown
  tool_use_id?: string
  content?: string | readonly Block[]
  is_error?: boolean
}

export interface Translator {
  /** What a message of the turn means. The end of the turn is not among it: see `outcomeOf`. */
  events(message: Message): TurnEvent[]
  /** Why the turn failed, if it did, as far as messages before the result told. */
  hints(): Hints
  /** What the turn used, as far as its responses told; undefined before the first. */
  used(): Usage | undefined
}

export interface Hints {
  error?: string
  /** Milliseconds since the epoch. */
  resetsAt?: number
  retryDelayMs?: number
}

/** Translates the messages of one turn, in their order. `reached` tells of a call's id whether the call came to us: those are not reported. */
export function translator(reached: (id: string) => boolean): Translator {
  const calls = new Map<string, { name: string; input: unknown }>()
  const streamed = new Set<string>()
  const hints: Hints = {}
  let current: string | undefined
  let said = false
  let fresh = true
  let before: Usage | undefined
  let running: Tokens = {}

  function used(): Usage | undefined {
    if (current === undefined) return undefined
    const now = sumOf(running)
    const cached = (before?.cachedTokens ?? 0) + (now.cachedTokens ?? 0)
    return {
      inputTokens: (before?.inputTokens ?? 0) + now.inputTokens,
      outputTokens: (before?.outputTokens ?? 0) + now.outputTokens,
      ...(cached > 0 && { cachedTokens: cached }),
    }
  }

  const text = (delta: string, first: boolean): TurnEvent[] => {
    if (delta === '') return []
    // Texts of two responses are two paragraphs.
    const event: TurnEvent = { type: 'text', delta: first && said ? `\n\n${delta}` : delta }
    said = true
    return [event]
  }
  function stream({ type, message, usage, delta }: NonNullable<Message['event']>): TurnEvent[] {
    if (type === 'message_start') {
      current = message?.id
      before = used()
      running = message?.usage ?? {}
    }
    if (type === 'message_delta') running = { ...running, ...usage }
    if (type === 'message_start' || type === 'content_block_start') fresh = true
    if (type !== 'content_block_delta') return []
    if (current !== undefined) streamed.add(current)
    if (delta?.type === 'thinking_delta' && delta.thinking) return [{ type: 'thinking', delta: delta.thinking }]
    if (delta?.type !== 'text_delta' || !delta.text) return []
    const events = text(delta.text, fresh)
    fresh = false
    return events
  }

  /** A response that came without a stream (the client falls back to that) is known only from here. */
  function whole(id: string | undefined, blocks: readonly Block[]): TurnEvent[] {
    return blocks.flatMap((block): TurnEvent[] => {
      if (block.type === 'tool_use' && block.id !== undefined)
        calls.set(block.id, { name: block.name ?? '', input: block.input })
      if (id !== undefined && streamed.has(id)) return []
      if (block.type === 'text') return text(block.text ?? '', true)
      return block.type === 'thinking' && block.thinking ? [{ type: 'thinking', delta: block.thinking }] : []
    })
  }

  function results(blocks: readonly Block[]): TurnEvent[] {
    return blocks.flatMap(({ type, tool_use_id: id, content, is_error }): TurnEvent[] => {
      if (type !== 'tool_result' || id === undefined || reached(id)) return []
      const { name, input } = calls.get(id) ?? { name: 'unknown', input: undefined }
      return [
        { type: 'tool-call', id, name, input },
        { type: 'tool-result', id, ok: !is_error, output: flat(content ?? '') },
      ]
    })
  }

  return {
    events(message) {
      const { type, subtype, event, message: inner, error } = message
      if (message.parent_tool_use_id) return []
      if (type === 'stream_event' && event) return stream(event)
      if (type === 'user') return results(blocksOf(inner?.content))
      if (type === 'system' && subtype === 'api_retry') hints.retryDelayMs = message.retry_delay_ms
      if (type === 'rate_limit_event' && message.rate_limit_info?.status === 'rejected') {
        const { resetsAt } = message.rate_limit_info
        if (resetsAt !== undefined) hints.resetsAt = resetsAt * 1_000
      }
      if (type !== 'assistant') return []
      // The client words its own failures as if the model had said them.
      if (error !== undefined) hints.error = error
      return error === undefined ? whole(inner?.id, blocksOf(inner?.content)) : []
    },
    hints: () => hints,
    used,
  }
}

const blocksOf = (content: string | readonly Block[] | undefined): readonly Block[] =>
  content === undefined || typeof content === 'string' ? [] : content

const flat = (content: string | readonly Block[]): string =>
  typeof content === 'string'
    ? content.replace(/^<tool_use_error>(?:Error: )?|<\/tool_use_error>$/g, '')
    : content.map(({ text }) => text ?? '').join('')

function sumOf(tokens: Tokens): Usage {
  const cached = tokens.cache_read_input_tokens ?? 0
  return {
    inputTokens: (tokens.input_tokens ?? 0) + cached + (tokens.cache_creation_input_tokens ?? 0),
    outputTokens: tokens.output_tokens ?? 0,
    ...(cached > 0 && { cachedTokens: cached }),
  }
}

/** What a turn used; `usdBefore` is what the conversation had cost before it, since the client counts on and on. */
export function usageOf({ usage = {}, total_cost_usd: usd }: ResultMessage, usdBefore: number): Usage {
  return { ...sumOf(usage), ...(usd !== undefined && usd >= usdBefore && { usd: usd - usdBefore }) }
}

/** How a turn ended, from its last message: an API that failed comes as a success that is an error. */
export function outcomeOf(result: ResultMessage, hints: Hints, now: number): 'done' | Failure {
  const { subtype, is_error: isError, result: text = '', errors = [], terminal_reason: reason } = result
  if (subtype === 'success' && !isError) return 'done'
  const detail = (text || errors.join('; ') || `the client ended the turn: ${reason ?? subtype}`).slice(0, 2_000)
  const kind = kindOf(result, hints, detail)
  if (kind !== 'rate-limit' && kind !== 'quota' && kind !== 'overloaded') return { kind, detail }
  const retryAfter = hints.resetsAt === undefined ? hints.retryDelayMs : Math.max(0, hints.resetsAt - now)
  return { kind, detail, ...(retryAfter !== undefined && { retryAfter: Math.round(retryAfter) }) }
}

const kinds: Readonly<Record<string, Failure['kind']>> = {
  authentication_failed: 'auth',
  oauth_org_not_allowed: 'auth',
  account_on_hold: 'auth',
  verification_required: 'auth',
  cloud_credential_error: 'auth',
  billing_error: 'quota',
  rate_limit: 'rate-limit',
  overloaded: 'overloaded',
  server_error: 'overloaded',
}

const reasons: Readonly<Record<string, Failure['kind']>> = {
  prompt_too_long: 'context',
  blocking_limit: 'context',
  rapid_refill_breaker: 'context',
  budget_exhausted: 'quota',
  malformed_tool_use_exhausted: 'malformed',
}

function kindOf(
  { api_error_status: status, stop_reason: stop, terminal_reason: reason = '', subtype }: ResultMessage,
  { error = '', resetsAt }: Hints,
  detail: string,
): Failure['kind'] {
  if (reasons[reason]) return reasons[reason]
  if (stop === 'refusal') return 'refusal'
  if (/prompt is too long|context (window|limit)/i.test(detail) || status === 413) return 'context'
  // The limit of a plan ends at a time that is known, or with money.
  if (resetsAt !== undefined || /(?<!not your )usage limit|hit your .*limit|credit balance/i.test(detail))
    return 'quota'
  if (kinds[error]) return kinds[error]
  if (status === 401 || status === 403 || /not logged in|\/login/i.test(detail)) return 'auth'
  if (status === 402) return 'quota'
  if (status === 429) return 'rate-limit'
  if (status != null && status >= 500) return 'overloaded'
  if (status == null && /ECONN|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|connection|network/i.test(detail)) return 'overloaded'
  return subtype === 'error_during_execution' ? 'crashed' : 'malformed'
}
