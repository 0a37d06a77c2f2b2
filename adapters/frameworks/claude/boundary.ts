import type { Options } from './sdk.ts'
import { serverName, type WireTools } from './wire-tools.ts'

/** Everything that keeps the client to the given tools, whatever the configuration says. Each layer alone would do:
 *  no built-in tool exists, the hook decides every call, what no hook decided is denied, and no file of the machine configures anything. */
export function boundaryOptions({ offered }: WireTools) {
  const decide = (tool: unknown) =>
    typeof tool === 'string' && offered.has(tool)
      ? { permissionDecision: 'allow' as const, permissionDecisionReason: 'codeband: granted' }
      : { permissionDecision: 'deny' as const, permissionDecisionReason: 'codeband: not a tool of this role' }
  return {
    tools: [],
    settingSources: [],
    strictMcpConfig: true,
    permissionMode: 'default',
    // Prompts hold other agents' text: without this `@/etc/passwd` in one is a read, and `/init` a command.
    verbatimPrompts: true,
    extraArgs: { restricted: null },
    hooks: {
      PreToolUse: [
        {
          timeout: 30,
          onFailure: 'block',
          hooks: [
            async (call) => ({
              hookSpecificOutput: {
                hookEventName: 'PreToolUse' as const,
                ...decide('tool_name' in call ? call.tool_name : undefined),
              },
            }),
          ],
        },
      ],
    },
    canUseTool: async (name) => ({ behavior: 'deny', message: `codeband: ${name} is not a tool of this role` }),
  } satisfies Options
}

/** The rows of the client's own account of its context that hold no tool, no file and no agent. */
const harmlessRows = new Set([
  'system_prompt',
  'mcp_tools',
  'messages',
  'autocompact_buffer',
  'compact_buffer',
  'free_space',
])

export interface Standing {
  hooksApplied: boolean
  servers: readonly { name: string; status: string; tools?: readonly { name: string }[] }[]
  context: {
    categories: readonly { id?: string; name: string; tokens: number }[]
    mcpTools: readonly { name: string }[]
  }
}

/** What the client has beyond the given tools, or lacks of them, before the first prompt; undefined when it is exactly right. */
export function surplusAtStart(
  { offered }: WireTools,
  { hooksApplied, servers, context }: Standing,
): string | undefined {
  if (!hooksApplied) return 'its hooks are off'
  const rows = context.categories.filter(({ id, tokens }) => tokens > 0 && !harmlessRows.has(id ?? ''))
  if (rows.length > 0) return `it brings ${rows.map(({ name }) => name).join(', ')} of its own`
  return (
    wrongServers(servers) ??
    difference(
      offered,
      context.mcpTools.map(({ name }) => name),
    )
  )
}

export interface Init {
  tools: readonly string[]
  mcp_servers: readonly { name: string; status: string }[]
  permissionMode: string
}

/** The same, from what the client announces at the start of every prompt, before it asks its model. */
export function surplusAtPrompt({ offered }: WireTools, init: Init): string | undefined {
  if (init.permissionMode !== 'default') return `its permission mode is '${init.permissionMode}'`
  return wrongServers(init.mcp_servers) ?? difference(offered, init.tools)
}

function wrongServers(servers: readonly { name: string; status: string }[]): string | undefined {
  const wrong = servers.filter(({ name, status }) => name !== serverName || status !== 'connected')
  if (wrong.length > 0)
    return `it has the MCP servers ${wrong.map(({ name, status }) => `${name} (${status})`).join(', ')}`
  return servers.length === 1 ? undefined : 'it did not connect to its tools'
}

function difference(offered: ReadonlySet<string>, names: readonly string[]): string | undefined {
  const more = names.filter((name) => !offered.has(name))
  if (more.length > 0) return `it offers ${more.join(', ')}`
  const less = [...offered].filter((name) => !names.includes(name))
  return less.length > 0 ? `it does not offer ${less.join(', ')}` : undefined
}
