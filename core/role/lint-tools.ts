import { didYouMean } from '../errors.ts'
import { lintSchema } from './lint-schema.ts'
import { type Problem, type Report, reporter } from './problem.ts'
import { type Schema, toJsonSchema } from './schema.ts'
import { builtinTools, type Tool } from './tool.ts'

/** A tool as a file gave it, not believed yet. */
export interface GivenTool {
  value: unknown
  source: string
}

const keys = ['name', 'description', 'input', 'needs', 'repeat', 'run']
const needs = ['network', 'env']

/** Whether a value has anything of a tool; a file without it is something else. */
export function resemblesTool(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).some((key) => keys.includes(key))
}

/** The project's tools that are whole, those given as objects too, and every problem of all of them. */
export function lintTools(
  given: readonly GivenTool[],
  objects: readonly Tool[],
): { tools: Tool[]; diagnostics: Problem[] } {
  const problems: Problem[] = []
  const tools = new Map<string, Tool>(objects.map((tool) => [tool.name, tool]))
  for (const { value, source } of given) {
    const own: Problem[] = []
    lintTool(value, [...tools.keys()], reporter(own, source))
    problems.push(...own)
    if (own.length === 0) tools.set((value as Tool).name, value as Tool)
  }
  return { tools: [...tools.values()], diagnostics: problems }
}

function lintTool(value: unknown, taken: readonly string[], report: Report): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(
      'not-a-tool',
      'the default export is no tool: write `export default defineTool({ name, description, input, run })`',
      { path: [] },
    )
    return
  }
  const tool = value as Record<string, unknown>
  for (const key of Object.keys(tool)) {
    if (keys.includes(key)) continue
    report('unknown-key', `'${key}' is no field of a tool.${didYouMean(key, keys)}`, { path: [key], key: true })
  }
  const { name, description, input, repeat, run } = tool
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
    report('bad-name', "'name' must be lower-case letters, digits and underscores, at most 64", { path: ['name'] })
  } else if ((builtinTools as readonly string[]).includes(name)) {
    report('builtin-name', `'${name}' is a built-in tool; a project's own needs another name`, { path: ['name'] })
  } else if (taken.includes(name)) {
    report('duplicate-name', `the tool '${name}' is defined twice`, { path: ['name'] })
  }
  if (typeof description !== 'string' || description.trim() === '') {
    report('no-description', "'description' tells a model what the tool does", { path: ['description'] })
  }
  if (typeof run !== 'function') report('no-run', "'run' is the function that does it", { path: ['run'] })
  if (repeat !== undefined && repeat !== 'safe' && repeat !== 'never') {
    report('bad-repeat', `'repeat' is 'safe' or 'never', not '${String(repeat)}'`, { path: ['repeat'] })
  }
  lintInput(input, report)
  if (tool.needs !== undefined) lintNeeds(tool.needs, report)
}

function lintInput(input: unknown, report: Report): void {
  const at = { path: ['input'] }
  if (typeof input !== 'object' || input === null) {
    report('no-input', "'input' is the schema of what the tool takes", at)
    return
  }
  let found = false
  lintSchema(input, ['input'], (...problem) => {
    found = true
    report(...problem)
  })
  if (!found && toJsonSchema(input as Schema).type !== 'object')
    report('schema', "'input' must be an object schema", at)
}

function lintNeeds(given: unknown, report: Report): void {
  if (typeof given !== 'object' || given === null) {
    report('wrong-type', "'needs' must be { network, env }", { path: ['needs'] })
    return
  }
  for (const [key, list] of Object.entries(given)) {
    const path = ['needs', key]
    if (!needs.includes(key)) {
      const near = didYouMean(key, needs) || " There are 'network' and 'env'."
      report('unknown-key', `'needs.${key}' is none.${near}`, { path, key: true })
    } else if (!(Array.isArray(list) && list.every((one) => typeof one === 'string'))) {
      report('wrong-type', `'needs.${key}' must be a list of strings`, { path })
    }
  }
}
