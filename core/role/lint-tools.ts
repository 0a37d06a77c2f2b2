import { didYouMean } from '../errors.ts'
import type { Diagnostic } from './diagnostic.ts'
import { type Schema, toJsonSchema } from './schema.ts'
import { builtinTools, type Tool } from './tool.ts'

/** A tool as a file gave it, not believed yet. */
export interface GivenTool {
  value: unknown
  source: string
}

const keys = ['name', 'description', 'input', 'needs', 'repeat', 'run']

/** The project's tools that are whole, those given as objects too, and every problem of all of them. */
export function lintTools(
  given: readonly GivenTool[],
  objects: readonly Tool[],
): { tools: Tool[]; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const tools = new Map<string, Tool>(objects.map((tool) => [tool.name, tool]))
  for (const { value, source } of given) {
    const problems = problemsOf(value, [...tools.keys()])
    for (const [code, message] of problems) diagnostics.push({ severity: 'error', code, message, file: source })
    if (problems.length === 0) tools.set((value as Tool).name, value as Tool)
  }
  return { tools: [...tools.values()], diagnostics }
}

function problemsOf(value: unknown, taken: readonly string[]): [code: string, message: string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [
      [
        'not-a-tool',
        'the default export is no tool: write `export default defineTool({ name, description, input, run })`',
      ],
    ]
  }
  const { name, description, input, needs, repeat, run } = value as Record<string, unknown>
  const problems: [string, string][] = []
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) problems.push(['unknown-key', `'${key}' is no field of a tool.${didYouMean(key, keys)}`])
  }
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
    problems.push(['bad-name', "'name' must be lower-case letters, digits and underscores, at most 64"])
  } else if ((builtinTools as readonly string[]).includes(name)) {
    problems.push(['builtin-name', `'${name}' is a built-in tool; a project's own needs another name`])
  } else if (taken.includes(name)) problems.push(['duplicate-name', `the tool '${name}' is defined twice`])
  if (typeof description !== 'string' || description.trim() === '') {
    problems.push(['no-description', "'description' tells a model what the tool does"])
  }
  if (typeof run !== 'function') problems.push(['no-run', "'run' is the function that does it"])
  if (repeat !== undefined && repeat !== 'safe' && repeat !== 'never') {
    problems.push(['bad-repeat', `'repeat' is 'safe' or 'never', not '${String(repeat)}'`])
  }
  problems.push(...schemaProblems(input), ...needsProblems(needs))
  return problems
}

function schemaProblems(input: unknown): [string, string][] {
  if (typeof input !== 'object' || input === null) return [['no-input', "'input' is the schema of what the tool takes"]]
  try {
    const { type } = toJsonSchema(input as Schema)
    return type === 'object' ? [] : [['schema', "'input' must be an object schema"]]
  } catch (error) {
    return [['schema', `'input' has no JSON Schema: ${error instanceof Error ? error.message : String(error)}`]]
  }
}

function needsProblems(needs: unknown): [string, string][] {
  if (needs === undefined) return []
  const lists = typeof needs === 'object' && needs !== null ? Object.entries(needs) : [['needs', undefined] as const]
  return lists.flatMap(([key, list]): [string, string][] => {
    if (key !== 'network' && key !== 'env')
      return [['unknown-key', `'needs.${key}' is none: there are 'network' and 'env'`]]
    return Array.isArray(list) && list.every((one) => typeof one === 'string')
      ? []
      : [['wrong-type', `'needs.${key}' must be a list of strings`]]
  })
}
