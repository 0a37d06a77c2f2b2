import type { DenialCode } from '../../core/boundary/denial.ts'
import { optionalToolsOf, toolName, writingTools } from '../../core/role/granted-tools.ts'
import type { At } from '../../core/role/locate.ts'
import type { Role } from '../../core/role/role.ts'
import { builtinTools } from '../../core/role/tool.ts'

/** The rule behind a decision, in words, and the part of the role that declares it; no part: it holds for every role. */
export interface Rule {
  text: string
  at?: At
  /** The configuration declares it, not the role. */
  inConfig?: boolean
}

const ofCommand: readonly DenialCode[] = ['argv-not-allowlisted', 'shell-metachar', 'option-injection', 'subcommand']

/** `code` is absent for a call that is allowed. */
export function ruleOf(role: Role, tool: string, code: DenialCode | undefined, reason: string): Rule {
  const index = (role.tools ?? []).findIndex((one) => toolName(one) === tool)
  const found = index < 0 ? undefined : role.tools![index]
  const grant = typeof found === 'object' ? found : undefined
  const granted: At = { path: ['tools', index], text: tool }
  const part = (key: 'allowedCommands' | 'allowedHosts' | 'paths'): At =>
    grant?.[key] ? { path: ['tools', index, key] } : granted
  if (code === undefined) return index < 0 ? implied(tool) : { text: `'tools' grants ${tool}`, at: granted }
  if (code === 'tool-not-in-role') return missing(role, tool, index)
  if (code === 'not-spawnable') {
    return { text: "a role spawns along 'spawnableRoles' only", at: { path: ['spawnableRoles'], key: true } }
  }
  if (index >= 0 && ofCommand.includes(code) && /^run_/.test(tool)) {
    if (tool === 'run_tests' && grant?.allowedCommands === undefined) {
      return {
        text: "run_tests without commands of its own runs the 'checks'",
        at: { path: ['checks'] },
        inConfig: true,
      }
    }
    return {
      text: `a command must be one of the 'allowedCommands' of ${tool}, word for word`,
      at: part('allowedCommands'),
    }
  }
  if (index >= 0 && code === 'host-not-allowed') {
    return { text: `'allowedHosts' of ${tool} names the hosts exactly`, at: part('allowedHosts') }
  }
  if (code === 'above-ceiling') {
    const byWrites = role.writes !== undefined && reason.includes('what you may write')
    if (byWrites) return { text: "'writes' names all that the role may write", at: { path: ['writes'] } }
    return { text: `'paths' narrows the grant of ${tool}`, at: part('paths') }
  }
  if (code === 'schema' && tool === 'set_output') {
    return { text: "'output' is the schema of what set_output takes", at: { path: ['output'], key: true } }
  }
  if (code === 'schema' || code === 'payload') return { text: `what ${tool} takes is fixed; anything else is refused` }
  return { text: `the gate's rule '${code}', the same for every role` }
}

function implied(tool: string): Rule {
  const by = (key: string, text: string): Rule => ({ text, at: { path: [key], key: true } })
  if (tool === 'spawn_roles') return by('spawnableRoles', "'spawnableRoles' grants spawn_roles along exactly its edges")
  if (tool === 'set_output') return by('output', "'output' grants set_output")
  if (tool === 'submit_plan' || tool === 'submit_verdict') return by('produces', `'produces' grants ${tool}`)
  if (tool.startsWith('mcp/'))
    return { text: `'mcp' names ${tool}`, at: { path: ['mcp', tool.split('/')[1]!], key: true } }
  return { text: `${tool} is granted` }
}

function missing(role: Role, tool: string, index: number): Rule {
  if (index >= 0 && writingTools.includes(tool) && role.produces !== 'change') {
    return { text: 'only a role that produces a change writes files', at: { path: ['tools', index], text: tool } }
  }
  if (optionalToolsOf(role).includes(tool)) {
    return {
      text: `${tool} is there only in a turn whose 'generator' adds it from 'optionalTools'`,
      at: { path: ['optionalTools'], text: tool },
    }
  }
  const exists = (builtinTools as readonly string[]).includes(tool) || tool.includes('/')
  const own = exists ? '' : `; codeband itself has no tool ${JSON.stringify(tool).slice(0, 80)}`
  return { text: `'tools' is an allow list${own}`, at: { path: ['tools'], key: true } }
}
