import { CodebandError } from '../errors.ts'

const variable = /\{\{\s*([^{}]*?)\s*\}\}/g

/** Names of the variables in a template, in order. */
export function variablesOf(template: string): string[] {
  return [...template.matchAll(variable)].map(([, path]) => path ?? '')
}

/** Fills `{{path.to.value}}`. A string goes in as it is, anything else as JSON. CB_TEMPLATE for a name that leads nowhere. */
export function fillTemplate(template: string, context: object, at: { role: string; prompt: string }): string {
  return template.replace(variable, (_, path: string) => {
    const value = lookUp(context, path)
    if (value === undefined) throw new CodebandError('CB_TEMPLATE', { ...at, name: path, detail: 'has no value there' })
    return typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  })
}

function lookUp(context: object, path: string): unknown {
  let value: unknown = context
  for (const part of path.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}
