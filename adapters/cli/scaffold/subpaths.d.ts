// biome-ignore-all lint: written by a program
// Types of codeband for an editor, where the package is not installed; where it is, its own types are used instead.
// Written by codeband: `codeband roles --types` writes it anew, and the types of this project's roles and tools beside it.

declare module 'codeband/roles*' {
  import type { Plan, RoleDefinition, Schema, Subtask, z } from 'codeband'
  export const codeReviewer: RoleDefinition<
    z.ZodObject<{
      subtask: z.ZodOptional<typeof Subtask>
      commit: z.ZodString
      base: z.ZodString
      files: z.ZodArray<z.ZodString>
      message: z.ZodString
      diff: z.ZodString
    }>,
    Schema
  >
  export const coder: RoleDefinition<z.ZodObject<{ subtask: typeof Subtask; files: z.ZodArray<z.ZodString> }>, Schema>
  export const conductor: RoleDefinition<{ readonly type: 'object' }, Schema>
  export const filePicker: RoleDefinition<z.ZodObject<{ task: z.ZodString }>, z.ZodArray<z.ZodString>>
  export const mergemaster: RoleDefinition<{ readonly type: 'object' }, Schema>
  export const planReviewer: RoleDefinition<z.ZodObject<{ plan: typeof Plan }>, Schema>
  export const planner: RoleDefinition<z.ZodObject<{ task: z.ZodString; files: z.ZodArray<z.ZodString> }>, Schema>
}

declare module 'codeband/claude*' {
  import type { Framework } from 'codeband'
  /** Claude Code through its Agent SDK: one process for all prompts of a session, its own tools off, ours through MCP in this process.
   *  The client announces its tools only with a prompt, but gives an account of its context before: `start` compares that account and
   *  the connected servers with what was given, and each prompt compares the announcement before any call passes. */
  export function claude(settings?: ClaudeOptions): Framework
  export interface ClaudeOptions {
    id?: string
    /** Where neither the role nor the worker names one; default: the client's own choice. */
    model?: string
    effort?: string
    /** Path of the claude binary, relative to the repository; default: the one that comes with the SDK. */
    executable?: string
    /** Of a Messages API; default: ANTHROPIC_BASE_URL, then Anthropic. */
    baseUrl?: string
    /** Default: ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN or CLAUDE_CODE_OAUTH_TOKEN. It stays in this process. */
    apiKey?: string
    /** More variables for the client, such as those of a cloud that serves the models. Keys, base URL and ANTHROPIC_CUSTOM_HEADERS among them
     *  are not handed to it but sent in its place, and HTTPS_PROXY, NO_PROXY and NODE_EXTRA_CA_CERTS are how. */
    env?: Readonly<Record<string, string>>
    /** How often the client itself asks a failing API again before the turn fails; the waits double from half a second. */
    retries?: number
  }
}

declare module 'codeband/codex*' {
  import type { Framework } from 'codeband'
  /** Codex, as one `codex app-server` per session. It has no place to run anything and no tools but the given ones: see `catalogue.ts`
   *  for the one tool (`request_user_input`) that no switch hides and why it is inert, and `offer.ts` for how the client is made to
   *  show what it lists. A session that is resumed with other
   *  tools or another system prompt goes on in a new thread with the old conversation, since a thread keeps both for life. */
  export function codex(settings?: CodexOptions): Framework
  export interface CodexOptions {
    id?: string
    /** Where neither the role nor the worker names one; default: the client's own choice. */
    model?: string
    effort?: string
    /** Path of the codex binary; default: the `@openai/codex` of the repository, then codeband's own, then the one on PATH. */
    executable?: string
    /** Of a Responses API; default: OPENAI_BASE_URL, then OpenAI. */
    baseUrl?: string
    /** Default: OPENAI_API_KEY, then CODEX_API_KEY. It stays in this process. */
    apiKey?: string
    /** How patient the client itself is, before a turn fails. */
    provider?: { requestRetries?: number; streamRetries?: number; idleMs?: number }
    /** auth.json of a ChatGPT login (`codex login` writes ~/.codex/auth.json), used when there is no key. Each worker gets a private copy,
     *  which the vendor may rotate apart from the original; unlike a key it lies in the client's private home, readable to the client. */
    authFile?: string
  }
}

