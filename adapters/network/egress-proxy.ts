import { setMaxListeners } from 'node:events'
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { connect as reach, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { shown } from '../../core/boundary/denial.ts'
import { decideTarget, readHost, showTarget, type Target } from '../../core/boundary/host.ts'
import { will } from '../processes/process.ts'
import { AddressRefused, type Plain, type WayOut } from './way-out.ts'

/** A door to some hosts for one command. It speaks HTTP, as a proxy, on a UNIX socket in a folder of this user. */
export interface Egress {
  /** Path of the socket. */
  socket: string
  /** Hosts that were wanted and are not allowed, as they would be written in `network`; at most twenty. */
  refused(): string[]
  /** Ends every connection and removes the folder. */
  close(): Promise<void>
}

const PREFIX = 'codeband-net-'
const most = { headers: 16 * 1024, connections: 256, refused: 20 }
const idleMs = 120_000
const headersMs = 10_000

/** What only the next hop is told. */
const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
])

/** Opens the door. `hosts`: entries of `network`. */
export async function openEgress(hosts: readonly string[], way: WayOut): Promise<Egress> {
  // A path of a socket has 107 bytes, and the shell that removes it knows no spaces.
  const temporary = await realpath(tmpdir())
  const short = /^[\w./-]{1,60}$/.test(temporary) ? temporary : '/tmp'
  await sweep(short)
  const folder = await mkdtemp(join(short, `${PREFIX}${process.pid}-`))
  const settled = will().ends('folder', folder)
  const refused = new Set<string>()
  // It is for a person to copy, so nothing that is not a host is among it.
  const refuse = (host: string): void => {
    if (refused.size < most.refused && typeof readHost(host) !== 'string') refused.add(shown(host))
  }
  const open = new Set<Socket>()
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  const server = createServer({ maxHeaderSize: most.headers, headersTimeout: headersMs, requestTimeout: 0 })
  server.maxConnections = most.connections
  server.on('connection', (socket) => held(socket, open))
  server.on('connect', (asked, socket, head) => void connect(asked, socket as Socket, head))
  server.on('request', (asked, answer) => void forward(asked, answer))

  /** A text where it may not be reached: why. */
  function decide(authority: string): Target | string {
    const decision = decideTarget(authority, hosts)
    if (decision.allowed) return decision
    const [, host = authority, port = ''] = /^(.*):([0-9]+)$/s.exec(authority) ?? []
    refuse(showTarget({ host, port: Number(port) || 443 }))
    return decision.reason
  }

  let ways = 0
  /** A way out, counted from when it is begun: a connection in here can ask for any number of them, and give them up before they are there. */
  async function goOut<T>(begin: () => Promise<T>, socketOf: (way: T) => Socket): Promise<T> {
    if (ways >= most.connections) throw new TooMany()
    ways++
    try {
      const way = await begin()
      held(socketOf(way), open).once('close', () => ways--)
      return way
    } catch (error) {
      ways--
      throw error
    }
  }

  function failed(error: unknown): { status: Refusal; why: string } {
    if (error instanceof TooMany) return { status: 503, why: error.message }
    if (!(error instanceof AddressRefused)) return { status: 502, why: String((error as Error).message) }
    refuse(error.address)
    return { status: 403, why: error.message }
  }

  async function connect(asked: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const target = decide(asked.url ?? '')
    if (typeof target === 'string') return say(socket, 403, target)
    try {
      const far = await goOut(
        () => way.connect(target, hosts, closing.signal),
        (one) => one,
      )
      if (socket.destroyed) return void far.destroy()
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) far.write(head)
      // Each end may close its half alone; with the whole goes the other, when it has been told all.
      far.on('close', () => socket.destroySoon()).pipe(socket)
      socket.on('close', () => far.destroySoon()).pipe(far)
    } catch (error) {
      const { status, why } = failed(error)
      say(socket, status, why)
    }
  }

  async function forward(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const [, authority = '', rest = ''] = /^http:\/\/([^/?#]*)(.*)$/is.exec(asked.url ?? '') ?? []
    const target = decide(/:[0-9]+$/.test(authority) ? authority : `${authority}:80`)
    if (typeof target === 'string') return tell(answer, 403, target)
    if (target.port === 443) return tell(answer, 403, 'plain http to a port of https')
    const path = rest.startsWith('/') ? rest : `/${rest}`
    // The host that was decided is the host that is asked, whatever the request says besides.
    const host = target.port === 80 ? target.host : `${target.host}:${target.port}`
    let near: Plain | undefined
    try {
      near = await goOut(
        () => way.connectPlain(target, hosts, closing.signal),
        (one) => one.socket,
      )
      const { socket, proxied, headers } = near
      const passed = request({
        createConnection: () => socket,
        method: asked.method ?? 'GET',
        path: proxied ? `http://${host}${path}` : path,
        headers: { ...endToEnd(asked), ...lengthOf(asked), ...headers, host, connection: 'close' },
        setHost: false,
      })
      passed.on('response', (response) => {
        try {
          answer.writeHead(response.statusCode ?? 502, endToEnd(response))
        } catch (error) {
          // A status, for example, that HTTP does not have.
          passed.destroy()
          return tell(answer, 502, String((error as Error).message))
        }
        void pipeline(response, answer).catch(() => undefined)
      })
      passed.on('error', (error) => tell(answer, 502, error.message))
      // It can end without either: who answers asks for another protocol.
      passed.on('close', () => answer.headersSent || tell(answer, 502, 'there was no answer'))
      answer.on('close', () => passed.destroy())
      await pipeline(asked, passed)
    } catch (error) {
      near?.socket.destroy()
      const { status, why } = failed(error)
      tell(answer, status, why)
    }
  }

  const socket = join(folder, 'proxy')
  async function close(): Promise<void> {
    server.close()
    closing.abort()
    for (const one of open) one.destroy()
    await rm(folder, { recursive: true, force: true })
    settled()
  }
  try {
    await listening(server, socket)
  } catch (error) {
    await close()
    throw error
  }
  return {
    socket,
    refused: () => [...refused],
    close,
  }
}

type Refusal = 403 | 502 | 503

class TooMany extends Error {
  constructor() {
    super(`more than ${most.connections} connections at once`)
  }
}

/** How long its body is. A body without that would be a request of its own to whoever answers there. */
function lengthOf({ headers }: IncomingMessage): Record<string, string> {
  if (headers['transfer-encoding'] !== undefined) return { 'transfer-encoding': 'chunked' }
  const length = headers['content-length']
  return length === undefined ? {} : { 'content-length': length }
}

/** Doors of processes that were killed together with their last will: nobody answers there any more. */
async function sweep(place: string): Promise<void> {
  const doors = (await readdir(place)).filter((name) => name.startsWith(PREFIX)).map((name) => join(place, name))
  await Promise.all(
    doors.map(async (door) => {
      if (!(await dead(door))) return
      // One that is being opened is refused for a moment, too.
      await sleep(50)
      if (await dead(door)) await rm(door, { recursive: true, force: true }).catch(() => undefined)
    }),
  )
}

function dead(door: string): Promise<boolean> {
  return new Promise((resolve) => {
    const knock = reach(join(door, 'proxy'))
    knock.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
    knock.on('connect', () => {
      knock.destroy()
      resolve(false)
    })
  })
}

/** Ends with the door, when nothing is said for long, and never as an error that nobody hears. */
function held(socket: Socket, open: Set<Socket>): Socket {
  open.add(socket)
  socket.on('close', () => open.delete(socket))
  socket.on('error', () => socket.destroy())
  socket.setTimeout(idleMs, () => socket.destroy())
  return socket
}

/** As text, for the person who reads what the command printed; some programs show only what stands beside the status. */
function say(socket: Socket, status: Refusal, why: string): void {
  const body = `codeband: ${why}\n`
  const head = [
    `HTTP/1.1 ${status} codeband: ${why.replace(/[^ -~]/g, '?').slice(0, 200)}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'content-type: text/plain; charset=utf-8',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function tell(answer: ServerResponse, status: Refusal, why: string): void {
  if (answer.writableEnded) return
  if (answer.headersSent) return void answer.destroy()
  answer.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
  answer.end(`codeband: ${why}\n`)
}

function endToEnd({ headers }: IncomingMessage): Record<string, string | string[]> {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/[\s,]+/))
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || hopByHop.has(name) || named.has(name) ? [] : [[name, value]],
    ),
  )
}

function listening(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, resolve)
  })
}
