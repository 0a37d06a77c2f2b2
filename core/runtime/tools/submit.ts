import { z } from 'zod'
import { Plan, Verdict } from '../../role/products.ts'
import { parse, type Schema, toJsonSchema } from '../../role/schema.ts'
import { type Entry, entry, reader } from './entry.ts'

export const submitPlan = entry({
  description: 'Hands over your plan. Call it once, when the plan is complete; then end your turn.',
  input: Plan,
  works: 'elsewhere',
  prepare: (plan, { scene }) => ({ uses: [], run: () => scene.submit('plan', plan) }),
})

export const submitVerdict = entry({
  description:
    'Hands over your verdict on exactly what you were given to review. Nothing else you write counts as a decision. Call it once; then end your turn.',
  input: Verdict,
  works: 'elsewhere',
  prepare: (verdict, { scene }) => ({ uses: [], run: () => scene.submit('verdict', verdict) }),
})

const description = 'Hands over your output. Call it once, when it is complete; then end your turn.'

/** set_output takes the role's own schema; tools take objects, so another output travels as `{ output }`. */
export function setOutput(schema: Schema): Entry {
  const json = toJsonSchema(schema)
  if (json.type === 'object') {
    return {
      description,
      schema: json,
      works: 'elsewhere',
      read: reader(schema, (value, { scene }) => ({ uses: [], run: () => scene.submit('output', value) })),
    }
  }
  const Wrapped = z.strictObject({ output: z.unknown() })
  return {
    description,
    schema: { type: 'object', properties: { output: json }, required: ['output'], additionalProperties: false },
    works: 'elsewhere',
    read(input) {
      const outer = parse(Wrapped, input)
      if (!outer.ok) return { problems: outer.problems }
      const inner = parse(schema, (outer.value as { output: unknown }).output)
      if (!inner.ok) return { problems: `output: ${inner.problems}` }
      return { prepare: ({ scene }) => ({ uses: [], run: () => scene.submit('output', inner.value) }) }
    },
  }
}