declare module 'codeband/scripted*' {
  import type { Framework, JsonSchema, z } from 'codeband'
  /** A framework without a model: it says and calls what a script tells, through the same gate as a model's calls. */
  export function scripted({ id, family, script: source }: ScriptedOptions): Framework
  export interface ScriptedOptions {
    id?: string
    /** Which family it stands for. */
    family: string
    /** Path of a JSON file (relative to the repository), its content, or a function of the turn. docs/scripted.md has the format. */
    script: ScriptSource
  }
  /** One thing a scripted model does; times are milliseconds. */
  export type ScriptStep = z.input<(typeof forms)[keyof typeof forms]>
  /** One turn of a role: played once a session, at the first prompt that contains `when` and is the session's `round`-th. */
  export type ScriptTurn = z.input<typeof scriptTurn>
  export type Script = z.input<typeof scriptFile>
  /** A generator gets the result of each `call` it yields, undefined for its other steps. */
  export type ScriptFunction = (
    turn: ScriptMoment,
  ) => readonly ScriptStep[] | AsyncGenerator<ScriptStep, void, ToolResult | undefined>
  /** What a script that is a function knows of the turn it is to play. */
  export interface ScriptMoment {
    role: string
    worker: string
    prompt: string
    systemPrompt: string
    /** How many turns of this session have ended. */
    played: number
    tools: readonly SessionTool[]
  }
  /** `{ turns: ... }` as JSON gives it is checked when a session starts. */
  export type ScriptSource = string | Script | { readonly turns: readonly object[] } | ScriptFunction
  /** The forms of a step, by the key that tells them apart. */
  const forms: {
    say: z.ZodObject<{ say: z.ZodString }>
    think: z.ZodObject<{ think: z.ZodString }>
    call: z.ZodObject<{
      call: z.ZodString
      input: z.ZodOptional<z.ZodUnknown>
      expect: z.ZodOptional<z.ZodUnion<readonly [z.ZodLiteral<'error' | 'ok'>, z.ZodObject<{ contains: z.ZodString }>]>>
    }>
    wait: z.ZodObject<{ wait: z.ZodNumber }>
    fail: z.ZodObject<{
      fail: z.ZodEnum<{
        auth: 'auth'
        context: 'context'
        crashed: 'crashed'
        malformed: 'malformed'
        overloaded: 'overloaded'
        quota: 'quota'
        'rate-limit': 'rate-limit'
        refusal: 'refusal'
        stalled: 'stalled'
        version: 'version'
      }>
      detail: z.ZodOptional<z.ZodString>
      retryAfter: z.ZodOptional<z.ZodNumber>
    }>
    usage: z.ZodObject<{
      usage: z.ZodObject<{
        inputTokens: z.ZodNumber
        outputTokens: z.ZodNumber
        cachedTokens: z.ZodOptional<z.ZodNumber>
        usd: z.ZodOptional<z.ZodNumber>
      }>
    }>
  }
  const scriptTurn: z.ZodObject<{
    role: z.ZodString
    when: z.ZodOptional<z.ZodString>
    round: z.ZodOptional<z.ZodNumber>
    steps: z.ZodArray<z.ZodCustom<ScriptStep, ScriptStep>>
  }>
  const scriptFile: z.ZodObject<{
    turns: z.ZodArray<
      z.ZodObject<{
        role: z.ZodString
        when: z.ZodOptional<z.ZodString>
        round: z.ZodOptional<z.ZodNumber>
        steps: z.ZodArray<z.ZodCustom<ScriptStep, ScriptStep>>
      }>
    >
  }>
  export interface SessionTool {
    name: string
    description: string
    /** JSON Schema of the input, always of type object. */
    schema: JsonSchema
  }
  /** What a model gets back from a call. */
  export interface ToolResult {
    ok: boolean
    /** Text for the model. */
    output: string
  }
}

declare module 'codeband/testing*' {
  import type { Config, Role, RoleDefinition, Schema, Tool, z } from 'codeband'
  import type { ScriptFunction, ScriptTurn } from 'codeband/scripted'
  /** Plays one role to its end through the real runtime: gate, worktrees, sandbox where there is one, the law. Only the models are
   *  scripted, and the log lives in memory; everything is gone afterwards. What a model or the role does wrong is in the result.
   *  CB_ROLE_INVALID, CB_ROLE_UNKNOWN, CB_CONFIG_INVALID, CB_SCRIPT_INVALID, CB_OPPOSITION_IMPOSSIBLE. */
  export function playRole<I extends Schema, O extends Schema>(
    role: RoleDefinition<I, O>,
    options?: PlayOptions<InputOf<I>>,
  ): Promise<Played<OutputOf<O>>>
  export interface PlayOptions<I = unknown> {
    /** What the role is asked with; checked as in a band. */
    input?: I
    /** What the models say and call, of every role that is played. Without it no model may speak. */
    script?: readonly PlayTurn[] | ScriptFunction
    /** The repository: path to text. */
    files?: Readonly<Record<string, string>>
    /** Roles it may spawn or that review it, besides those that ship; one of the same id replaces it. */
    roles?: readonly Role[]
    /** Tools of the project's own. */
    tools?: readonly Tool[]
    /** The text of the task; default: 'Play <id>'. */
    task?: string
    /** A person's answers; without it a question parks the task. */
    answer?: (person: string, question: string) => Promise<string | undefined> | string | undefined
    /** Checks, limits and the like. The frameworks are scripted ones in the place of `claude` and `codex`. */
    config?: Omit<Config, 'frameworks' | 'workers'>
  }
  /** One turn of a model; without `role` it is a turn of the role under test. docs/scripted.md has the steps. */
  export type PlayTurn = Omit<ScriptTurn, 'role'> & { role?: string }
  export interface Played<O = unknown> {
    /** What it gave, parsed; undefined where the outcome is another than 'success'. */
    output: O | undefined
    outcome: 'success' | EffectFailure | 'parked'
    reason: string
    /** What each turn was prompted with, in order. */
    prompts: readonly PromptSeen[]
    /** Every tool call of every role, in order. */
    calls: readonly ToolCallSeen[]
    /** What its steps, and those of roles it spawned, asked of the runtime. */
    effects: readonly EffectSeen[]
    /** Path to text: the branch if something landed on it, else what the role's own worktree holds. */
    files: Readonly<Record<string, string>>
    /** Paths that differ from the files given, sorted. */
    changed: readonly string[]
  }
  export interface PromptSeen {
    role: string
    systemPrompt: string
    userPrompt: string
  }
  export interface ToolCallSeen {
    role: string
    tool: string
    input: unknown
    ok: boolean
    /** What the model read. */
    output: string
    /** Code of the denial, where the gate refused it. */
    denied?: string
  }
  export interface EffectSeen {
    /** `scribe/0`: the first effect of the steps of the role `scribe`. */
    place: string
    kind: string
    /** The role that is asked for. */
    role?: string
  }
  export type InputOf<S> = S extends z.ZodType ? z.input<S> : unknown
  export type OutputOf<S> = S extends z.ZodType ? z.output<S> : unknown
  export type EffectFailure = 'retry' | 'escalate' | 'failed' | 'refused' | 'cancelled' | 'budget' | 'infrastructure'
}
