import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** One thing the stand-in's model does. An array of steps makes several content blocks in one response. */
export type Step =
  | { kind: 'text'; text: string }
  | { kind: 'thinking'; text: string }
  | { kind: 'call'; name: string; input: unknown; id?: string }
  | { kind: 'usage'; input: number; output: number; cached?: number; written?: number }
  | { kind: 'delay'; ms: number }
  /** Why the model stopped, where that is neither the end nor a call: `refusal`, `max_tokens`. */
  | { kind: 'stop'; reason: string }
  /** A number is an HTTP status, and then the only step. The others come after the steps before them: 'stall' says nothing more, 'drop'
   *  destroys the connection, 'truncate' ends the stream without an end of the message, 'malformed' breaks its JSON, 'error' is an error event. */
  | { kind: 'fault'; what: number | FaultName; type?: string; message?: string; retryAfter?: number }

export type FaultName = 'stall' | 'drop' | 'truncate' | 'malformed' | 'error'

/** What a script sees of a request; all of it comes from the request, so a script can be stateless. */
export interface ModelTurn {
  /** How many scripted requests came before, on this server. */
  n: number
  model: string
  system: string
  /** Names of the tools offered. */
  tools: readonly string[]
  /** What people typed, in order, without the reminders that the client adds; `prompt` is the last. */
  texts: readonly string[]
  prompt: string
  /** How many responses the model has given since the last prompt. */
  step: number
  /** Results of the calls of the last response. */
  results: readonly { id: string; error: boolean; text: string }[]
  body: RequestBody
  headers: IncomingHttpHeaders
}

export type Script = (
  turn: ModelTurn,
) => Step | readonly Step[] | undefined | Promise<Step | readonly Step[] | undefined>

export interface AnthropicStandIn {
  readonly url: string
  /** Every request, also those that are not scripted. */
  readonly requests: { method: string; path: string; body: string; headers: IncomingHttpHeaders }[]
  readonly turns: ModelTurn[]
  setScript(script: Script): void
  close(): Promise<void>
}

export interface RequestBody {
  model?: string
  stream?: boolean
  max_tokens?: number
  system?: Content
  messages?: readonly Message[]
  tools?: readonly { name?: string; type?: string }[]
  output_config?: { effort?: string }
}

type Content = string | readonly Block[]

interface Message {
  role: string
  content: Content
}

interface Block {
  type: string
  text?: string
  tool_use_id?: string
  is_error?: boolean
  content?: Content
}

export const text = (text: string): Step => ({ kind: 'text', text })
export const thinking = (text: string): Step => ({ kind: 'thinking', text })
export const call = (name: string, input: unknown = {}, id?: string): Step => ({
  kind: 'call',
  name,
  input,
  ...(id !== undefined && { id }),
})
export const usage = (input: number, output: number, more: { cached?: number; written?: number } = {}): Step => ({
  kind: 'usage',
  input,
  output,
  ...more,
})
export const fault = (
  what: number | FaultName,
  more: { type?: string; message?: string; retryAfter?: number } = {},
): Step => ({ kind: 'fault', what, ...more })

