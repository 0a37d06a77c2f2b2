import type { ToolResult } from '../../../core/ports/framework.ts'
import { CallToolRequestSchema, ListToolsRequestSchema, Server } from '../../mcp-sdk.ts'
import type { WireTools } from './wire-tools.ts'

export type OnCall = (
  name: string,
  input: unknown,
  options: { id: string | undefined; signal: AbortSignal },
) => Promise<ToolResult>

/** The most the client hands to its model; what is longer it puts into a file, which no tool of ours could read. */
const resultChars = 500_000

/** The session's tools as an MCP server inside this process. The low-level server, since it lists JSON Schema as it is. */
export function toolServer({ listed }: WireTools, call: OnCall): Server {
  const server = new Server({ name: 'codeband', version: '1' }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, async () => ({
    tools: listed.map(({ wire, description, schema }) => ({
      name: wire,
      description,
      inputSchema: { ...schema, type: 'object' as const },
      _meta: { 'anthropic/maxResultSizeChars': resultChars },
    })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const id = params._meta?.['claudecode/toolUseId']
    const { ok, output } = await call(params.name, params.arguments ?? {}, {
      id: typeof id === 'string' ? id : undefined,
      signal,
    })
    return { content: [{ type: 'text' as const, text: bounded(output) }], isError: !ok }
  })
  return server
}

function bounded(output: string): string {
  if (output.length <= resultChars) return output
  const half = resultChars / 2 - 100
  return `${output.slice(0, half)}\n[... ${output.length - 2 * half} characters left out: ask for less at once ...]\n${output.slice(-half)}`
}
