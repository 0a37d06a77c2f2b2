import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface Heard {
  method: string
  url: string
  headers: IncomingHttpHeaders
  rawHeaders: string[]
  body: string
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => unknown

/** An API on the loopback interface that remembers what reached it. */
export async function listening(answer: Answer = (_request, response) => response.end('{}')) {
  const heard: Heard[] = []
  const sockets = new Set<Socket>()
  let play = answer
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { method = '', url = '', headers, rawHeaders } = request
      heard.push({ method, url, headers, rawHeaders, body })
      play(request, response, body)
    })
    request.on('error', () => undefined)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    heard,
    /** Connections that are open now. */
    connections: () => sockets.size,
    answer(next: Answer) {
      play = next
      heard.length = 0
    },
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** Writes bytes as they are and gives all that comes back until the other side closes, or until `enough` of it is there. */
export function sendRaw(url: string, text: string, enough: (sofar: string) => boolean = () => false): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let got = ''
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      got += chunk
      if (enough(got)) socket.destroy()
    })
    // A connection that is cut is an answer too.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(got))
  })
}

export const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)

/** `header: value` lines and a body, as a request of a client. */
export function requestText(
  host: string,
  lines: readonly string[],
  { target = '/v1/messages', method = 'POST', body = '{}' }: { target?: string; method?: string; body?: string } = {},
): string {
  return [
    `${method} ${target} HTTP/1.1`,
    `Host: ${host}`,
    ...lines,
    `Content-Length: ${body.length}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
