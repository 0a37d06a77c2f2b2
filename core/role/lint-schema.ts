import { z } from 'zod'
import type { Report } from './problem.ts'
import { type Schema, toJsonSchema, toZod } from './schema.ts'

type Path = readonly (string | number)[]

/** A schema that a model's client can be given: JSON Schema, or zod that has one. */
export function lintSchema(schema: object, path: Path, report: Report): void {
  const name = path.join('.')
  if (!(schema instanceof z.ZodType) && ('_def' in schema || '_zod' in schema)) {
    report(
      'schema',
      `'${name}' is a schema of another copy of zod; import z from 'codeband' (or zod 4 as 'zod') instead`,
      { path },
    )
    return
  }
  const problem = problemOf(schema as Schema)
  if (problem === undefined) return
  const inner = innermost(schema as Schema, path)
  report('schema', `'${inner.path.join('.')}' has no JSON Schema: ${inner.problem ?? problem}`, { path: inner.path })
}

function problemOf(schema: Schema): string | undefined {
  try {
    toJsonSchema(schema)
    toZod(schema)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const deepest = 12

/** The field that is to blame, as deep as objects go. */
function innermost(schema: Schema, path: Path): { path: Path; problem: string | undefined } {
  const shape =
    schema instanceof z.ZodObject
      ? (schema.shape as Record<string, Schema>)
      : schema instanceof z.ZodType
        ? {}
        : fieldsOf(schema.properties)
  // A JSON Schema given as an object may hold itself.
  if (path.length > deepest) return { path, problem: undefined }
  for (const [key, field] of Object.entries(shape)) {
    if (problemOf(field) === undefined) continue
    const further = schema instanceof z.ZodType ? [key] : ['properties', key]
    return innermost(field, [...path, ...further])
  }
  return { path, problem: problemOf(schema) }
}

function fieldsOf(properties: unknown): Record<string, Schema> {
  const isObject = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject(properties)) return {}
  return Object.fromEntries(Object.entries(properties).filter(([, field]) => isObject(field))) as Record<string, Schema>
}
