import type { Role } from './role.ts'
import type { Tool, ToolGrant } from './tool.ts'

/** What definitions can do, one line a capability, so that a person can see what a change gives and takes. */
export function capabilitiesOf(roles: readonly Role[], tools: readonly Tool[], config: object | undefined): string[] {
  return [...roles.flatMap(ofRole), ...tools.flatMap(ofTool), ...ofConfig(config)].sort()
}

function ofRole(role: Role): string[] {
  const grants = (role.tools ?? []).flatMap((tool) => ofGrant(tool, ''))
  const optional = (role.optionalTools ?? []).flatMap((tool) => ofGrant(tool, ' (when its generator asks)'))
  const spawns = (role.spawnableRoles ?? []).map((id) => `may spawn ${id}`)
  const servers = Object.entries(role.mcp ?? {}).flatMap(([name, { command, url, env = [], tools }]) => [
    `starts the tool server ${name}: ${url ?? command?.join(' ')}`,
    ...env.map((variable) => `gives ${name} the variable ${variable}`),
    ...tools.map((tool) => `mcp/${name}/${tool}`),
  ])
  const writes = role.writes ? [`writes ${role.writes.join(', ')}`] : []
  const code = [role.steps && 'steps of its own', role.generator && 'a generator'].filter(
    (one) => typeof one === 'string',
  )
  return [...grants, ...optional, ...spawns, ...servers, ...writes, ...code].map((line) => `${role.id}: ${line}`)
}

function ofGrant(tool: string | ToolGrant, when: string): string[] {
  if (typeof tool === 'string') return [`${tool}${when}`]
  const { name, allowedCommands = [], allowedHosts = [], paths } = tool
  const narrowed = paths ? ` in ${paths.join(', ')}` : ''
  const details = [
    ...allowedCommands.map((command) => (typeof command === 'string' ? command : command.join(' '))),
    ...allowedHosts.map((host) => `on ${host}`),
  ]
  return details.length > 0
    ? details.map((detail) => `${name} ${detail}${narrowed}${when}`)
    : [`${name}${narrowed}${when}`]
}

function ofTool({ name, needs }: Tool): string[] {
  const hosts = (needs?.network ?? []).map((host) => `reaches ${host}`)
  const variables = (needs?.env ?? []).map((variable) => `reads the variable ${variable}`)
  return [`exists`, ...hosts, ...variables].map((line) => `tool ${name}: ${line}`)
}

function ofConfig(config: object | undefined): string[] {
  const { frameworks, setup, checks, merge, sandbox, review } = (config ?? {}) as Record<string, unknown>
  const commands = (kind: string, list: unknown): string[] =>
    Array.isArray(list) ? list.map((one) => `configuration: ${kind} ${commandText(one)}`) : []
  const { autoMerge, into } = (merge ?? {}) as { autoMerge?: string; into?: string }
  const { opposition } = (review ?? {}) as { opposition?: string }
  return [
    ...Object.keys((frameworks ?? {}) as object).map((name) => `configuration: framework ${name}`),
    ...commands('setup runs', setup),
    ...commands('checks with', checks),
    ...(autoMerge ? [`configuration: merges by itself up to risk ${autoMerge}`] : []),
    ...(into ? [`configuration: lands on ${into}`] : []),
    ...(typeof sandbox === 'string' ? [`configuration: sandbox ${sandbox}`] : []),
    ...(opposition === 'waived' ? ['configuration: opposition is waived'] : []),
  ]
}

function commandText(one: unknown): string {
  if (Array.isArray(one)) return one.join(' ')
  if (typeof one !== 'object' || one === null) return String(one)
  const { command, report } = one as { command?: unknown; report?: unknown }
  return `${commandText(command)}${report === undefined ? '' : `, which reports in ${String(report)}`}`
}

/** What a change gives and takes. */
export function capabilityChange(
  before: readonly string[],
  after: readonly string[],
): { gained: string[]; lost: string[] } {
  return {
    gained: after.filter((line) => !before.includes(line)),
    lost: before.filter((line) => !after.includes(line)),
  }
}
