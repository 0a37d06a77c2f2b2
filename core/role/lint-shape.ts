import { didYouMean } from '../errors.ts'
import { lintSchema } from './lint-schema.ts'
import type { Report } from './problem.ts'

type Shape = 'string' | 'object' | 'array' | 'strings' | 'function' | 'prompt'

const keys: Readonly<Record<string, Shape>> = {
  id: 'string',
  description: 'string',
  input: 'object',
  output: 'object',
  produces: 'string',
  reviewedBy: 'string',
  frameworks: 'object',
  tools: 'array',
  optionalTools: 'array',
  spawnableRoles: 'strings',
  writes: 'strings',
  mcp: 'object',
  systemPrompt: 'prompt',
  userPrompt: 'prompt',
  generator: 'function',
  steps: 'function',
  limits: 'object',
}
const grantKeys = ['name', 'allowedCommands', 'allowedHosts', 'paths']
const playerKeys = ['model', 'effort']
const serverKeys = ['command', 'url', 'env', 'headers', 'tools']
const limitKeys = ['turns', 'tokens', 'usd', 'minutes', 'rounds', 'retries', 'depth', 'fanOut']
const products = ['plan', 'change', 'verdict']

const words: Readonly<Record<Shape, string>> = {
  string: 'a string',
  object: 'an object',
  array: 'a list',
  strings: 'a list of strings',
  function: 'a function',
  prompt: 'a string or a function',
}

/** Whether a value has anything of a role; a file without it is something else. */
export function resemblesRole(value: unknown): boolean {
  return isObject(value) && Object.keys(value).some((key) => Object.hasOwn(keys, key))
}

/** Every field by itself: its name, its type, its own rules. */
export function lintShape(value: unknown, report: Report): void {
  if (!isObject(value)) {
    const given = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
    report(
      'not-a-role',
      `the default export is ${given}, not a role: write \`export default defineRole({ id, description, ... })\``,
      { path: [] },
    )
    return
  }
  for (const [key, one] of Object.entries(value)) {
    const wanted = Object.hasOwn(keys, key) ? keys[key]! : undefined
    if (wanted === undefined) {
      report('unknown-key', `'${key}' is no field of a role.${didYouMean(key, Object.keys(keys))}`, {
        path: [key],
        key: true,
      })
    } else if (one !== undefined && !fits(one, wanted)) {
      report('wrong-type', `'${key}' must be ${words[wanted]}, not ${shown(one)}`, { path: [key] })
    }
  }
  lintIdentity(value, report)
  for (const side of ['input', 'output'] as const) {
    if (isObject(value[side])) lintSchema(value[side], [side], report)
  }
  for (const list of ['tools', 'optionalTools'] as const) {
    if (Array.isArray(value[list])) lintGrants(value[list], list, report)
  }
  if (isObject(value.frameworks)) lintPlayers(value.frameworks, report)
  if (isObject(value.limits)) lintLimits(value.limits, report)
  if (isObject(value.mcp)) lintServers(value.mcp, report)
}

function lintIdentity(role: Readonly<Record<string, unknown>>, report: Report): void {
  const { id, description, produces, reviewedBy } = role
  if (typeof id !== 'string' || !/^[a-z][a-z0-9-]{0,63}$/.test(id)) {
    report('bad-id', `'id' must be lower-case letters, digits and hyphens, at most 64, not ${shown(id)}`, {
      path: ['id'],
    })
  }
  if (typeof description !== 'string' || description.trim() === '') {
    report('no-description', "'description' says in one sentence what the role does", { path: ['description'] })
  }
  if (produces !== undefined && !products.includes(produces as string)) {
    const near = typeof produces === 'string' ? didYouMean(produces, products) : ''
    report('bad-product', `'produces' is 'plan', 'change' or 'verdict', not ${shown(produces)}.${near}`, {
      path: ['produces'],
    })
  }
  if (reviewedBy !== undefined && produces !== 'plan' && produces !== 'change') {
    report('nothing-to-review', "'reviewedBy' needs `produces: 'plan'` or `'change'`", {
      path: ['reviewedBy'],
      key: true,
    })
  }
}

