import { didYouMean } from '../errors.ts'
import { optionalToolsOf, toolsOf } from './granted-tools.ts'
import type { Report } from './problem.ts'
import type { Role } from './role.ts'
import { toJsonSchema } from './schema.ts'
import { tokensOf } from './source-tokens.ts'
import { builtinTools } from './tool.ts'

type Json = Readonly<Record<string, unknown>>

/** Variables that lead nowhere and tools that the role does not have. `tools`: names of the project's own. */
export function lintPrompts(role: Role, tools: readonly string[], report: Report): void {
  for (const prompt of ['systemPrompt', 'userPrompt'] as const) {
    const given = role[prompt]
    if (given === undefined) continue
    if (typeof given === 'string') lintVariables(role, prompt, given, report)
    const texts =
      typeof given === 'string'
        ? [given]
        : tokensOf(String(given)).flatMap(({ kind, value }) => (kind === 'string' || kind === 'template' ? value : []))
    lintMentions(role, prompt, texts, [...builtinTools, ...tools], report)
  }
}

const always = ['task', 'worker', 'round', 'feedback']

function lintVariables(role: Role, prompt: string, template: string, report: Report): void {
  const input: Json = role.input === undefined ? { type: 'object', properties: {} } : toJsonSchema(role.input)
  for (const [text, path] of template.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g)) {
    const [first = '', ...rest] = path!.split('.')
    const at = { path: [prompt], text }
    const top = fieldsOf(input)
    if (always.includes(first)) {
      if (rest.length > 0)
        report('unknown-variable', `the ${prompt} names '{{${path}}}'; {{${first}}} is no object`, at)
      continue
    }
    if (top === undefined) continue
    if (!Object.hasOwn(top, first)) {
      const known = [...Object.keys(top), ...always]
      const list = known.map((one) => `{{${one}}}`).join(', ')
      report('unknown-variable', `the ${prompt} names '{{${path}}}'; there are ${list}.${didYouMean(first, known)}`, at)
      continue
    }
    const problem = follow(top[first], rest, first)
    if (problem) report('unknown-variable', `the ${prompt} names '{{${path}}}'; ${problem}`, at)
    else if (mayBeAbsent(input, first)) {
      report(
        'optional-variable',
        `the ${prompt} names '{{${path}}}', but '${first}' is optional: without it the turn could not begin. Give it a default, or make the prompt a function.`,
        at,
        'warning',
      )
    }
  }
}

/** Why a path leads nowhere below a field, where its schema tells. */
function follow(schema: unknown, path: readonly string[], name: string): string | undefined {
  const [key, ...rest] = path
  if (key === undefined || typeof schema !== 'object' || schema === null) return undefined
  const { type, items } = schema as Json
  if (type === 'array')
    return /^(\d+|length)$/.test(key) ? follow(items, rest, `${name}.${key}`) : `'${name}' is a list`
  if (type === 'string' || type === 'number' || type === 'integer' || type === 'boolean') {
    return `'${name}' is a ${type}`
  }
  const fields = fieldsOf(schema as Json)
  if (fields === undefined) return undefined
  if (Object.hasOwn(fields, key)) return follow(fields[key], rest, `${name}.${key}`)
  const known = Object.keys(fields)
  return `'${name}' has ${known.map((one) => `'${one}'`).join(', ') || 'no field'}.${didYouMean(key, known)}`
}

/** The fields of an object, or undefined where anything could be there. */
function fieldsOf({ properties, additionalProperties }: Json): Json | undefined {
  if (typeof properties !== 'object' || properties === null) return undefined
  return additionalProperties === undefined || additionalProperties === false ? (properties as Json) : undefined
}

function mayBeAbsent({ required, properties }: Json, field: string): boolean {
  const schema = (properties as Json | undefined)?.[field]
  const filled = typeof schema === 'object' && schema !== null && 'default' in schema
  return !filled && !(Array.isArray(required) && required.includes(field))
}

/** A tool that a prompt asks for by its name. Where the sentence says not to use it, it is not asked for. */
function lintMentions(
  role: Role,
  prompt: string,
  texts: readonly string[],
  known: readonly string[],
  report: Report,
): void {
  const own = [...toolsOf(role), ...optionalToolsOf(role)]
  const foreign = known.filter((name) => !own.includes(name))
  for (const name of foreign) {
    // A single word may be any word; in backticks it is a tool.
    const pattern = new RegExp(name.includes('_') ? `(?<![\\w/])${name}(?!\\w)` : `\`${name}\``, 'g')
    const asked = texts.some((text) =>
      [...text.matchAll(pattern)].some(({ index }) => !isNegated(text.slice(Math.max(0, index - 200), index))),
    )
    if (!asked) continue
    report(
      'prompt-tool',
      `the ${prompt} asks for '${name}', which the role does not have. Its tools: ${toolsOf(role).join(', ') || 'none'}.`,
      { path: [prompt], text: name },
      'warning',
    )
  }
}

const isNegated = (before: string): boolean =>
  /\b(not?|never|nor|without|cannot|lacks?|instead of|\w+n['’]t)\b[^.!?;:\n]*$/i.test(before)
