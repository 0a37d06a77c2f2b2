import type { z } from 'zod'
import type { Grant } from '../../boundary/boundary.ts'
import type { Denied } from '../../boundary/denial.ts'
import type { Use } from '../../boundary/gate.ts'
import type { JsonSchema } from '../../ports/framework.ts'
import { parse, type Schema, toJsonSchema } from '../../role/schema.ts'
import type { CallOutcome, Scene } from './scene.ts'
import type { Tree } from './tree.ts'

export interface Context {
  readonly scene: Scene
  readonly grant: Grant
  readonly id: string
  readonly signal: AbortSignal
  /** The worktree's files; throws where there is no worktree, which the toolbox has ruled out for tools that use it. */
  readonly tree: Tree
}

/** A call that is understood: what it would touch, and how to do it once the gate has agreed. */
export interface Prepared {
  readonly uses: readonly Use[]
  /** What the gate says to the contents, where they matter; `run` asks it too. */
  refuse?(): Denied | undefined
  run(): Promise<CallOutcome> | CallOutcome
}

/** One tool as the toolbox sees it. */
export interface Entry {
  readonly description: string
  readonly schema: JsonSchema
  /** What it works on: 'worktree' calls of a worker never overlap, 'writes' are not there for a worker that may not write. */
  readonly works: 'worktree' | 'writes' | 'elsewhere'
  /** The parsed input's problems in words, or what the call would do. */
  read(input: unknown): { problems: string } | { prepare(context: Context): Prepared | Denied | CallOutcome }
}

/** An entry whose input is typed by its schema. */
export function entry<S extends z.ZodType>(options: {
  description: string
  input: S
  works: Entry['works']
  prepare(input: z.output<S>, context: Context): Prepared | Denied | CallOutcome
}): Entry {
  const { description, input: schema, works, prepare } = options
  return {
    description,
    works,
    schema: toJsonSchema(schema),
    read: reader(schema, (value, context) => prepare(value as z.output<S>, context)),
  }
}

/** Parses with a schema, then prepares. */
export function reader(
  schema: Schema,
  prepare: (input: unknown, context: Context) => Prepared | Denied | CallOutcome,
): Entry['read'] {
  return (input) => {
    const parsed = parse(schema, input)
    if (!parsed.ok) return { problems: parsed.problems }
    return { prepare: (context) => prepare(parsed.value, context) }
  }
}

export const failed = (output: string): CallOutcome => ({ ok: false, output })
export const done = (output: string): CallOutcome => ({ ok: true, output })

export function denied({ code, reason }: Denied): CallOutcome {
  return { ok: false, output: `denied (${code}): ${reason}`, denied: { code, reason } }
}
