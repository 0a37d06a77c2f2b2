import { didYouMean } from '../errors.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { Role } from './role.ts'
import { type Schema, toJsonSchema } from './schema.ts'
import { variablesOf } from './template.ts'
import { builtinTools, type ToolGrant } from './tool.ts'

/** A role as a file gave it, not believed yet. */
export interface GivenRole {
  value: unknown
  /** The file, as a person would type it. */
  source: string
}

export interface LintOptions {
  /** Names of the configured frameworks; undefined: not known, so not checked. */
  frameworks?: readonly string[]
  /** Names of the project's own tools. */
  tools: readonly string[]
}

const keys: Readonly<Record<string, string>> = {
  id: 'string',
  description: 'string',
  input: 'object',
  output: 'object',
  produces: 'string',
  reviewedBy: 'string',
  frameworks: 'object',
  tools: 'array',
  optionalTools: 'array',
  spawnableRoles: 'array',
  writes: 'array',
  systemPrompt: 'prompt',
  userPrompt: 'prompt',
  generator: 'function',
  steps: 'function',
  limits: 'object',
  mcp: 'object',
}
const grantKeys = ['name', 'allowedCommands', 'allowedHosts', 'paths']

/** The roles that are whole, and every problem of all of them. A role with an error is not among the whole. */
export function lintRoles(
  given: readonly GivenRole[],
  options: LintOptions,
): { roles: Map<string, Role>; sources: Map<string, string>; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const roles = new Map<string, Role>()
  const sources = new Map<string, string>()
  for (const { value, source } of given) {
    const report = (code: string, message: string, severity: Diagnostic['severity'] = 'error'): void =>
      void diagnostics.push({ severity, code, message, file: source })
    const before = diagnostics.length
    lintShape(value, report)
    if (diagnostics.slice(before).some(({ severity }) => severity === 'error')) continue
    const role = value as Role
    roles.set(role.id, role)
    sources.set(role.id, source)
  }
  const ids = [...roles.keys()]
  for (const [id, role] of roles) {
    const report = (code: string, message: string): void =>
      void diagnostics.push({ severity: 'error', code, message, file: sources.get(id)! })
    lintNames(role, ids, options, report)
  }
  return { roles, sources, diagnostics }
}

type Report = (code: string, message: string, severity?: Diagnostic['severity']) => void

function lintShape(value: unknown, report: Report): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report('not-a-role', 'the default export is no role: write `export default defineRole({ id, description, ... })`')
    return
  }
  const role = value as Record<string, unknown>
  for (const [key, one] of Object.entries(role)) {
    const wanted = Object.hasOwn(keys, key) ? keys[key] : undefined
    if (wanted === undefined)
      report('unknown-key', `'${key}' is no field of a role.${didYouMean(key, Object.keys(keys))}`)
    else if (one !== undefined && !fits(one, wanted))
      report('wrong-type', `'${key}' must be ${wanted === 'prompt' ? 'a string or a function' : `a ${wanted}`}`)
  }
  if (typeof role.id !== 'string' || !/^[a-z][a-z0-9-]{0,63}$/.test(role.id))
    report('bad-id', "'id' must be lower-case letters, digits and hyphens, at most 64")
  if (typeof role.description !== 'string' || role.description.trim() === '')
    report('no-description', "'description' says in one sentence what the role does")
  if (role.produces !== undefined && !['plan', 'change', 'verdict'].includes(role.produces as string))
    report('bad-product', `'produces' is 'plan', 'change' or 'verdict', not '${String(role.produces)}'`)
  if (role.reviewedBy !== undefined && role.produces !== 'plan' && role.produces !== 'change')
    report('nothing-to-review', "'reviewedBy' needs `produces: 'plan'` or `'change'`")
  for (const side of ['input', 'output'] as const) {
    if (role[side] === undefined || typeof role[side] !== 'object') continue
    try {
      toJsonSchema(role[side] as Schema)
    } catch (error) {
      report('schema', `'${side}' has no JSON Schema: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

function fits(value: unknown, wanted: string): boolean {
  if (wanted === 'array') return Array.isArray(value)
  if (wanted === 'prompt') return typeof value === 'string' || typeof value === 'function'
  if (wanted === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === wanted
}

function lintNames(role: Role, ids: readonly string[], { frameworks, tools }: LintOptions, report: Report): void {
  const known = [...builtinTools, ...tools]
  for (const tool of [...(role.tools ?? []), ...(role.optionalTools ?? [])]) {
    const grant: ToolGrant = typeof tool === 'string' ? { name: tool } : tool
    if (typeof grant?.name !== 'string') {
      report('bad-grant', `a tool is a name or { name, allowedCommands, ... }, not ${JSON.stringify(tool)}`)
      continue
    }
    if (!known.includes(grant.name) && !grant.name.startsWith('mcp/'))
      report('unknown-tool', `the tool '${grant.name}' does not exist.${didYouMean(grant.name, known)}`)
    for (const key of Object.keys(grant))
      if (!grantKeys.includes(key))
        report('unknown-key', `'${key}' is no option of a tool.${didYouMean(key, grantKeys)}`)
  }
  for (const [field, names] of [
    ['spawnableRoles', role.spawnableRoles ?? []],
    ['reviewedBy', role.reviewedBy === undefined ? [] : [role.reviewedBy]],
  ] as const) {
    for (const name of names)
      if (!ids.includes(name))
        report('unknown-role', `'${field}' names the role '${name}', which does not exist.${didYouMean(name, ids)}`)
  }
  for (const name of Object.keys(role.frameworks ?? {})) {
    if (frameworks && !frameworks.includes(name))
      report(
        'unknown-framework',
        `'frameworks' names '${name}', which is not configured.${didYouMean(name, frameworks)}`,
      )
  }
  for (const prompt of ['systemPrompt', 'userPrompt'] as const) {
    const given = role[prompt]
    if (typeof given !== 'string') continue
    const top = topLevelNames(role)
    for (const name of variablesOf(given)) {
      const first = name.split('.')[0] ?? ''
      if (top && !top.includes(first))
        report(
          'unknown-variable',
          `the ${prompt} names '{{${name}}}'; there are ${top.map((one) => `{{${one}}}`).join(', ')}.${didYouMean(first, top)}`,
        )
    }
  }
}

/** What a template may begin with, where the input's schema tells; undefined where anything could be there. */
function topLevelNames(role: Role): string[] | undefined {
  const always = ['task', 'worker', 'round', 'feedback']
  if (role.input === undefined) return always
  const { properties, additionalProperties } = toJsonSchema(role.input) as {
    properties?: Record<string, unknown>
    additionalProperties?: unknown
  }
  if (properties === undefined || (additionalProperties !== undefined && additionalProperties !== false))
    return undefined
  return [...Object.keys(properties), ...always]
}
