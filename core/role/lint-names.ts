import { didYouMean } from '../errors.ts'
import { impliedTools, optionalToolsOf, toolName, toolsOf, writingTools } from './granted-tools.ts'
import type { Report } from './problem.ts'
import type { Role } from './role.ts'
import { builtinTools, type ToolGrant } from './tool.ts'

/** What names in a role may stand for. */
export interface Names {
  /** Ids, those of roles that are not whole included. */
  roles: readonly string[]
  /** Names of the project's own tools. */
  tools: readonly string[]
  /** Names of the configured frameworks; undefined: not known, so not checked. */
  frameworks?: readonly string[] | undefined
}

/** Every name that should mean something elsewhere, and grants that could never be used. */
export function lintNames(role: Role, names: Names, report: Report): void {
  lintTools(role, names, report)
  const ids = names.roles
  for (const [index, name] of (role.spawnableRoles ?? []).entries()) {
    if (ids.includes(name)) continue
    report('unknown-role', `'spawnableRoles' names the role '${name}', which does not exist.${didYouMean(name, ids)}`, {
      path: ['spawnableRoles', index],
      text: name,
    })
  }
  if (role.reviewedBy !== undefined && !ids.includes(role.reviewedBy)) {
    const near = didYouMean(role.reviewedBy, ids)
    report('unknown-role', `'reviewedBy' names the role '${role.reviewedBy}', which does not exist.${near}`, {
      path: ['reviewedBy'],
    })
  }
  const { frameworks } = names
  for (const name of Object.keys(role.frameworks ?? {})) {
    if (frameworks === undefined || frameworks.includes(name)) continue
    const known = frameworks.length > 0 ? ` Configured: ${frameworks.join(', ')}.` : ' None is.'
    report(
      'unknown-framework',
      `'frameworks' names '${name}', which is not configured.${didYouMean(name, frameworks) || known}`,
      { path: ['frameworks', name], key: true },
    )
  }
}

function lintTools(role: Role, { tools }: Names, report: Report): void {
  const served = impliedTools(role).filter((name) => name.startsWith('mcp/'))
  const known = [...builtinTools, ...tools, ...served]
  const spawns = (role.spawnableRoles ?? []).length > 0
  for (const list of ['tools', 'optionalTools'] as const) {
    for (const [index, tool] of (role[list] ?? []).entries()) {
      const grant: ToolGrant = typeof tool === 'string' ? { name: tool } : tool
      const { name } = grant
      const at = { path: [list, index], text: name }
      if (!known.includes(name)) {
        const server = name.startsWith('mcp/') ? " A server's tool is named under 'mcp'." : ''
        report('unknown-tool', `the tool '${name}' does not exist.${didYouMean(name, known) || server}`, at)
      } else if (writingTools.includes(name) && role.produces !== 'change') {
        report(
          'read-only',
          `'${name}' does not exist for a role that produces no change: it works read-only. Write \`produces: 'change'\` or take the tool out.`,
          at,
          'warning',
        )
      } else if (name === 'run_command' && (grant.allowedCommands ?? []).length === 0) {
        report('empty-grant', "'run_command' without 'allowedCommands' runs nothing", at, 'warning')
      } else if (name === 'fetch_url' && (grant.allowedHosts ?? []).length === 0) {
        report('empty-grant', "'fetch_url' without 'allowedHosts' fetches nothing", at, 'warning')
      } else if (name === 'spawn_roles' && !spawns) {
        report('empty-grant', "'spawn_roles' without 'spawnableRoles' spawns nobody", at, 'warning')
      }
    }
  }
  const optional = optionalToolsOf(role).filter((name) => !(role.tools ?? []).some((tool) => toolName(tool) === name))
  if (optional.length > 0 && role.generator === undefined) {
    report(
      'never-added',
      `only a 'generator' can add '${optional[0]}' of 'optionalTools', and there is none`,
      { path: ['optionalTools'], key: true },
      'warning',
    )
  }
}

/** A tool's name as far as it is known there, with what was meant. */
export function lacking(role: Role, name: string): string {
  const own = toolsOf(role)
  return `Its tools: ${own.join(', ') || 'none'}.${didYouMean(name, own)}`
}
