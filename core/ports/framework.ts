/** What plays a role. A plug-in is a function of its options that returns this: `claude()`, `codex()`, `scripted()`. */
export interface Framework {
  readonly id: string
  /** Whose model it is: `anthropic`, `openai`, ... Opposite means another family. */
  readonly family: string
  /** Names of host variables that the framework itself needs (keys, base URLs). They reach `start`, never a tool; a key goes from there to
   *  the vendor's API, never to the environment, the arguments or the files of a client. */
  readonly env?: readonly string[]
  /** Contract: resolves only when the session can take a prompt and its tools are exactly the given ones; otherwise throws
   *  CB_BOUNDARY_UNENFORCEABLE, CB_CLIENT_MISSING or CB_CLIENT_VERSION. Loads its SDK no earlier than here. */
  start(options: SessionOptions): Promise<Session>
  /** Contract: looks without side effects whether the client is there; never throws. For `doctor` and `init`. */
  check?(options: { env: Readonly<Record<string, string>>; repo: string }): Promise<FrameworkCheck>
}

export interface FrameworkCheck {
  ok: boolean
  /** What was found, with its version, or what is missing. */
  found: string
  /** The command or change that repairs it; '' when ok. */
  cure: string
  /** Whether credentials were seen; undefined when that cannot be told without asking the vendor. */
  login?: boolean
}

export interface SessionOptions {
  /** `coder-codex-0` */
  worker: string
  systemPrompt: string
  model?: string
  effort?: string
  /** A token of an earlier session of this worker; the conversation goes on from there. */
  resume?: string
  /** The worktree. */
  cwd: string
  /** Private folder of this worker; exists, mode 0700. */
  home: string
  /** What the client's environment is made of, built from nothing; also what `Framework.env` asked for. */
  env: Readonly<Record<string, string>>
  /** The repository a person pointed at; only to find an SDK or client installed there. */
  repo: string
  tools: readonly SessionTool[]
  /** Runs one tool call. The gate is behind it; it never throws. A call that comes when its turn is over, or whose `signal` has aborted
   *  already, is refused and recorded: hand it over all the same. */
  call(name: string, input: unknown, options: { id: string; signal: AbortSignal }): Promise<ToolResult>
}

export interface SessionTool {
  name: string
  description: string
  /** JSON Schema of the input, always of type object. */
  schema: JsonSchema
}

export type JsonSchema = { readonly [key: string]: unknown }

/** What a model gets back from a call. */
export interface ToolResult {
  ok: boolean
  /** Text for the model. */
  output: string
}

export interface Session {
  /** Give it back as `resume`. It may change after each turn: read it after `turn-end`. */
  readonly token: string
  /** Contract: one prompt run to its end. Never throws for a model's or a client's failure; yields exactly one `turn-end`,
   *  last. An aborted `signal` ends the turn as 'cancelled' within two seconds, or as 'crashed' where the client had to be killed for it;
   *  whoever takes ten is heard no more, has crashed, and is closed. One prompt at a time. */
  prompt(text: string, options?: { signal?: AbortSignal }): AsyncIterable<TurnEvent>
  /** Adds text to the running turn. */
  steer?(text: string): Promise<void>
  setModel?(model: string): Promise<void>
  setEffort?(effort: string): Promise<void>
  /** Contract: idempotent; afterwards no process of the session lives. */
  close(): Promise<void>
}

/** Contract: a tool call that reaches `call` is not reported here (the runtime records it). `tool-call` and `tool-result` are
 *  for calls that never got there: a tool the client does not know or refused by itself. */
export type TurnEvent =
  | { type: 'text'; delta: string }
  | { type: 'thinking'; delta: string }
  | { type: 'tool-call'; id: string; name: string; input: unknown }
  | { type: 'tool-result'; id: string; ok: boolean; output: string }
  | { type: 'usage'; usage: Usage }
  | { type: 'turn-end'; outcome: 'done' | 'cancelled' | Failure }

/** What one turn used (not cumulative); sum over the turn's `usage` events. */
export interface Usage {
  inputTokens: number
  outputTokens: number
  cachedTokens?: number
  /** What the client says it cost; absent when it does not say. */
  usd?: number
}

export interface Failure {
  kind:
    | 'auth'
    | 'quota'
    | 'rate-limit'
    | 'overloaded'
    | 'context'
    | 'refusal'
    | 'malformed'
    | 'stalled'
    | 'crashed'
    | 'version'
    /** Set by core: what the turn may spend is used up. */
    | 'budget'
    /** Set by core: the same call failed again and again. */
    | 'loop'
    /** Set by core: too many of its calls were denied at the boundary. */
    | 'violations'
  /** Milliseconds. */
  retryAfter?: number
  detail: string
}
