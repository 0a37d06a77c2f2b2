import { type IncomingMessage, request } from 'node:http'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import { connect as tls } from 'node:tls'
import type { ReachOut } from '../../core/runtime/tools/scene.ts'
import type { WayOut } from './way-out.ts'

const withoutBody = new Set([204, 205, 304])

/** Node's fetch, which lets nobody look at the address it connects to; where hosts are given, one GET by `way`, which does. */
export function outsideFetch(way: WayOut): ReachOut {
  return (url, { within, ...init }) => (within === undefined ? fetch(url, init) : get(way, within, url, init))
}

async function get(way: WayOut, hosts: readonly string[], url: string, { signal }: RequestInit): Promise<Response> {
  const { host, hostname, port, pathname, search } = new URL(url)
  const until = signal ?? new AbortController().signal
  const socket = await way.connect({ host: hostname, port: Number(port) || 443 }, hosts, until)
  const name = hostname.replace(/^\[|\]$/g, '')
  const secure = tls({ socket, host: name, ALPNProtocols: ['http/1.1'], ...(isIP(name) === 0 && { servername: name }) })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({
      createConnection: () => secure,
      path: `${pathname}${search}`,
      headers: { host, accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'codeband' },
      setHost: false,
      signal: until,
    })
    asked.on('response', resolve).on('error', reject).end()
  })
  const { statusCode: status = 502, rawHeaders } = response
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!)
  const coding = headers.get('content-encoding') ?? 'identity'
  if (coding !== 'identity') {
    response.destroy()
    throw new Error(`the server answers in an encoding that was not asked for, '${coding}'`)
  }
  if (!withoutBody.has(status)) {
    // Leaving the body ends the connection: nothing else goes over it.
    return new Response(Readable.toWeb(response) as ReadableStream<Uint8Array>, { status, headers })
  }
  response.destroy()
  return new Response(null, { status, headers })
}
