import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { schemaType } from '../../../adapters/cli/scaffold/schema-type.ts'

describe('the TypeScript type of a schema', () => {
  test('differs between what is taken and what is given where there is a default', () => {
    const schema = z.object({ a: z.string().default('x'), b: z.number().int().optional(), c: z.boolean() })
    expect(schemaType(schema, 'input')).toBe('{ a?: string; b?: number; c: boolean }')
    expect(schemaType(schema, 'output')).toBe('{ a: string; b?: number; c: boolean }')
  })

  const cases: [z.ZodType, string][] = [
    [z.array(z.union([z.object({ a: z.string() }), z.object({ b: z.string() })])), '({ a: string } | { b: string })[]'],
    [z.array(z.string().nullable()), '(string | null)[]'],
    [z.array(z.enum(['a|b', "it's"])), `('a|b' | 'it\\'s')[]`],
    [z.literal(['x', 1, null]), `'x' | 1 | null`],
    [z.tuple([z.string(), z.number()]), '[string, number]'],
    [z.record(z.string(), z.array(z.number())), 'Record<string, number[]>'],
    [z.intersection(z.object({ a: z.string() }), z.object({ b: z.string() })), '{ a: string; b: string }'],
    [z.object({ 'a-b': z.string(), "c'd": z.string() }), `{ 'a-b': string; 'c\\'d': string }`],
    [z.object({}), 'Record<string, never>'],
    [z.union([z.string(), z.unknown()]), 'unknown'],
    [z.string().transform((text) => text.length), 'unknown'],
    [z.date(), 'unknown'],
  ]
  test.each(cases.map(([schema, type]) => [type, schema] as const))('is %s', (type, schema) => {
    expect(schemaType(schema, 'output')).toBe(type)
  })

  test('of a JSON Schema as a file may have it', () => {
    const schema = {
      type: 'object',
      properties: {
        id: { $ref: '#/$defs/Id' },
        at: { type: ['string', 'null'] },
        sides: { type: 'array', items: [{ const: 'a' }, { type: 'integer' }] },
        any: true,
        lost: { $ref: 'https://example.com/schema.json' },
        odd: { type: 'odd' },
        both: { allOf: [{ type: 'string' }, { anyOf: [{ const: 'a' }, { const: 'b' }] }] },
      },
      required: ['id'],
      $defs: { Id: { enum: ['x', 2] } },
    }
    expect(schemaType(schema, 'input')).toBe(
      `{ id: 'x' | 2; at?: string | null; sides?: ['a', number]; any?: unknown; lost?: unknown; odd?: unknown; both?: string & ('a' | 'b') }`,
    )
  })

  test('that contains itself ends', () => {
    const Node: z.ZodType = z.lazy(() => z.object({ name: z.string(), next: Node.optional() }))
    const type = schemaType(Node, 'output')
    expect(type).toMatch(/^\{ name: string; next\?: \{ name: string; .*unknown.*\} \}$/)
    expect(type.length).toBeLessThan(1_000)
  })
})
