import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** One thing the stand-in's model does. An array of steps makes several output items in one response. */
export type Step =
  | { kind: 'text'; text: string; phase?: string }
  | { kind: 'reasoning'; text: string }
  | { kind: 'call'; name: string; args: unknown; namespace?: string; id?: string }
  | { kind: 'custom'; name: string; input: string; namespace?: string; id?: string }
  | { kind: 'usage'; input: number; output: number; cached?: number; reasoning?: number }
  | { kind: 'delay'; ms: number }
  /** A number is an HTTP status; 'stall' sends headers and then nothing; 'truncate' ends without response.completed. */
  | {
      kind: 'fault'
      what: number | FaultName
      retryAfter?: number
      message?: string
      type?: string
      code?: string
      end?: boolean
    }

export type FaultName = 'stall' | 'drop' | 'truncate' | 'malformed' | 'failed' | 'incomplete'

/** What a script sees of a request; all of it comes from the request, so a script can be stateless. */
export interface ModelTurn {
  /** How many requests for a response came before, on this server. */
  n: number
  model: string
  effort?: string
  instructions: string
  /** Names of the tools that the client listed; namespaced ones as `ns.tool`. */
  tools: readonly string[]
  /** All user messages; `prompt` is the last. */
  texts: readonly string[]
  prompt: string
  /** Tool outputs since the last user message; `step` is their number. */
  outputs: readonly { id: string; output: string }[]
  step: number
  body: RequestBody
  headers: IncomingHttpHeaders
}

export type Script = (
  turn: ModelTurn,
) => Step | readonly Step[] | undefined | Promise<Step | readonly Step[] | undefined>

export interface OpenaiStandIn {
  /** The base URL, with `/v1`. */
  readonly url: string
  readonly port: number
  /** Every request, also those for which there is no route. */
  readonly requests: StandInRequest[]
  readonly turns: ModelTurn[]
  setScript(script: Script): void
  close(): Promise<void>
}

export interface StandInRequest {
  method: string
  path: string
  authorization?: string
  body: string
}

export interface RequestBody {
  model?: string
  instructions?: string
  input?: string | readonly InputItem[]
  tools?: readonly ToolSpec[]
  reasoning?: { effort?: string }
}

interface InputItem {
  type?: string
  role?: string
  content?: unknown
  output?: unknown
  call_id?: string
  tools?: readonly ToolSpec[]
}

interface ToolSpec {
  type?: string
  name?: string
  tools?: readonly ToolSpec[]
}

export const text = (text: string, phase?: string): Step => ({ kind: 'text', text, ...(phase && { phase }) })
export const reasoning = (text: string): Step => ({ kind: 'reasoning', text })
export const call = (name: string, args: unknown = {}, more: { namespace?: string; id?: string } = {}): Step => ({
  kind: 'call',
  name,
  args,
  ...more,
})
export const custom = (name: string, input: string): Step => ({ kind: 'custom', name, input })
export const usage = (input: number, output: number, cached = 0): Step => ({ kind: 'usage', input, output, cached })
export const delay = (ms: number): Step => ({ kind: 'delay', ms })
export const fault = (
  what: number | FaultName,
  more: { retryAfter?: number; message?: string; type?: string; code?: string; end?: boolean } = {},
): Step => ({ kind: 'fault', what, ...more })

/** A loopback stand-in of the OpenAI Responses API: enough of it for the real Codex client to run without key and network. */
export async function openaiStandIn(script: Script = () => undefined): Promise<OpenaiStandIn> {
  let play = script
  let items = 0
  const requests: StandInRequest[] = []
  const turns: ModelTurn[] = []
  const sockets = new Set<Socket>()

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString()
    const path = (request.url ?? '').split('?')[0]!
    const { authorization } = request.headers
    requests.push({ method: request.method ?? '', path, body, ...(authorization && { authorization }) })
    if (request.method === 'GET' && path.endsWith('/models')) {
      return json(response, 200, { object: 'list', data: [], models: [] })
    }
    if (request.method !== 'POST' || !path.endsWith('/responses')) {
      return json(response, 404, { error: { message: `no route ${request.method} ${path}`, type: 'not_found' } })
    }
    const turn = describe(JSON.parse(body) as RequestBody, request.headers, turns.length)
    turns.push(turn)
    const steps = [(await play(turn)) ?? text('nothing scripted')].flat() as readonly Step[]
    await respond({ request, response, turn, steps, key: () => `${turn.n}_${items++}` })
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent && !request.socket.destroyed) json(response, 500, { error: { message: String(error) } })
      else response.destroy()
    })
  })
  server.on('upgrade', (request, socket) => {
    requests.push({ method: 'UPGRADE', path: request.url ?? '', body: '' })
    socket.end('HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\n\r\n')
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
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
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
  const input: readonly InputItem[] =
    typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : (body.input ?? [])
  const texts: string[] = []
  const outputs: { id: string; output: string }[] = []
  for (const item of input) {
    const type = item.type ?? 'message'
    if (type === 'message' && item.role === 'user') {
      texts.push(flat(item.content))
      outputs.length = 0
    } else if (type.endsWith('_output')) outputs.push({ id: item.call_id ?? '', output: flat(item.output) })
  }
  // Newer models get their tools as an input item instead of a top-level field.
  const listed = [
    ...(body.tools ?? []),
    ...input.flatMap((item) => (item.type === 'additional_tools' ? (item.tools ?? []) : [])),
  ]
  return {
    n,
    body,
    headers,
    model: body.model ?? '',
    ...(body.reasoning?.effort && { effort: body.reasoning.effort }),
    instructions: body.instructions ?? '',
    tools: listed.flatMap(toolNames),
    texts,
    prompt: texts.at(-1) ?? '',
    outputs,
    step: outputs.length,
  }
}

function toolNames(tool: ToolSpec): string[] {
  if (tool.type === 'namespace') return (tool.tools ?? []).map((one) => `${tool.name}.${one.name}`)
  return [tool.name ?? tool.type ?? '']
}

/** The text in a message's content or a tool's output, whatever its shape. */
function flat(content: unknown): string {
  if (content == null) return ''
  if (typeof content === 'string') return content
  if (Array.isArray(content))
    return content.map((part: { text?: string; output?: string }) => part.text ?? part.output ?? '').join('')
  const inner = (content as { content?: unknown }).content
  return inner === undefined ? JSON.stringify(content) : flat(inner)
}

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  turn: ModelTurn
  steps: readonly Step[]
  key(): string
}

