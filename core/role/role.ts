import type { ChangeProduct, Plan, Subtask, Verdict } from './products.ts'
import type { OutputOf, Schema } from './schema.ts'
import type { Band, Steps } from './steps.ts'
import type { ToolGrant, ToolName } from './tool.ts'

/** A kind of agent. What is not declared does not exist for it. */
export interface RoleDefinition<I extends Schema = Schema, O extends Schema = Schema> {
  /** kebab-case; a file of the same id in `.agents/` replaces a built-in. */
  id: string
  description: string
  /** Checked on the way in; prompts, generator and steps see the parsed value. */
  input?: I
  /** Checked on the way out; grants `set_output`. */
  output?: O
  /** Grants the submit tool of the product; a change is submitted by the end of the turn. */
  produces?: 'plan' | 'change' | 'verdict'
  /** Role that reviews the product, always played by the opposite family. Needs no `spawnableRoles` entry. */
  reviewedBy?: RoleId
  /** What may play it, by framework name; default: any. */
  frameworks?: Readonly<Record<string, { model?: string; effort?: string }>>
  /** Allow list. */
  tools?: readonly (ToolName | ToolGrant)[]
  /** All that the generator may add. */
  optionalTools?: readonly (ToolName | ToolGrant)[]
  /** Grants `spawn_roles` and the effects `spawn` and `reviewed` along exactly these edges. */
  spawnableRoles?: readonly RoleId[]
  /** Globs inside the worktree; default: the subtask's files, else all but the protected paths. */
  writes?: readonly string[]
  /** Servers of the Model Context Protocol, by name; their tools are `mcp/<server>/<tool>`. */
  mcp?: Readonly<Record<string, McpServer>>
  systemPrompt?: Prompt<OutputOf<I>>
  userPrompt?: Prompt<OutputOf<I>>
  /** Runs once per spawn, before the session starts; what it gives is recorded and fixes the tool list. */
  generator?: (context: TurnContext<OutputOf<I>>) => Adjustments
  /** Drives the turn itself. */
  steps?: (context: StepsContext<OutputOf<I>>) => Steps<unknown>
  limits?: Limits
}

/** A tool server: a local program, or an address. Secrets are named, never written down. */
export interface McpServer {
  /** Program and arguments. */
  command?: readonly string[]
  url?: string
  /** Names of variables of this machine that a local server gets. */
  env?: readonly string[]
  /** Header name to the name of the variable that holds its value. */
  headers?: Readonly<Record<string, string>>
  /** Allow list: exactly these of its tools exist for the role. */
  tools: readonly string[]
}

/** A template with `{{path.to.value}}`, or a function of the context. */
export type Prompt<I> = string | ((context: TurnContext<I>) => string)

/** What prompts, generator and steps see: the role's parsed input, plus this. */
export interface TurnBase {
  /** The text of the task. */
  task: string
  /** `coder-codex-0` */
  worker: string
  /** From 1; a round is one product and its review. */
  round: number
  /** Rendered findings of the last review, '' in round 1. */
  feedback: string
}
export type TurnContext<I = unknown> = TurnBase & (I extends object ? I : unknown)
export type StepsContext<I = unknown> = TurnContext<I> & { band: Band }

export interface Adjustments {
  /** Names among `optionalTools`. */
  additionalTools?: string[]
  systemPrompt?: string
  userPrompt?: string
}

export interface Limits {
  turns?: number
  tokens?: number
  usd?: number
  minutes?: number
  rounds?: number
  retries?: number
  depth?: number
  fanOut?: number
}

/** A role of any input and output. */
// biome-ignore lint/suspicious/noExplicitAny: the one place where the schemas of a role are forgotten
export type Role = RoleDefinition<any, any>

type NoInput = { readonly type: 'object' }

/** Types a role; gives it back as it is. */
export function defineRole<const I extends Schema = NoInput, const O extends Schema = Schema>(
  role: RoleDefinition<I, O>,
): RoleDefinition<I, O> {
  return role
}

/** Input and output of the project's own roles, for `band.spawn` and `band.reviewed`; one of the id of a built-in is what counts of it.
 *  Extend it by declaration merging: `declare module 'codeband' { interface Roles { scribe: { in: {...}; out: {...} } } }`. */
// biome-ignore lint/suspicious/noEmptyInterface: extended by declaration merging
export interface Roles {}

/** Input and output of the roles that ship. */
export interface BuiltinRoles {
  'file-picker': { in: { task: string }; out: string[] }
  planner: { in: { task: string; files: readonly string[] }; out: Plan }
  'plan-reviewer': { in: { plan: Plan }; out: Verdict }
  coder: { in: { subtask: Subtask; files: readonly string[] }; out: ChangeProduct }
  'code-reviewer': { in: Record<string, unknown>; out: Verdict }
  mergemaster: { in: Record<never, never>; out: { landed: string[] } }
}

export type KnownRoles = Omit<BuiltinRoles, keyof Roles> & Roles

/** Completes the ids that are known; any other is an id all the same, and `codeband roles` says whether there is such a role. */
export type RoleId = (keyof KnownRoles & string) | (string & {})
