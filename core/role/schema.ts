import { z } from 'zod'
import type { JsonSchema } from '../ports/framework.ts'

/** zod 4, or plain JSON Schema (then values are typed `unknown`). */
export type Schema = z.ZodType | JsonSchema

export type InputOf<S> = S extends z.ZodType ? z.input<S> : unknown
export type OutputOf<S> = S extends z.ZodType ? z.output<S> : unknown

export type Parsed<T = unknown> = { ok: true; value: T } | { ok: false; problems: string }

/** The schema as zod. Throws what zod throws for a JSON Schema it cannot read. */
export function toZod(schema: Schema): z.ZodType {
  return schema instanceof z.ZodType ? schema : z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
}

/** As JSON Schema, the input side (before defaults and transforms). Throws where zod has no JSON Schema for it. */
export function toJsonSchema(schema: Schema): JsonSchema {
  if (!(schema instanceof z.ZodType)) return schema
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) as Record<string, unknown>
  return rest
}

/** The parsed value (defaults and transforms applied), or what is wrong in one line a point. */
export function parse(schema: Schema, value: unknown): Parsed {
  const result = toZod(schema).safeParse(value)
  if (result.success) return { ok: true, value: result.data }
  return {
    ok: false,
    problems: result.error.issues.map(({ path, message }) => `${path.join('.') || 'value'}: ${message}`).join('; '),
  }
}
