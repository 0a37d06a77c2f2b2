import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { credentialHeaders } from './headers.ts'
import type { Upstream } from './upstream.ts'

/** A session that may use the gateway. */
export interface Guest {
  /** Of its token. */
  readonly digest: Buffer
  readonly upstream: Upstream
  /** Ends the requests that run. */
  readonly running: Set<() => void>
}

export type Admission = { guest: Guest; target: string } | { refused: number; why: string }

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** Whose request it is, and what it asks for. Nothing of a request is taken from its body, and its body is not read before. */
export function admit(request: IncomingMessage, guests: Iterable<Guest>, host: string): Admission {
  const { method = '', url = '', headersDistinct: headers } = request
  // A page in the browser that reaches this port by a name of its own is told by that name.
  const hosts = headers.host ?? []
  if (hosts.length !== 1 || hosts[0] !== host) return { refused: 421, why: 'this is not the gateway of that host' }
  const guest = guestOf(
    credentialHeaders.flatMap((name) => headers[name] ?? []),
    guests,
  )
  if (guest === undefined) return { refused: 401, why: 'no open session has this key' }
  // Compared as it stands: an absolute target, an encoded or a doubled slash, a dot segment is no route.
  const [path = '', query] = split(url)
  const plain = query === undefined || /^[!-~]*$/.test(query)
  if (method !== 'POST' || !guest.upstream.routes.has(path) || !plain || url.includes('#')) {
    return { refused: 404, why: 'sessions reach the endpoints of their model only' }
  }
  return { guest, target: url }
}

function split(url: string): [string, string?] {
  const at = url.indexOf('?')
  return at === -1 ? [url] : [url.slice(0, at), url.slice(at + 1)]
}

/** The session that every credential of a request belongs to. All tokens are compared, and each as a digest, so that the time it takes
 *  tells nothing. */
function guestOf(credentials: readonly string[], guests: Iterable<Guest>): Guest | undefined {
  const all = [...guests]
  const owners = credentials.map((credential) => {
    const digest = digestOf(credential.replace(/^bearer +/i, ''))
    return all.filter((guest) => timingSafeEqual(guest.digest, digest))[0]
  })
  return owners.every((owner) => owner !== undefined && owner === owners[0]) ? owners[0] : undefined
}
