import { hash } from 'node:crypto'

/** Bytes of UTF-8 from which on a string leaves the event and is stored once by its content. */
export const BODY_BYTES = 16 * 1024

const REFERENCE = '$body'
const ESCAPED = /^\$+body$/
const NONE: ReadonlyMap<string, Uint8Array> = new Map()

export interface Packed {
  /** JSON; big strings are `{"$body": "<sha256>"}`. */
  readonly data: string
  /** Content by SHA-256 in hex. */
  readonly bodies: ReadonlyMap<string, Uint8Array>
}

/** Throws what JSON.stringify throws for a value that is no JSON. */
export function pack(event: object): Packed {
  const own = 'seq' in event ? { ...event, seq: undefined } : event
  const data = JSON.stringify(own)
  // No character takes more than three bytes, and a text without the mark needs no escape.
  if (data.length * 3 <= BODY_BYTES && !data.includes(REFERENCE)) return { data, bodies: NONE }
  const bodies = new Map<string, Uint8Array>()
  return { data: JSON.stringify(packed(own, bodies)), bodies }
}

export type Fetch = (sha256: string) => Uint8Array | undefined

/** The event of `data`. Throws a sentence about the body when `fetch` has it not, or not as it was. */
export function unpack(data: string, fetch: Fetch): object {
  const value = JSON.parse(data) as object
  return data.includes(`${REFERENCE}"`) ? (unpacked(value, fetch) as object) : value
}

function packed(value: unknown, bodies: Map<string, Uint8Array>): unknown {
  if (typeof value === 'string') return isBig(value) ? reference(value, bodies) : value
  if (typeof value !== 'object' || value === null) return value
  if ('toJSON' in value && typeof value.toJSON === 'function') return packed(value.toJSON(), bodies)
  if (Array.isArray(value)) return value.map((one) => packed(one, bodies))
  const copy: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    put(copy, ESCAPED.test(key) ? `$${key}` : key, packed(inner, bodies))
  }
  return copy
}

function isBig(text: string): boolean {
  // A lone surrogate survives JSON's escapes but not UTF-8, so such a text stays where it is.
  return text.length * 3 > BODY_BYTES && Buffer.byteLength(text) > BODY_BYTES && text.isWellFormed()
}

function reference(text: string, bodies: Map<string, Uint8Array>): Record<string, string> {
  const body = Buffer.from(text)
  const sha256 = hash('sha256', body)
  bodies.set(sha256, body)
  return { [REFERENCE]: sha256 }
}

function unpacked(value: unknown, fetch: Fetch): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((one) => unpacked(one, fetch))
  const copy: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    if (key === REFERENCE) return inflated(String(inner), fetch)
    put(copy, ESCAPED.test(key) ? key.slice(1) : key, unpacked(inner, fetch))
  }
  return copy
}

function inflated(sha256: string, fetch: Fetch): string {
  const body = fetch(sha256)
  if (!body) throw new Error(`its body ${sha256} is missing`)
  if (hash('sha256', body) !== sha256) throw new Error(`its body ${sha256} was altered`)
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()
}

/** Assignment to `__proto__` would set the prototype and lose the key. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
  } else target[key] = value
}
