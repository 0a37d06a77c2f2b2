import type { OutputOf, Schema } from './schema.ts'

/** The catalogue: every tool that core itself implements. */
export const builtinTools = [
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
] as const

export type BuiltinTool = (typeof builtinTools)[number]

/** The project's own tools, by name; `codeband roles --types` writes them. While there is none, any name compiles. */
// biome-ignore lint/suspicious/noEmptyInterface: extended by declaration merging
export interface Tools {}

/** A built-in, a custom tool's name or `mcp/<server>/<tool>`. */
export type ToolName =
  | BuiltinTool
  | `mcp/${string}/${string}`
  | (keyof Tools extends never ? string & {} : keyof Tools & string)

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
  fetch: typeof fetch
  /** Only the names in `needs.env`. */
  env: Readonly<Record<string, string>>
  /** Runs argv in the sandbox, in the worktree. */
  run(argv: readonly string[]): Promise<{ exitCode: number | null; output: string }>
  signal: AbortSignal
  /** The same for the same call after a crash: hand it to the service you call. */
  key: string
}

/** Types a tool; gives it back as it is. */
export function defineTool<const I extends Schema, O>(tool: Tool<I, O>): Tool<I, O> {
  return tool
}
