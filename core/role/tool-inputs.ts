import type { Tools } from './tool.ts'

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
  | (keyof Tools extends never ? string & {} : keyof Tools & string)

/** What the tool of that name takes; `unknown` where nothing is known of it. */
export type ToolInputOf<N> = N extends keyof ToolInputs ? ToolInputs[N] : N extends keyof Tools ? Tools[N] : unknown
