import { createHash } from 'node:crypto'

/** SHA-256 as hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Hash of a JSON value that does not depend on the order of keys. */
export function hashOf(value: unknown): string {
  return sha256(JSON.stringify(value, sortKeys) ?? 'undefined')
}

function sortKeys(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
