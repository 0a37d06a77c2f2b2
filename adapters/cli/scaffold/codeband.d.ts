// biome-ignore-all lint: written by a program
// Types of codeband for an editor, where the package is not installed; where it is, its own types are used instead.
// Written by codeband: `codeband roles --types` writes it anew, and the types of this project's roles and tools beside it.
/// <reference path="./zod.d.ts" />
/// <reference path="./subpaths.d.ts" />
/// <reference path="./roles.d.ts" />

declare module 'codeband*' {
  import { z } from 'codeband/zod'

  export { z }
  /** Types a role; gives it back as it is. */
  export function defineRole<const I extends Schema = NoInput, const O extends Schema = Schema>(
    role: RoleDefinition<I, O>,
  ): RoleDefinition<I, O>
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
  export type Role = RoleDefinition<any, any>
  type NoInput = { readonly type: 'object' }
  /** Input and output of the project's own roles, for `band.spawn` and `band.reviewed`; one of the id of a built-in is what counts of it.
   *  Extend it by declaration merging: `declare module 'codeband' { interface Roles { scribe: { in: {...}; out: {...} } } }`. */
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
  export type KnownRoles = Omit<BuiltinRoles, keyof AllRoles> & AllRoles
  /** Completes the ids that are known; any other is an id all the same, and `codeband roles` says whether there is such a role. */
  export type RoleId = (keyof KnownRoles & string) | (string & {})
  /** Types a tool; gives it back as it is. */
  export function defineTool<const I extends Schema, O>(tool: Tool<I, O>): Tool<I, O>
  /** A tool of a project's own. */
  export interface Tool<I extends Schema = Schema, O = unknown> {
    name: string
    description: string
    input: I
    /** What `context.fetch` and `context.env` give; shown as a capability. */
    needs?: { network?: readonly string[]; env?: readonly string[] }
    /** 'never' (default): a call that a crash left unfinished is not repeated; its result is then 'outcome unknown'. */
    repeat?: 'safe' | 'never'
    run(input: OutputOf<I>, context: ToolContext): Promise<O> | O
  }
  export interface ToolContext {
    /** Only the hosts in `needs.network`. */
    fetch: Fetch
    /** Only the names in `needs.env`. */
    env: Readonly<Record<string, string>>
    /** Runs argv in the sandbox, in the worktree. */
    run(argv: readonly string[]): Promise<{ exitCode: number | null; output: string }>
    signal: Signal
    /** The same for the same call after a crash: hand it to the service you call. */
    key: string
  }
  /** One line of what a role may do. */
  export interface ToolGrant {
    name: ToolName
    /** For run_tests and run_command: commands, compared word by word as a whole. Words are split at blanks; a command that needs
     *  quotes is given as its list of words. */
    allowedCommands?: readonly (string | readonly string[])[]
    /** For fetch_url: exact host names. */
    allowedHosts?: readonly string[]
    /** Globs that narrow a file tool further. */
    paths?: readonly string[]
  }
  /** A built-in, a custom tool's name or `mcp/<server>/<tool>`. */
  export type ToolName =
    | BuiltinTool
    | `mcp/${string}/${string}`
    | (keyof AllTools extends never ? string & {} : keyof AllTools & string)
  /** The project's own tools, by name; `codeband roles --types` writes them. While there is none, any name compiles. */
  export interface Tools {}
  export type BuiltinTool = (typeof builtinTools)[number]
  /** The catalogue: every tool that core itself implements. */
  export const builtinTools: readonly [
    'list_files',
    'search_codebase',
    'read_files',
    'write_file',
    'apply_diff',
    'delete_file',
    'run_tests',
    'run_command',
    'git_status',
    'git_diff',
    'git_log',
    'spawn_roles',
    'send_message',
    'ask_human',
    'submit_plan',
    'submit_verdict',
    'set_output',
    'fetch_url',
  ]
  /** What `band.tool` hands to the tools of the catalogue. A product, a spawn and a message are effects of their own. */
  export interface ToolInputs {
    list_files: { path?: string; glob?: string; limit?: number }
    search_codebase: {
      pattern: string
      path?: string
      glob?: string
      regex?: boolean
      literal?: boolean
      ignoreCase?: boolean
      limit?: number
    }
    read_files: { paths: readonly (string | { path: string; from?: number; to?: number })[] }
    write_file: { path: string; content: string }
    apply_diff: { path?: string; old?: string; new?: string; all?: boolean; patch?: string }
    delete_file: { path: string }
    run_tests: { argv?: readonly string[]; command?: string }
    run_command: { argv?: readonly string[]; command?: string }
    git_status: Record<string, never>
    git_diff: Record<string, never>
    git_log: { count?: number }
    ask_human: { question: string }
    fetch_url: { url: string }
  }
  /** A tool that a program may call: of the catalogue, `mcp/<server>/<tool>`, or of the project's own. While no own tool is declared in
   *  `Tools`, any name compiles. */
  export type CallableTool =
    | (keyof ToolInputs & string)
    | `mcp/${string}/${string}`
    | (keyof AllTools extends never ? string & {} : keyof AllTools & string)
  /** What the tool of that name takes; `unknown` where nothing is known of it. */
  export type ToolInputOf<N> = N extends keyof ToolInputs
    ? ToolInputs[N]
    : N extends keyof AllTools
      ? AllTools[N]
      : unknown
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
  /** A durable program: synchronous, without clock, randomness or I/O of its own. */
  export type Steps<T> = Generator<Effect, T, unknown>
  /** Thrown at the `yield*` of an effect that has no value. Catch it to handle the failure; uncaught, the task ends `escalated`. */
  export class EffectError extends Error {
    readonly outcome: EffectFailure
    readonly reason: string
    constructor(outcome: EffectFailure, reason: string)
  }
  /** A unit of the plan. */
  export const Subtask: z.ZodObject<{
    id: z.ZodString
    title: z.ZodString
    description: z.ZodDefault<z.ZodString>
    files: z.ZodDefault<z.ZodArray<z.ZodString>>
    dependsOn: z.ZodDefault<z.ZodArray<z.ZodString>>
  }>
  export type Subtask = z.output<typeof Subtask>
  /** What `submit_plan` takes. */
  export const Plan: z.ZodObject<{ summary: z.ZodDefault<z.ZodString>; subtasks: z.ZodArray<typeof Subtask> }>
  export type Plan = z.output<typeof Plan>
  export const Risk: z.ZodEnum<{ critical: 'critical'; high: 'high'; low: 'low'; medium: 'medium' }>
  export const Finding: z.ZodObject<{
    severity: z.ZodEnum<{ Critical: 'Critical'; Gap: 'Gap'; Risk: 'Risk'; Suggestion: 'Suggestion' }>
    issue: z.ZodString
    file: z.ZodOptional<z.ZodString>
    line: z.ZodOptional<z.ZodNumber>
    evidence: z.ZodOptional<z.ZodString>
    suggestion: z.ZodOptional<z.ZodString>
  }>
  /** What `submit_verdict` takes. */
  export const Verdict: z.ZodObject<{
    decision: z.ZodEnum<{ approve: 'approve'; escalate: 'escalate'; request_changes: 'request_changes' }>
    findings: z.ZodDefault<z.ZodArray<typeof Finding>>
    risk: typeof Risk
    summary: z.ZodString
  }>
  export type Verdict = z.output<typeof Verdict>
  /** What the turn of a change role hands over. */
  export interface ChangeProduct {
    commit: string
    files: string[]
  }
  /** What `band.merge()` gives. */
  export interface MergeReport {
    /** Commits that landed, in order. */
    landed: string[]
    /** Approved changes that came back to their authors: spawn them again through `reviewed`. */
    returned: { role: string; input: unknown; reason: string }[]
  }
  /** Types a configuration; gives it back as it is. */
  export function defineConfig(config: Config): Config
  /** Where package managers fetch from: the default of `network`. Anybody may publish there, so these hosts are no wall around what `setup`
   *  runs. Hosts of repositories, models and pastes, where that takes one request, are not among them. */
  export const packageRegistries: readonly string[]
  /** `codeband.config.ts`. Every option of a band gets its default here and nowhere else. */
  export interface Config {
    /** What may play roles, by the name that workers and traces use. In YAML or JSON: the framework's name, or `{ use, ...options }`. */
    frameworks?: Readonly<Record<string, Framework | FrameworkByName>>
    /** How many workers of a role run on which framework. A role without an entry is played on demand. */
    workers?: Readonly<Record<string, Readonly<Record<string, number>>>>
    /** Commands that make a fresh worktree ready, as argv; they reach the hosts of `network`. */
    setup?: readonly (readonly string[])[]
    /** Hosts that `setup` may reach: `example.com` (port 443), `example.com:8080`, `*.example.com` (every name below it). Default:
     *  `packageRegistries`. Where `registry.npmjs.org` is among them, so is the registry that npm_config_registry names instead. */
    network?: readonly string[]
    /** Commands that must pass on the merged tree: as argv, judged by the exit code, or with a report that names every test. */
    checks?: readonly (readonly string[] | Check)[]
    merge?: {
      /** The branch that changes land on; default: the one checked out. */
      into?: string
      /** Risk up to which nothing asks a person; default 'low'. */
      autoMerge?: 'none' | 'low' | 'medium' | 'high' | 'critical'
      /** Most changes in one candidate; default 8. */
      batch?: number
    }
    /** Default 'required'. */
    sandbox?: 'required' | 'if-available' | 'off'
    /** 'waived' lets the same family review, marks everything it touches, and leaves every landing to a person. */
    review?: { opposition?: 'required' | 'waived' }
    limits?: {
      /** Producer-and-reviewer cycles of one product; default 3. */
      rounds?: number
      /** Repeated turns after failures at one place; default 3. */
      retries?: number
      /** Failures of the world in a row (a client that crashes, a model API that is overloaded), after which the task waits; default 5.
       *  They burn no retry. */
      outages?: number
      /** Turns of one task; default 500. */
      turns?: number
      /** Input and output tokens of one task; default: no cap. */
      tokens?: number
      /** US dollars of one task, where the clients say what a turn costs; default: no cap. */
      usd?: number
      /** Minutes of all turns of one task, added up; default: no cap. */
      minutes?: number
      /** Minutes of one turn; default 60. */
      turnMinutes?: number
      /** Minutes without a sign of life (text, a call, usage) after which a turn is interrupted; default 15. */
      silentMinutes?: number
      /** How often the same call may fail in a turn that changes nothing meanwhile; default 5. */
      repeats?: number
      /** Calls of one turn that are denied at the boundary, after which the turn ends as refused; default 20. */
      violations?: number
      /** Minutes between reminders of an approval that waits; default 60. */
      remindMinutes?: number
      /** Tasks that are driven at once; default 4. */
      tasks?: number
      /** Roles that one turn, or one step of a program, may spawn; default 64. */
      fanOut?: number
      /** Minutes of one command (a test run, a check, a setup step); default 10. */
      commandMinutes?: number
      /** Depth of spawning; default 8. */
      depth?: number
      /** Mebibytes of memory of one command with all its processes; default 8192. */
      memoryMb?: number
      /** Processes and threads of one command at once; default 2048. */
      processes?: number
      /** Mebibytes of the largest file that a command may write; default 4096. */
      fileMb?: number
      /** Mebibytes that must stay free on the disk while a command runs; below it the command is stopped. Default 512. */
      freeMb?: number
      /** Most files of one change, deleted ones included; default 5000. A turn that leaves more is void. */
      changeFiles?: number
      /** Mebibytes of all files that one change adds or edits; default 256. A turn that leaves more is void. */
      changeMb?: number
    }
  }
  /** A command that must pass, and says which tests it ran. */
  export interface Check {
    /** As argv. */
    command: readonly string[]
    /** The file that it writes, relative to the worktree: `.xml` is JUnit, `.tap` is TAP. The check passes only if the command ends with 0
     *  and this report names at least one test that passed and none that failed. Tests that passed on the base and do not run any more are
     *  high risk. */
    report?: string
  }
  export type FrameworkByName = string | { readonly use: string; readonly [option: string]: unknown }
  /** zod 4, or plain JSON Schema (then values are typed `unknown`). */
  export type Schema = z.ZodType | JsonSchema
  export type InputOf<S> = S extends z.ZodType ? z.input<S> : unknown
  export type OutputOf<S> = S extends z.ZodType ? z.output<S> : unknown
  export type JsonSchema = { readonly [key: string]: unknown }
  export type EffectFailure = 'retry' | 'escalate' | 'failed' | 'refused' | 'cancelled' | 'budget' | 'infrastructure'
  /** What plays a role: `claude()`, `codex()`, `scripted()`, or a plug-in. */
  export interface Framework {
    readonly id: string
    readonly family: string
  }
  export { type Band as StepsBand }
  /** What `steps` yields: one thing asked of the runtime. */
  export interface Effect {
    readonly kind: string
  }
  // Through the import, declarations that extend them are seen here too.
  type AllRoles = import('codeband').Roles
  type AllTools = import('codeband').Tools
  type Fetch = typeof globalThis extends { fetch: infer F } ? F : (url: string, init?: object) => Promise<unknown>
  type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : { readonly aborted: boolean }
}
