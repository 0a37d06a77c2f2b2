import { didYouMean } from '../errors.ts'
import { optionalToolsOf, toolsOf } from './granted-tools.ts'
import type { Report } from './problem.ts'
import type { Role } from './role.ts'
import { parse } from './schema.ts'
import { type Token, tokensOf } from './source-tokens.ts'

/** What `steps` asks for by name and would not get, an output that it never gives, and what `generator` may not add. Read from the
 *  text of the functions: names that are computed are left to the gate. */
export function lintSteps(role: Role, roles: ReadonlyMap<string, Role>, ids: readonly string[], report: Report): void {
  if (role.steps !== undefined) {
    const tokens = tokensOf(String(role.steps))
    for (const { effect, name } of effectsIn(tokens)) {
      const at = { path: ['steps'], text: name }
      if (effect === 'tool') lintTool(role, name, at, report)
      else lintSpawn(role, effect, name, roles, ids, at, report)
    }
    if (role.output !== undefined && !returnsValue(tokens) && !parse(role.output, undefined).ok) {
      report(
        'output-never-set',
        "'output' is declared, but 'steps' never returns a value: `return yield* band.stepAll()` gives what the model sets",
        { path: ['output'], key: true },
      )
    }
  }
  if (role.generator !== undefined) lintGenerator(role, report)
}

type At = { path: (string | number)[]; text: string }

function lintTool(role: Role, name: string, at: At, report: Report): void {
  const own = toolsOf(role)
  if (own.includes(name)) return
  const optional = optionalToolsOf(role)
  if (optional.includes(name) && role.generator !== undefined) return
  report(
    'step-tool',
    `'steps' calls the tool '${name}', which the role does not have. Its tools: ${own.join(', ') || 'none'}.${didYouMean(name, own)}`,
    at,
  )
}

function lintSpawn(
  role: Role,
  effect: 'spawn' | 'reviewed',
  name: string,
  roles: ReadonlyMap<string, Role>,
  ids: readonly string[],
  at: At,
  report: Report,
): void {
  const may = role.spawnableRoles ?? []
  if (!ids.includes(name)) {
    const near = didYouMean(name, ids)
    report('unknown-role', `'steps' asks for the role '${name}', which does not exist.${near}`, at)
  } else if (!may.includes(name)) {
    const list = may.join(', ') || 'nobody'
    report(
      'step-role',
      `'steps' asks for the role '${name}', which 'spawnableRoles' does not name (it names ${list})`,
      at,
    )
  }
  const other = roles.get(name)
  if (effect === 'reviewed' && other !== undefined && other.reviewedBy === undefined) {
    report('step-role', `'steps' wants '${name}' reviewed, but that role has no 'reviewedBy'`, at)
  }
}

/** `band.tool('x', ...)`, `band.spawn('x', ...)` and `band.reviewed('x', ...)` with a name written out. */
function* effectsIn(tokens: readonly Token[]): Generator<{ effect: 'tool' | 'spawn' | 'reviewed'; name: string }> {
  const band = new Set(['band'])
  for (const [at, { kind, value }] of tokens.entries()) {
    // `{ band: b }` and `const b = context.band`
    if (kind === 'name' && value === 'band' && tokens[at + 1]?.value === ':' && tokens[at + 2]?.kind === 'name') {
      band.add(tokens[at + 2]!.value)
    }
  }
  for (const [at, { kind, value }] of tokens.entries()) {
    if (kind !== 'name' || (value !== 'tool' && value !== 'spawn' && value !== 'reviewed')) continue
    const [open, name, after] = tokens.slice(at + 1, at + 4)
    if (open?.value !== '(' || name === undefined || !/^[,)]$/.test(after?.value ?? '')) continue
    const literal = name.kind === 'string' || (name.kind === 'template' && !name.value.includes('${'))
    const before = tokens[at - 1]
    const owner = tokens[at - 2]
    const ofBand = before?.value === '.' ? owner?.kind === 'name' && isBand(owner.value, band) : before?.value === '*'
    if (literal && ofBand) yield { effect: value, name: name.value }
  }
}

/** Bundling may number a name that is taken. */
const isBand = (name: string, names: ReadonlySet<string>): boolean => names.has(name) || /^band\d+$/.test(name)

/** Whether the function itself returns something: inner functions do not count. */
function returnsValue(tokens: readonly Token[]): boolean {
  const body = bodyOf(tokens, 0)
  if (body === undefined) return true
  for (let at = body.from; at < body.to; at++) {
    const { kind, value } = tokens[at]!
    if (kind === 'name' && value === 'return') {
      if (!/^[;}]$/.test(tokens[at + 1]?.value ?? '}')) return true
    } else if ((kind === 'name' && value === 'function') || (value === '=>' && tokens[at + 1]?.value === '{')) {
      at = (value === '=>' ? closing(tokens, at + 1) : (bodyOf(tokens, at)?.to ?? at)) as number
    }
  }
  return false
}

/** The braces after the first parentheses. */
function bodyOf(tokens: readonly Token[], start: number): { from: number; to: number } | undefined {
  const parameters = tokens.findIndex(({ value, kind }, at) => at >= start && kind === 'mark' && value === '(')
  if (parameters < 0) return undefined
  const from = closing(tokens, parameters) + 1
  return tokens[from]?.value === '{' ? { from, to: closing(tokens, from) } : undefined
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    const { kind, value } = tokens[at]!
    if (kind !== 'mark') continue
    if (/^[([{]$/.test(value)) depth++
    else if (/^[)\]}]$/.test(value) && --depth === 0) return at
  }
  return tokens.length
}

/** `additionalTools: ['x']` with names written out. */
function lintGenerator(role: Role, report: Report): void {
  const tokens = tokensOf(String(role.generator))
  const optional = optionalToolsOf(role)
  for (const [at, { value }] of tokens.entries()) {
    if (value !== 'additionalTools' || tokens[at + 1]?.value !== ':') continue
    // A condition before the list is passed over.
    const open = tokens.findIndex((token, index) => index > at && /^[[;}]$/.test(token.value) && token.kind === 'mark')
    if (tokens[open]?.value !== '[') continue
    for (const { kind, value: name } of tokens.slice(open, closing(tokens, open))) {
      if (kind !== 'string' || optional.includes(name)) continue
      report(
        'not-optional',
        `'generator' adds the tool '${name}', which 'optionalTools' does not name.${didYouMean(name, optional)}`,
        { path: ['generator'], text: name },
      )
    }
  }
}
