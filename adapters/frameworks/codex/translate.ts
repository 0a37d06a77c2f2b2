import type { Failure, TurnEvent } from '../../../core/ports/framework.ts'

/** The few fields read of the notifications of app-server 0.169. */
export interface Notification {
  threadId?: string
  turnId?: string
  itemId?: string
  delta?: string
  willRetry?: boolean
  item?: { type?: string; id?: string; text?: string }
  tokenUsage?: { total?: Tokens; last?: Tokens }
  turn?: { id?: string; status?: string; error?: TurnError | null }
}

interface Tokens {
  totalTokens?: number
  inputTokens?: number
  outputTokens?: number
  cachedInputTokens?: number
}

export interface TurnError {
  message?: string
  codexErrorInfo?: unknown
}

/** Translates the notifications of one turn, in their order. The end of the turn is not among what it yields: see `outcomeOf`. */
export function translator(): (method: string, params: Notification) => TurnEvent[] {
  let said = ''
  let item: string | undefined
  let repeated = ''
  const say = (id: string | undefined, delta: string): TurnEvent[] => {
    if (delta === '') return []
    let text = delta
    if (id !== item) {
      if (item !== undefined && repeated === '') text = `\n\n${delta}`
      item = id
      said = ''
    }
    said += delta
    // The client sends a cut message again from its start: what was shown is not shown twice while it stays the same.
    if (repeated !== '') {
      if (repeated.startsWith(said)) return []
      text = said.startsWith(repeated) ? said.slice(repeated.length) : `\n\n${said}`
      repeated = ''
    }
    return [{ type: 'text', delta: text }]
  }
  return (method, params) => {
    switch (method) {
      case 'item/agentMessage/delta':
        return say(params.itemId, params.delta ?? '')
      case 'item/completed': {
        const { type, id, text = '' } = params.item ?? {}
        if (type !== 'agentMessage') return []
        // A message may come whole, or with an end that no delta carried.
        const events =
          id === item && !text.startsWith(said) ? [] : say(id, id === item ? text.slice(said.length) : text)
        repeated = ''
        return events
      }
      case 'item/reasoning/summaryTextDelta':
      case 'item/reasoning/textDelta':
        return params.delta ? [{ type: 'thinking', delta: params.delta }] : []
      case 'error':
        if (params.willRetry && said !== '') repeated = said
        return []
      default:
        return []
    }
  }
}

/** Reads `thread/tokenUsage/updated` of a whole thread: `last` is one response of the model, `total` runs over all turns, resumes
 *  included. A failed turn and a resume tell the last response again, which the unchanged total shows. */
export function usageMeter(): (params: Notification) => TurnEvent[] {
  let before = 0
  return ({ tokenUsage: { total, last } = {} }) => {
    const now = total?.totalTokens ?? 0
    if (now === before || !last) return []
    before = now
    const { inputTokens = 0, outputTokens = 0, cachedInputTokens } = last
    // A full context shows as a total of its own making.
    if (inputTokens + outputTokens === 0) return []
    const cached = cachedInputTokens ? { cachedTokens: cachedInputTokens } : {}
    return [{ type: 'usage', usage: { inputTokens, outputTokens, ...cached } }]
  }
}

export function outcomeOf(turn: NonNullable<Notification['turn']>): 'done' | 'cancelled' | Failure {
  if (turn.status === 'completed') return 'done'
  if (turn.status === 'interrupted') return 'cancelled'
  return failureOf(turn.error ?? {})
}

const kinds: Readonly<Record<string, Failure['kind']>> = {
  contextWindowExceeded: 'context',
  cyberPolicy: 'refusal',
  flexUnavailable: 'overloaded',
  inferenceHookDenied: 'refusal',
  internalServerError: 'overloaded',
  misalignmentPolicyViolation: 'refusal',
  modelNotFound: 'malformed',
  policyCapacityUnavailable: 'overloaded',
  rateLimitExceeded: 'rate-limit',
  serverOverloaded: 'overloaded',
  sessionBudgetExceeded: 'quota',
  tooManyDenials: 'refusal',
  unauthorized: 'auth',
  usageLimitExceeded: 'quota',
}

export function failureOf({ message = 'the turn failed', codexErrorInfo }: TurnError): Failure {
  const detail = message.slice(0, 2000)
  const kind = kindOf(codexErrorInfo, message)
  const wait = /try again in ([\d.]+) ?(ms|s|m)\b/i.exec(message)
  const unit = { ms: 1, s: 1000, m: 60_000 }[wait?.[2]?.toLowerCase() ?? 's'] ?? 1000
  return { kind, detail, ...(wait && Number(wait[1]) >= 0 && { retryAfter: Math.round(Number(wait[1]) * unit) }) }
}

function kindOf(info: unknown, message: string): Failure['kind'] {
  if (typeof info === 'string' && kinds[info]) return kinds[info]
  const status = statusOf(info)
  if (status === 401 || status === 403) return 'auth'
  if (status === 402) return 'quota'
  if (status === 429) return 'rate-limit'
  if (status !== undefined && status >= 500) return 'overloaded'
  // Broken streams, refusals by content filter and silence all come as 'other'; only the text tells them apart.
  if (/idle timeout/i.test(message)) return 'stalled'
  if (/content_filter|invalid_prompt/.test(message)) return 'refusal'
  if (/missing environment variable|refresh token|not logged in|log ?in again/i.test(message)) return 'auth'
  if (/error sending request|connection (refused|reset|failed)/i.test(message)) return 'overloaded'
  return 'malformed'
}

function statusOf(info: unknown): number | undefined {
  if (info === null || typeof info !== 'object') return undefined
  const [inner] = Object.values(info) as { httpStatusCode?: unknown }[]
  return typeof inner?.httpStatusCode === 'number' ? inner.httpStatusCode : undefined
}
