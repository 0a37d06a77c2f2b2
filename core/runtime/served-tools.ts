import { CodebandError, didYouMean } from '../errors.ts'
import type { ServedTool, ToolServer } from '../ports/tool-server.ts'
import type { McpServer, Role } from '../role/role.ts'
import { type Schema, toZod } from '../role/schema.ts'
import type { Tool } from '../role/tool.ts'
import type { Runtime } from './runtime.ts'

/** The tools that a role's servers give it: `mcp/<server>/<tool>`, exactly those that it names. */
export interface ServedTools {
  tools: readonly Tool[]
  close(): Promise<void>
}

type Parts = Pick<Runtime, 'toolServers' | 'hostEnv' | 'baseEnv'>

/** Starts the servers of a role. CB_TOOL_SERVER for one that does not answer or lacks a tool that is named. */
export async function openServedTools(runtime: Parts, role: Role, cwd: string, home: string): Promise<ServedTools> {
  const servers: ToolServer[] = []
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()))
  }
  const tools: Tool[] = []
  try {
    for (const [name, declared] of Object.entries(role.mcp ?? {})) {
      const server = await runtime.toolServers.open(optionsOf(runtime, name, declared, cwd, home))
      servers.push(server)
      for (const wanted of declared.tools) tools.push(toolOf(name, server, foundIn(name, server.tools, wanted)))
    }
    return { tools, close }
  } catch (error) {
    await close()
    throw error
  }
}

function optionsOf(
  { hostEnv, baseEnv }: Parts,
  name: string,
  { command, url, env = [], headers = {} }: McpServer,
  cwd: string,
  home: string,
) {
  const variableOf = (variable: string): string => {
    const value = hostEnv[variable]
    if (value === undefined)
      throw new CodebandError('CB_TOOL_SERVER', { name, detail: `the variable ${variable} is not set` })
    return value
  }
  return {
    name,
    command,
    url,
    cwd,
    headers: Object.fromEntries(Object.entries(headers).map(([header, variable]) => [header, variableOf(variable)])),
    env: { ...baseEnv, HOME: home, ...Object.fromEntries(env.map((variable) => [variable, variableOf(variable)])) },
  }
}

function foundIn(server: string, tools: readonly ServedTool[], wanted: string): ServedTool {
  const found = tools.find(({ name }) => name === wanted)
  if (found) return found
  const known = tools.map(({ name }) => name)
  const detail = `it has no tool '${wanted}', only ${known.map((name) => `'${name}'`).join(', ') || 'none'}.${didYouMean(wanted, known)}`
  throw new CodebandError('CB_TOOL_SERVER', { name: server, detail })
}

function toolOf(server: string, { call }: ToolServer, { name, description, schema }: ServedTool): Tool {
  return {
    name: `mcp/${server}/${name}`,
    description,
    input: readable(schema),
    async run(input, { signal }) {
      const { ok, output } = await call(name, input, { signal })
      if (!ok) throw new Error(output)
      return output
    },
  }
}

/** A schema that zod cannot read is left to the server, which checks its input in any case. */
function readable(schema: Schema): Schema {
  try {
    toZod(schema)
    return schema
  } catch {
    return { type: 'object', additionalProperties: true, description: JSON.stringify(schema).slice(0, 4000) }
  }
}
