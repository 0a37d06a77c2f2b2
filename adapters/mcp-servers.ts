import { CodebandError } from '../core/errors.ts'
import type { ServedTool, ToolServer, ToolServerOptions, ToolServers } from '../core/ports/tool-server.ts'
import { version } from '../core/version.ts'
import type { Client } from './mcp-sdk.ts'
import { will } from './processes/process.ts'

/** How long a server may take to answer with its tools. */
const startMs = 30_000

interface Content {
  type: string
  text?: string
}

/** Servers that speak the Model Context Protocol, over stdio or HTTP. */
export const mcpServers: ToolServers = {
  async open(options) {
    const sdk = await import('./mcp-sdk.ts')
    const client = new sdk.Client({ name: 'codeband', version })
    const transport = transportOf(sdk, options)
    const start = transport.start.bind(transport)
    transport.start = async () => {
      await start()
      const pid = 'pid' in transport ? (transport.pid as number | null) : null
      // Its process is started by the SDK; one that does not mind the end of its input would outlive us.
      if (pid !== null) client.onclose = will().ends('process', pid)
    }
    try {
      await client.connect(transport, { timeout: startMs })
      const tools = await listTools(client)
      return serverOf(client, tools)
    } catch (error) {
      await client.close()
      const detail = error instanceof Error ? error.message : String(error)
      throw new CodebandError('CB_TOOL_SERVER', { name: options.name, detail }, { cause: error })
    }
  },
}

function transportOf(
  { StdioClientTransport, StreamableHTTPClientTransport }: typeof import('./mcp-sdk.ts'),
  { command, url, headers, env, cwd }: ToolServerOptions,
): Parameters<Client['connect']>[0] {
  if (url !== undefined) return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
  const [program = '', ...args] = command ?? []
  return new StdioClientTransport({ command: program, args, env: { ...env }, cwd, stderr: 'ignore' })
}

async function listTools(client: Client): Promise<ServedTool[]> {
  const tools: ServedTool[] = []
  let cursor: string | undefined
  do {
    const page = await client.listTools({ cursor }, { timeout: startMs })
    for (const { name, description = '', inputSchema } of page.tools)
      tools.push({ name, description, schema: inputSchema })
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return tools
}

function serverOf(client: Client, tools: readonly ServedTool[]): ToolServer {
  return {
    tools,
    async call(name, input, { signal }) {
      try {
        const result = await client.callTool({ name, arguments: input as Record<string, unknown> }, undefined, {
          signal,
        })
        const text = (result.content as readonly Content[]).map((part) => part.text ?? `[${part.type}]`).join('\n')
        return { ok: result.isError !== true, output: text }
      } catch (error) {
        // The server is not our code: what it does wrong is an answer for the model.
        return { ok: false, output: error instanceof Error ? error.message : String(error) }
      }
    },
    close: () => client.close(),
  }
}
