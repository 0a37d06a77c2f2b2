import type { EffectFailure } from '../protocol/events.ts'
import type { MergeReport } from './products.ts'
import type { KnownRoles, Role, RoleDefinition } from './role.ts'
import type { InputOf, OutputOf, Schema } from './schema.ts'
import type { Tool } from './tool.ts'
import type { CallableTool, ToolInputOf } from './tool-inputs.ts'

/** What `steps` yields: one thing asked of the runtime. The journal holds these, `all` by its branches. */
export type Effect =
  | { readonly kind: 'spawn'; readonly role: string; readonly input: unknown }
  | { readonly kind: 'produce'; readonly role: string; readonly input: unknown }
  | { readonly kind: 'review'; readonly subject: string }
  | {
      readonly kind: 'all'
      readonly branches: readonly Steps<unknown>[]
      readonly after: readonly (readonly number[])[]
    }
  | { readonly kind: 'tool'; readonly name: string; readonly input: unknown }
  | { readonly kind: 'step' }
  | { readonly kind: 'stepAll' }
  | { readonly kind: 'ask'; readonly person: string; readonly question: string }
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'merge' }
  | { readonly kind: 'say'; readonly mention: string; readonly text: string }

/** A durable program: synchronous, without clock, randomness or I/O of its own. */
export type Steps<T> = Generator<Effect, T, unknown>

/** Thrown at the `yield*` of an effect that has no value. Catch it to handle the failure; uncaught, the task ends `escalated`. */
export class EffectError extends Error {
  readonly outcome: EffectFailure
  readonly reason: string

  constructor(outcome: EffectFailure, reason: string) {
    super(`${outcome}: ${reason}`)
    this.name = 'EffectError'
    this.outcome = outcome
    this.reason = reason
  }
}

/** A product in the hands of the law: `subject` names it over all its rounds. */
export interface Produced {
  subject: string
  output: unknown
}

/** The effects as typed helpers; what `steps` gets as `band`. */
export interface Band {
  /** Plays a role once and gives its output. */
  spawn<R extends keyof KnownRoles & string>(role: R, input: KnownRoles[R]['in']): Steps<KnownRoles[R]['out']>
  spawn<I extends Schema, O extends Schema>(role: RoleDefinition<I, O>, input: InputOf<I>): Steps<OutputOf<O>>
  /** Produce, review by the opposite family, revise: until the reviewer approves or the law ends it. */
  reviewed<R extends keyof KnownRoles & string>(role: R, input: KnownRoles[R]['in']): Steps<KnownRoles[R]['out']>
  reviewed<I extends Schema, O extends Schema>(role: RoleDefinition<I, O>, input: InputOf<I>): Steps<OutputOf<O>>
  /** A program per item, in parallel; an item with `dependsOn` waits for the items with those ids. */
  each<T, U>(items: readonly T[], program: (item: T) => Steps<U>): Steps<U[]>
  /** Programs in parallel. */
  all<U>(programs: readonly (() => Steps<U>)[]): Steps<U[]>
  /** Calls a tool of this role through the gate: by name, or a tool of the project's own as it was defined. */
  tool<N extends CallableTool>(name: N, input: ToolInputOf<N>): Steps<string>
  tool<I extends Schema>(tool: Tool<I>, input: InputOf<I>): Steps<string>
  /** Lets the model take one turn. */
  step(): Steps<unknown>
  /** Lets the model work until its product or output is there. */
  stepAll(): Steps<unknown>
  /** Asks a person and waits for the answer. */
  ask(person: string, question: string): Steps<string>
  sleep(ms: number): Steps<void>
  /** Lands what is approved; only core moves the branch. */
  merge(): Steps<MergeReport>
  /** Says something in the task's conversation. */
  say(mention: string, text: string): Steps<void>
}

const idOf = (role: string | { id: string }): string => (typeof role === 'string' ? role : role.id)
const nameOf = (tool: string | { name: string }): string => (typeof tool === 'string' ? tool : tool.name)

function* ask<T>(effect: Effect): Steps<T> {
  return (yield effect) as T
}

/** For each item the places of the items it depends on. Throws for a circle, which could never start. */
function dependencies(items: readonly unknown[]): number[][] {
  const place = new Map(items.map((item, index) => [(item as { id?: unknown } | null)?.id, index]))
  const after = items.map((item) => {
    const { dependsOn } = (item ?? {}) as { dependsOn?: readonly unknown[] }
    return (dependsOn ?? []).map((id) => place.get(id)).filter((index) => index !== undefined)
  })
  const done = new Set<number>()
  for (let grew = true; grew; ) {
    const ready = after.flatMap((needs, index) =>
      !done.has(index) && needs.every((one) => done.has(one)) ? [index] : [],
    )
    for (const index of ready) done.add(index)
    grew = ready.length > 0
  }
  if (done.size < items.length) throw new Error('band.each: the items depend on each other in a circle')
  return after
}

/** The one `band` there is: it holds nothing, the runtime answers what it yields. */
export const band = {
  spawn: (role: string | Role, input: unknown) => ask({ kind: 'spawn', role: idOf(role), input }),
  *reviewed(role: string | Role, input: unknown): Steps<unknown> {
    for (;;) {
      const { subject, output } = yield* ask<Produced>({ kind: 'produce', role: idOf(role), input })
      const { approved } = yield* ask<{ approved: boolean }>({ kind: 'review', subject })
      if (approved) return output
    }
  },
  each: (items: readonly unknown[], program: (item: unknown) => Steps<unknown>) =>
    ask({ kind: 'all', branches: items.map(program), after: dependencies(items) }),
  all: (programs: readonly (() => Steps<unknown>)[]) =>
    ask({ kind: 'all', branches: programs.map((program) => program()), after: programs.map(() => []) }),
  *tool(tool: string | { name: string }, input: unknown): Steps<string> {
    const { output } = yield* ask<{ output: string }>({ kind: 'tool', name: nameOf(tool), input })
    return output
  },
  step: () => ask({ kind: 'step' }),
  stepAll: () => ask({ kind: 'stepAll' }),
  ask: (person: string, question: string) => ask({ kind: 'ask', person, question }),
  sleep: (ms: number) => ask({ kind: 'sleep', ms }),
  merge: () => ask({ kind: 'merge' }),
  say: (mention: string, text: string) => ask({ kind: 'say', mention, text }),
} as unknown as Band
