import { z } from 'zod'
import type { JsonSchema } from '../../../core/ports/framework.ts'
import type { Schema } from '../../../core/role/schema.ts'

/** The TypeScript type of what a schema takes ('input') or gives ('output'); `unknown` for what JSON Schema or this cannot tell. */
export function schemaType(schema: Schema, side: 'input' | 'output'): string {
  const json = schema instanceof z.ZodType ? jsonOf(schema, side) : schema
  return typeOf(json, json, 0)
}

function jsonOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, { io, target: 'draft-7', unrepresentable: 'any', cycles: 'ref' }) as JsonSchema
}

const simple: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
}
const deepest = 12

function typeOf(given: unknown, root: JsonSchema, depth: number): string {
  if (typeof given !== 'object' || given === null || depth > deepest) return 'unknown'
  const schema = given as JsonSchema
  const inner = (one: unknown): string => typeOf(one, root, depth + 1)
  if (typeof schema.$ref === 'string') return inner(referenced(schema.$ref, root))
  if ('const' in schema) return literal(schema.const)
  if (Array.isArray(schema.enum)) return union(schema.enum.map(literal))
  const choices = schema.anyOf ?? schema.oneOf
  if (Array.isArray(choices)) return union(choices.map(inner))
  if (Array.isArray(schema.allOf)) return schema.allOf.map((one) => grouped(inner(one))).join(' & ') || 'unknown'
  if (Array.isArray(schema.type)) return union(schema.type.map((type) => inner({ ...schema, type })))
  if (schema.type === 'array') return arrayOf(schema, inner)
  if (schema.type === 'object') return objectOf(schema, inner)
  return typeof schema.type === 'string' ? (simple[schema.type] ?? 'unknown') : 'unknown'
}

function arrayOf({ items, prefixItems }: JsonSchema, inner: (one: unknown) => string): string {
  // Draft 7 has a tuple's items as a list.
  const tuple = prefixItems ?? (Array.isArray(items) ? items : undefined)
  if (Array.isArray(tuple)) return `[${tuple.map(inner).join(', ')}]`
  return `${grouped(items === undefined ? 'unknown' : inner(items))}[]`
}

function objectOf(
  { properties = {}, required, additionalProperties }: JsonSchema,
  inner: (one: unknown) => string,
): string {
  const needed = new Set(Array.isArray(required) ? (required as unknown[]) : [])
  const fields = Object.entries(properties as object).map(
    ([name, one]) => `${keyOf(name)}${needed.has(name) ? '' : '?'}: ${inner(one)}`,
  )
  if (fields.length > 0) return `{ ${fields.join('; ')} }`
  if (additionalProperties === false) return 'Record<string, never>'
  return `Record<string, ${typeof additionalProperties === 'object' ? inner(additionalProperties) : 'unknown'}>`
}

/** `#/definitions/Name` */
function referenced(path: string, root: JsonSchema): unknown {
  if (!path.startsWith('#')) return undefined
  let found: unknown = root
  for (const part of path.split('/').slice(1)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined
  }
  return found
}

const text = (value: string): string =>
  `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
const literal = (value: unknown): string =>
  typeof value === 'string'
    ? text(value)
    : value === null || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : 'unknown'
const keyOf = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : text(name))
const grouped = (type: string): string => (/[|&]/.test(type) ? `(${type})` : type)

function union(types: readonly string[]): string {
  const all = [...new Set(types)]
  return all.includes('unknown') ? 'unknown' : all.join(' | ') || 'never'
}
