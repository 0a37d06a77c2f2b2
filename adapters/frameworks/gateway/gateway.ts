import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { CodebandError } from '../../../core/errors.ts'
import { admit, digestOf, type Guest } from './admission.ts'
import { forward, refuse } from './forward.ts'
import type { Upstream } from './upstream.ts'

/** What a session's client gets in place of an API and a key. */
export interface Pass {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** 256 random bits, worth nothing anywhere else and nothing after `close`. */
  readonly token: string
  /** Idempotent; ends the session's requests. */
  close(): Promise<void>
}

export interface Gateway {
  /** CB_BOUNDARY_UNENFORCEABLE where this machine gives no port. */
  open(upstream: Upstream, whose: { framework: string; worker: string }): Promise<Pass>
}

/** Bytes of all headers of a request; more is 431. */
const maxHeaderSize = 16 * 1024

/** A door on the loopback interface, open while a session has a pass. Keys stay in this process: a client sends its token, and the
 *  gateway puts the key in its place on the way to the one API of that session. It logs nothing. */
export function gateway(): Gateway {
  const guests = new Set<Guest>()
  let door: Promise<Door> | undefined

  return {
    async open(upstream, whose) {
      const token = `codeband-${randomBytes(32).toString('base64url')}`
      const guest: Guest = { digest: digestOf(token), upstream, running: new Set() }
      // Before the door is asked for, so that the last one who leaves does not shut it on this one.
      guests.add(guest)
      const close = async () => {
        if (!guests.delete(guest)) return
        for (const end of guest.running) end()
        upstream.agent.destroy()
        if (guests.size > 0 || door === undefined) return
        const last = door
        door = undefined
        await last.then(
          (one) => one.close(),
          () => undefined,
        )
      }
      try {
        door ??= openDoor(guests)
        const { host } = await door
        return { url: `http://${host}`, token, close }
      } catch (error) {
        door = undefined
        await close()
        const detail = `its key cannot be kept from it, since there is no loopback port (${(error as Error).message})`
        throw new CodebandError('CB_BOUNDARY_UNENFORCEABLE', { ...whose, detail }, { cause: error })
      }
    },
  }
}

/** The one of this process. */
export const processGateway: Gateway = gateway()

interface Door {
  /** `127.0.0.1:PORT` */
  host: string
  close(): Promise<void>
}

async function openDoor(guests: ReadonlySet<Guest>): Promise<Door> {
  const server = createServer({
    maxHeaderSize,
    insecureHTTPParser: false,
    requireHostHeader: true,
    // A model may take its time, and a slow API its time with a long body; headers must come within a minute.
    requestTimeout: 0,
    headersTimeout: 60_000,
    keepAliveTimeout: 0,
  })
  // All of them are looked at, or none passes: Node would drop what is over a number in silence.
  server.maxHeadersCount = 0
  let host = ''
  const refused = new WeakSet<Socket>()
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    // What came in one breath with a refused request; its connection is about to close.
    if (refused.has(request.socket)) return
    const admission = admit(request, guests, host)
    if ('refused' in admission) {
      request.resume()
      refused.add(request.socket)
      const type = admission.refused === 401 ? 'authentication_error' : 'not_found_error'
      return refuse(response, admission.refused, type, admission.why)
    }
    const { guest, target } = admission
    if (/100-continue/i.test(request.headers.expect ?? '')) response.writeContinue()
    const end = forward(request, response, guest.upstream, target)
    guest.running.add(end)
    response.on('close', () => guest.running.delete(end))
  }
  server.on('request', serve)
  server.on('checkContinue', serve)
  // It is the end of one API, not a way to anywhere.
  server.on('connect', (_request, socket) => {
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
