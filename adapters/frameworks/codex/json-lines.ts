import type { Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

export interface JsonLinesOptions {
  /** What the other side writes. */
  input: Readable
  /** What the other side reads. */
  output: Writable
  /** Whether messages carry `jsonrpc: '2.0'`. */
  tagged: boolean
  /** Answers a request of the other side; what it throws goes back as the error. */
  onRequest(method: string, params: unknown): Promise<unknown>
  /** Called in the order of arrival. */
  onNotification(method: string, params: unknown): void
}

export interface JsonLines {
  /** Rejects with an `RpcError` when the other side says no, and when it is gone. Has no time limit of its own. */
  request(method: string, params?: unknown): Promise<unknown>
  notify(method: string, params?: unknown): void
  /** Resolves when no more can arrive. */
  closed: Promise<void>
}

export class RpcError extends Error {
  readonly rpcCode: number
  constructor(rpcCode: number, message: string) {
    super(message)
    this.name = 'RpcError'
    this.rpcCode = rpcCode
  }
}

/** `RpcError.rpcCode` of a request that the other side can no longer answer. */
export const connectionClosed = -32000

const longestLine = 64 * 1024 * 1024

interface Message {
  id?: unknown
  method?: unknown
  params?: unknown
  result?: unknown
  error?: { code?: unknown; message?: unknown }
}

/** JSON-RPC, one message a line. Lines that are no message are skipped: clients print stray text. A line over 64 MiB ends the
 *  connection. */
export function jsonLines({ input, output, tagged, onRequest, onNotification }: JsonLinesOptions): JsonLines {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let nextId = 1
  let open = true
  let close: () => void = () => undefined
  const closed = new Promise<void>((resolve) => {
    close = resolve
  })

  const end = () => {
    if (!open) return
    open = false
    input.off('data', read)
    for (const { reject } of waiting.values()) reject(new RpcError(connectionClosed, 'the connection is closed'))
    waiting.clear()
    close()
  }
  const send = (message: object) => {
    if (!open || !output.writable) return
    output.write(`${JSON.stringify(tagged ? { jsonrpc: '2.0', ...message } : message, wellFormed)}\n`)
  }
  const answer = (id: unknown, method: string, params: unknown) =>
    onRequest(method, params).then(
      (result) => send({ id, result: result ?? null }),
      (error: unknown) => {
        const code = error instanceof RpcError ? error.rpcCode : -32603
        send({ id, error: { code, message: error instanceof Error ? error.message : String(error) } })
      },
    )
  const receive = (line: string) => {
    const message = parse(line)
    if (!message) return
    if (typeof message.method === 'string') {
      if (message.id === undefined) onNotification(message.method, message.params)
      else void answer(message.id, message.method, message.params)
      return
    }
    const pending = waiting.get(message.id as number)
    if (!pending) return
    waiting.delete(message.id as number)
    const { error } = message
    if (error) pending.reject(new RpcError(Number(error.code ?? 0), String(error.message ?? 'refused')))
    else pending.resolve(message.result)
  }

  const decoder = new StringDecoder('utf8')
  // Pieces instead of one growing string: joining on every chunk is quadratic for a line of megabytes.
  let pieces: string[] = []
  let length = 0
  const read = (chunk: Buffer) => {
    const lines = decoder.write(chunk).split('\n')
    for (const [i, piece] of lines.entries()) {
      pieces.push(piece)
      length += piece.length
      if (length > longestLine) return end()
      if (i === lines.length - 1) return
      const line = pieces.join('')
      pieces = []
      length = 0
      receive(line)
    }
  }
  input.on('data', read)
  for (const event of ['end', 'close', 'error']) input.on(event, end)
  output.on('error', end)

  return {
    closed,
    request(method, params) {
      return new Promise((resolve, reject) => {
        if (!open) return reject(new RpcError(connectionClosed, 'the connection is closed'))
        const id = nextId++
        waiting.set(id, { resolve, reject })
        send({ id, method, params })
      })
    },
    notify: (method, params) => send({ method, params }),
  }
}

/** Half a surrogate pair is a valid JavaScript string and no valid JSON to strict readers, which then never answer. */
const wellFormed = (_key: string, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value)

function parse(line: string): Message | undefined {
  if (!line.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Message
  } catch {
    // A broken line answers nothing: whoever waits for it sees the end of the connection or its own time limit.
    return undefined
  }
}
