import type { SessionTool } from '../../../core/ports/framework.ts'

export const serverName = 'codeband'
const prefix = `mcp__${serverName}__`

export interface WireTools {
  listed: readonly { wire: string; description: string; schema: SessionTool['schema'] }[]
  /** The names by which the client offers them to the model. */
  offered: ReadonlySet<string>
  /** The tool's own name, by the name the server lists or the model calls; undefined for a name that was not given out. */
  nameOf(wire: string): string | undefined
}

/** The API takes only letters, digits, `_` and `-`, at most 64 with the server's name: `mcp/github/search` travels as
 *  `mcp__codeband__mcp_github_search`. */
export function wireTools(tools: readonly SessionTool[]): WireTools {
  const names = new Map<string, string>()
  const room = 64 - prefix.length
  const listed = tools.map(({ name, description, schema }) => {
    const plain = name.replace(/[^A-Za-z0-9_-]/g, '_')
    let wire = plain.slice(0, room)
    for (let n = 2; names.has(wire); n++) wire = `${plain.slice(0, room - 4)}_${n}`
    names.set(wire, name)
    return { wire, description, schema }
  })
  return {
    listed,
    offered: new Set(listed.map(({ wire }) => `${prefix}${wire}`)),
    nameOf: (wire) => names.get(wire.startsWith(prefix) ? wire.slice(prefix.length) : wire),
  }
}