/** A loopback stand-in of the Anthropic Messages API: enough of it for the real Claude Code to run without key and network. */
export async function anthropicStandIn(script: Script = () => undefined): Promise<AnthropicStandIn> {
  let play = script
  let ids = 0
  const requests: AnthropicStandIn['requests'] = []
  const turns: ModelTurn[] = []
  const sockets = new Set<Socket>()
  const id = (prefix: string) => `${prefix}_${String(ids++).padStart(24, '0')}`

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks).toString()
    const path = new URL(request.url ?? '/', 'http://stand-in').pathname
    requests.push({ method: request.method ?? '', path, body: raw, headers: request.headers })
    if (request.method === 'HEAD') return void response.writeHead(200).end()
    if (path === '/v1/messages/count_tokens') return json(response, 200, { input_tokens: 100 })
    if (path.startsWith('/v1/models')) return json(response, 200, { data: [], has_more: false })
    if (request.method !== 'POST' || path !== '/v1/messages') {
      return json(response, 404, errorOf('not_found_error', `no route ${request.method} ${path}`))
    }
    const body = JSON.parse(raw) as RequestBody
    // The client asks whether a model exists by one token without tools; that is not scripted.
    if (!body.stream && body.max_tokens === 1 && !body.tools?.length) {
      return json(response, 200, messageOf(id('msg'), body.model, [text('ok')], id))
    }
    const turn = describe(body, request.headers, turns.length)
    turns.push(turn)
    const steps = [(await play(turn)) ?? text('nothing scripted')].flat() as readonly Step[]
    await respond({ request, response, body, steps, id })
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent || request.socket.destroyed) return void response.destroy()
      json(response, 500, errorOf('api_error', String(error)))
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    turns,
    setScript(next) {
      play = next
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function describe(body: RequestBody, headers: IncomingHttpHeaders, n: number): ModelTurn {
  const messages = body.messages ?? []
  const typed = messages.map((message) => (message.role === 'user' ? humanTexts(message.content) : []))
  const latest = typed.findLastIndex((texts) => texts.length > 0)
  const lastUser = messages.findLast(({ role }) => role === 'user')
  return {
    n,
    body,
    headers,
    model: body.model ?? '',
    // Newer clients put parts of the system prompt between the messages.
    system: [body.system ?? '', ...messages.filter(({ role }) => role === 'system').map(({ content }) => content)]
      .map(flat)
      .join('\n'),
    tools: (body.tools ?? []).map(({ name, type }) => name ?? type ?? ''),
    texts: typed.flat(),
    prompt: typed[latest]?.at(-1) ?? '',
    step: messages.filter(({ role }, index) => role === 'assistant' && index > latest).length,
    results: blocks(lastUser?.content ?? '')
      .filter(({ type }) => type === 'tool_result')
      .map((block) => ({
        id: block.tool_use_id ?? '',
        error: block.is_error ?? false,
        text: flat(block.content ?? ''),
      })),
  }
}

const blocks = (content: Content): readonly Block[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content

const flat = (content: Content): string =>
  blocks(content)
    .map((block) => block.text ?? '')
    .filter(Boolean)
    .join('\n')

/** What a person typed: no results of calls, no reminders. A prompt that got no answer shares its message with the next one. */
function humanTexts(content: Content): string[] {
  if (blocks(content).some(({ type }) => type === 'tool_result')) return []
  return blocks(content)
    .map(({ text = '' }) => text.replace(/<system-reminder>[\s\S]*?<\/system-reminder>/g, '').trim())
    .filter(Boolean)
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  body: RequestBody
  steps: readonly Step[]
  id(prefix: string): string
}

async function respond({ request, response, body, steps, id }: Exchange): Promise<void> {
  const fault = steps.find((step) => step.kind === 'fault')
  if (typeof fault?.what === 'number') {
    const retry: Record<string, string> =
      fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
    const error = errorOf(fault.type ?? errorTypes[fault.what] ?? 'api_error', fault.message ?? `status ${fault.what}`)
    return json(response, fault.what, error, retry)
  }
  const message = messageOf(id('msg'), body.model, steps, id)
  if (!body.stream && !fault) return json(response, 200, message)
  const send = (event: { type: string }) => response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': id('req') })
  send({
    type: 'message_start',
    ...{ message: { ...message, content: [], stop_reason: null, usage: { ...message.usage, output_tokens: 1 } } },
  })
  let index = 0
  for (const step of steps) {
    if (step.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, step.ms))
    else if (step.kind === 'fault') return fail(step, { request, response })
    else if (step.kind === 'text' || step.kind === 'thinking' || step.kind === 'call') {
      const block = message.content[index]!
      const [content_block, deltas] = streamed(block)
      send({ type: 'content_block_start', ...{ index, content_block } })
      for (const delta of deltas) send({ type: 'content_block_delta', ...{ index, delta } })
      send({ type: 'content_block_stop', ...{ index } })
      index++
    }
  }
  const { stop_reason, usage } = message
  send({
    type: 'message_delta',
    ...{ delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: usage.output_tokens } },
  })
  send({ type: 'message_stop' })
  response.end()
}

function fail(
  { what, type = 'overloaded_error', message = 'overloaded' }: Extract<Step, { kind: 'fault' }>,
  { request, response }: Pick<Exchange, 'request' | 'response'>,
): void {
  if (what === 'stall') return void response.flushHeaders()
  if (what === 'drop') return void setTimeout(() => request.socket.destroy(), 20)
  if (what === 'malformed')
    response.write('event: content_block_delta\ndata: {"type":"content_block_delta", BROKEN\n\n')
  if (what === 'error') response.write(`event: error\ndata: ${JSON.stringify(errorOf(type, message))}\n\n`)
  response.end()
}

type WireBlock = { type: string; text?: string; thinking?: string; input?: unknown }

function messageOf(id: string, model: string | undefined, steps: readonly Step[], newId: (prefix: string) => string) {
  const content = steps.flatMap((step): WireBlock[] => {
    if (step.kind === 'text') return [{ type: 'text', text: step.text }]
    if (step.kind === 'thinking') return [{ type: 'thinking', thinking: step.text, ...{ signature: 'signature' } }]
    if (step.kind !== 'call') return []
    return [{ type: 'tool_use', ...{ id: step.id ?? newId('toolu'), name: step.name }, input: step.input }]
  })
  const used = steps.find((step) => step.kind === 'usage')
  const stop = steps.find((step) => step.kind === 'stop')?.reason
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: stop ?? (content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    usage: {
      input_tokens: used?.input ?? 100,
      output_tokens: used?.output ?? 10,
      cache_read_input_tokens: used?.cached ?? 0,
      cache_creation_input_tokens: used?.written ?? 0,
    },
  }
}

/** How a block starts, and the deltas that fill it. */
function streamed(block: WireBlock): [WireBlock, object[]] {
  const pieces = (whole: string) => whole.match(/[\s\S]{1,64}/g) ?? []
  if (block.type === 'tool_use') {
    const deltas = pieces(JSON.stringify(block.input ?? {})).map((partial_json) => ({
      type: 'input_json_delta',
      partial_json,
    }))
    return [{ ...block, input: {} }, deltas]
  }
  if (block.type === 'thinking') {
    const deltas = pieces(block.thinking ?? '').map((thinking) => ({ type: 'thinking_delta', thinking }))
    return [{ type: 'thinking', thinking: '' }, [...deltas, { type: 'signature_delta', signature: 'signature' }]]
  }
  return [{ type: 'text', text: '' }, pieces(block.text ?? '').map((text) => ({ type: 'text_delta', text }))]
}

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
}
const errorOf = (type: string, message: string) => ({ type: 'error', error: { type, message } })

function json(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}
