import type { JsonSchema, ToolResult } from './framework.ts'

/** A server of tools that a role declares under `mcp`. */
export interface ToolServerOptions {
  name: string
  /** Program and arguments of a local server that speaks over its stdin and stdout. */
  command?: readonly string[]
  /** Address of a remote server. */
  url?: string
  /** Header name to value, for a remote server. */
  headers: Readonly<Record<string, string>>
  /** The whole environment of a local server. */
  env: Readonly<Record<string, string>>
  /** Folder in which a local server starts. */
  cwd: string
}

export interface ServedTool {
  name: string
  description: string
  schema: JsonSchema
}

export interface ToolServer {
  readonly tools: readonly ServedTool[]
  /** Contract: never rejects for what the server answers; an error of the server is a result that is not ok. */
  call(name: string, input: unknown, options: { signal: AbortSignal }): Promise<ToolResult>
  /** Contract: idempotent; afterwards no process of the server lives. */
  close(): Promise<void>
}

export interface ToolServers {
  /** Contract: resolves when the server answered with its tools. CB_TOOL_SERVER when it cannot be reached. */
  open(options: ToolServerOptions): Promise<ToolServer>
}
