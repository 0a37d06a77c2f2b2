import type { Role } from './role.ts'
import type { ToolGrant, ToolName } from './tool.ts'

export const toolName = (tool: ToolName | ToolGrant): string => (typeof tool === 'string' ? tool : tool.name)

/** What comes with what a role declares otherwise: how it hands over, whom it may spawn, what its servers give. */
export function impliedTools({ produces, output, spawnableRoles = [], mcp = {} }: Role): string[] {
  const served = Object.entries(mcp).flatMap(([server, { tools }]) => tools.map((tool) => `mcp/${server}/${tool}`))
  return [
    ...(produces === 'plan' ? ['submit_plan'] : []),
    ...(produces === 'verdict' ? ['submit_verdict'] : []),
    ...(output === undefined ? [] : ['set_output']),
    ...(spawnableRoles.length > 0 ? ['spawn_roles'] : []),
    ...served,
  ]
}

/** Every tool of a role by name: declared and implied. Those that its generator may add are not among them. */
export function toolsOf(role: Role): string[] {
  return [...new Set([...(role.tools ?? []).map(toolName), ...impliedTools(role)])]
}

export function optionalToolsOf({ optionalTools = [] }: Role): string[] {
  return [...new Set(optionalTools.map(toolName))]
}

/** Tools that write files; only a role that produces a change is given them. */
export const writingTools: readonly string[] = ['write_file', 'apply_diff', 'delete_file']
