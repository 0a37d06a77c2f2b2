import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema, SessionTool } from '../../../core/ports/framework.ts'

/** A tool as thread/start takes it and as the thread's record keeps it. */
export interface DynamicTool {
  type: 'function'
  name: string
  description: string
  inputSchema: JsonSchema
}

export interface WireTools {
  specs: readonly DynamicTool[]
  /** The tool's own name; undefined for a name that was not given out. */
  nameOf(wire: string): string | undefined
}

/** Names of the client's own tools that shadow one of ours without a word. */
const taken = new Set(['exec_command', 'write_stdin', 'request_user_input'])

/** The API takes only letters, digits, `_` and `-`, at most 64: `mcp/github/search` travels as `mcp_github_search`. */
export function wireTools(tools: readonly SessionTool[]): WireTools {
  const names = new Map<string, string>()
  const specs = tools.map(({ name, description, schema }): DynamicTool => {
    const plain = name.replace(/[^\w-]/g, '_')
    let wire = (taken.has(plain) ? `band_${plain}` : plain).slice(0, 64)
    for (let n = 2; names.has(wire); n++) wire = `${plain.slice(0, 60)}_${n}`
    names.set(wire, name)
    return { type: 'function', name: wire, description, inputSchema: schema }
  })
  return { specs, nameOf: (wire) => names.get(wire) }
}

/** Whether two lists offer the same, in any order. */
export function sameTools(a: readonly DynamicTool[], b: readonly DynamicTool[]): boolean {
  const sorted = (tools: readonly DynamicTool[]) =>
    tools
      .map(({ name, description, inputSchema }) => ({ name, description, inputSchema }))
      .sort((one, other) => (one.name < other.name ? -1 : 1))
  // Through JSON, since a schema may hold `undefined` here and never in the record.
  return isDeepStrictEqual(JSON.parse(JSON.stringify(sorted(a))), JSON.parse(JSON.stringify(sorted(b))))
}
