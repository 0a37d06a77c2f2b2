import { createHash } from 'node:crypto'
import type { Role } from '../role/role.ts'
import { type Schema, toJsonSchema } from '../role/schema.ts'

/** Hash of a role as it is played: its fields, its schemas as JSON Schema, its functions by their text. */
export function hashOfRole(role: Role): string {
  const text = (value: unknown): unknown => (typeof value === 'function' ? String(value) : value)
  const fields = Object.entries(role).map(([key, value]) => {
    if (key !== 'input' && key !== 'output') return [key, text(value)]
    return [key, value === undefined ? undefined : toJsonSchema(value as Schema)]
  })
  return hashOf(Object.fromEntries(fields))
}

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