function lintGrants(grants: readonly unknown[], list: string, report: Report): void {
  for (const [index, grant] of grants.entries()) {
    const path = [list, index]
    if (typeof grant === 'string') continue
    if (!isObject(grant) || typeof grant.name !== 'string') {
      report('bad-grant', `a tool is a name or { name, allowedCommands, ... }, not ${shown(grant)}`, { path })
      continue
    }
    unknownKeys(grant, grantKeys, 'option of a tool', path, report)
    const { allowedCommands, allowedHosts, paths } = grant
    const commands = (one: unknown): boolean => typeof one === 'string' || isStrings(one)
    if (allowedCommands !== undefined && !(Array.isArray(allowedCommands) && allowedCommands.every(commands))) {
      report('wrong-type', `'allowedCommands' must be a list of commands, not ${shown(allowedCommands)}`, {
        path: [...path, 'allowedCommands'],
      })
    }
    for (const [key, given] of Object.entries({ allowedHosts, paths })) {
      if (given === undefined || isStrings(given)) continue
      report('wrong-type', `'${key}' must be a list of strings, not ${shown(given)}`, { path: [...path, key] })
    }
  }
}

function lintPlayers(frameworks: Readonly<Record<string, unknown>>, report: Report): void {
  for (const [name, player] of Object.entries(frameworks)) {
    const path = ['frameworks', name]
    if (!isObject(player)) {
      report('wrong-type', `'frameworks.${name}' must be { model, effort }, not ${shown(player)}`, { path })
      continue
    }
    unknownKeys(player, playerKeys, `option of 'frameworks.${name}'`, path, report)
    for (const key of playerKeys) {
      if (player[key] === undefined || typeof player[key] === 'string') continue
      report('wrong-type', `'frameworks.${name}.${key}' must be a string, not ${shown(player[key])}`, {
        path: [...path, key],
      })
    }
  }
}

function lintLimits(limits: Readonly<Record<string, unknown>>, report: Report): void {
  unknownKeys(limits, limitKeys, 'limit', ['limits'], report)
  for (const [key, limit] of Object.entries(limits)) {
    if (!limitKeys.includes(key) || limit === undefined) continue
    if (typeof limit === 'number' && Number.isFinite(limit) && limit >= 0) continue
    report('wrong-type', `'limits.${key}' must be a number from 0, not ${shown(limit)}`, { path: ['limits', key] })
  }
}

function lintServers(servers: Readonly<Record<string, unknown>>, report: Report): void {
  for (const [name, server] of Object.entries(servers)) {
    const path = ['mcp', name]
    if (!isObject(server)) {
      report('wrong-type', `'mcp.${name}' must be { command or url, tools }, not ${shown(server)}`, { path })
      continue
    }
    unknownKeys(server, serverKeys, 'option of a tool server', path, report)
    if ((server.command === undefined) === (server.url === undefined)) {
      report('bad-server', `'mcp.${name}' needs either 'command' or 'url'`, { path, key: true })
    }
    const { command, env, url, headers, tools } = server
    for (const [key, list] of Object.entries({ command, env, tools })) {
      if (isStrings(list) || (list === undefined && key !== 'tools')) continue
      const why = key === 'tools' ? ': what is not named does not exist' : ''
      report('wrong-type', `'mcp.${name}.${key}' must be a list of strings${why}`, { path: [...path, key] })
    }
    if (url !== undefined && typeof url !== 'string') {
      report('wrong-type', `'mcp.${name}.url' must be a string, not ${shown(url)}`, { path: [...path, 'url'] })
    }
    if (headers !== undefined && !(isObject(headers) && isStrings(Object.values(headers)))) {
      report('wrong-type', `'mcp.${name}.headers' gives each header the name of a variable`, {
        path: [...path, 'headers'],
      })
    }
  }
}

function unknownKeys(
  given: object,
  known: readonly string[],
  what: string,
  path: readonly (string | number)[],
  report: Report,
): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue
    report('unknown-key', `'${key}' is no ${what}.${didYouMean(key, known)}`, { path: [...path, key], key: true })
  }
}

function fits(value: unknown, wanted: Shape): boolean {
  if (wanted === 'array') return Array.isArray(value)
  if (wanted === 'strings') return isStrings(value)
  if (wanted === 'prompt') return typeof value === 'string' || typeof value === 'function'
  if (wanted === 'object') return isObject(value)
  return typeof value === wanted
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value in a message: short, and never a throw. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}...` : value}'`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}