async function respond({ request, response, turn, steps, key }: Exchange): Promise<void> {
  const id = `resp_${turn.n}`
  const output: Item[] = []
  let sequence = 0
  let used: unknown = tokens(100, 10, 0, 0)

  const event = (type: string, fields: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...fields })}\n\n`)
  const head = () => {
    if (response.headersSent) return
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    event('response.created', {
      response: { id, object: 'response', status: 'in_progress', model: turn.model, output: [] },
    })
  }
  const emit = (item: Item, deltas: readonly (readonly [string, object])[]) => {
    head()
    const output_index = output.length
    const added = { ...item, status: 'in_progress', ...(item.type === 'message' && { content: [] }) }
    event('response.output_item.added', { output_index, item: added })
    for (const [type, fields] of deltas) event(type, { output_index, ...fields })
    event('response.output_item.done', { output_index, item: { ...item, status: 'completed' } })
    output.push(item)
  }

  for (const step of steps) {
    switch (step.kind) {
      case 'delay':
        head()
        await new Promise((resolve) => setTimeout(resolve, step.ms))
        break
      case 'usage':
        used = tokens(step.input, step.output, step.cached ?? 0, step.reasoning ?? 0)
        break
      case 'fault':
        if (step.what === 'drop') return void request.socket.destroy()
        if (typeof step.what === 'number') {
          if (response.headersSent) return void response.destroy()
          const error = {
            message: step.message ?? `status ${step.what}`,
            type: step.type ?? 'server_error',
            code: step.code ?? null,
          }
          const headers: Record<string, string> =
            step.retryAfter === undefined ? {} : { 'retry-after': String(step.retryAfter) }
          return json(response, step.what, { error }, headers)
        }
        head()
        if (step.what === 'stall') return
        if (step.what === 'malformed') {
          response.write('event: response.output_item.done\ndata: {"type":"response.output_item.done","item":{oops\n\n')
          if (step.end === false) break
        }
        if (step.what === 'failed') {
          const error = { code: step.code ?? 'server_error', message: step.message ?? 'the model failed' }
          event('response.failed', { response: { id, status: 'failed', error } })
        }
        if (step.what === 'incomplete') {
          const incomplete_details = { reason: step.code ?? 'max_output_tokens' }
          event('response.incomplete', { response: { id, status: 'incomplete', incomplete_details } })
        }
        return void response.end()
      default:
        emit(...itemOf(step, key()))
    }
  }
  head()
  event('response.completed', {
    response: { id, object: 'response', status: 'completed', model: turn.model, output, usage: used },
  })
  response.end()
}

type Item = { id: string; type: string } & Record<string, unknown>
type Said = Extract<Step, { kind: 'text' | 'reasoning' | 'call' | 'custom' }>

/** The output item of a step, and what streams between its "added" and "done" events. */
function itemOf(step: Said, key: string): [Item, [string, object][]] {
  switch (step.kind) {
    case 'text': {
      const content = [{ type: 'output_text', text: step.text, annotations: [] }]
      const item = {
        id: `msg_${key}`,
        type: 'message',
        role: 'assistant',
        content,
        ...(step.phase && { phase: step.phase }),
      }
      const pieces = step.text.match(/[\s\S]{1,64}/g) ?? []
      return [
        item,
        pieces.map((delta) => ['response.output_text.delta', { item_id: item.id, content_index: 0, delta }]),
      ]
    }
    case 'reasoning': {
      const summary = [{ type: 'summary_text', text: step.text }]
      const item = { id: `rs_${key}`, type: 'reasoning', summary, encrypted_content: 'c3RhbmQtaW4=' }
      const at = { item_id: item.id, summary_index: 0 }
      return [
        item,
        [
          ['response.reasoning_summary_part.added', at],
          ['response.reasoning_summary_text.delta', { ...at, delta: step.text }],
        ],
      ]
    }
    case 'call':
    case 'custom': {
      const id = ('id' in step && step.id) || `call_${key}`
      const to = { name: step.name, ...(step.namespace && { namespace: step.namespace }), call_id: id }
      if (step.kind === 'custom') return [{ id: `ctc_${key}`, type: 'custom_tool_call', ...to, input: step.input }, []]
      const sent = typeof step.args === 'string' ? step.args : JSON.stringify(step.args)
      return [{ id: `fc_${key}`, type: 'function_call', ...to, arguments: sent }, []]
    }
  }
}

const tokens = (input_tokens: number, output_tokens: number, cached_tokens: number, reasoning_tokens: number) => ({
  input_tokens,
  input_tokens_details: { cached_tokens },
  output_tokens,
  output_tokens_details: { reasoning_tokens },
  total_tokens: input_tokens + output_tokens,
})

function json(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}
