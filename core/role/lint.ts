import { lintCycles, lintReviewer } from './lint-graph.ts'
import { lintNames } from './lint-names.ts'
import { lintPrompts } from './lint-prompts.ts'
import { lintShape } from './lint-shape.ts'
import { lintSteps } from './lint-steps.ts'
import { type Problem, reporter } from './problem.ts'
import type { Role } from './role.ts'

/** A role as a file gave it, not believed yet. */
export interface GivenRole {
  value: unknown
  /** The file, as a person would type it. */
  source: string
}

export interface LintOptions {
  /** Names of the configured frameworks; undefined: not known, so not checked. */
  frameworks?: readonly string[] | undefined
  /** Names of the project's own tools. */
  tools: readonly string[]
}

/** The roles that are whole in themselves, and every problem of all of them. What names another role or a tool that does not exist is
 *  among the whole, and has its problem. */
export function lintRoles(
  given: readonly GivenRole[],
  { frameworks, tools }: LintOptions,
): { roles: Map<string, Role>; sources: Map<string, string>; diagnostics: Problem[] } {
  const problems: Problem[] = []
  const roles = new Map<string, Role>()
  const sources = new Map<string, string>()
  const typed: { role: Role; source: string }[] = []
  for (const { value, source } of given) {
    const own: Problem[] = []
    guarded(own, source, () => lintShape(value, reporter(own, source)))
    problems.push(...own)
    const errors = own.filter(({ severity }) => severity === 'error')
    const role = value as Role
    if (errors.every(({ code }) => !untyped.has(code))) typed.push({ role, source })
    // Of two with one id the first counts; who put them together has told it.
    if (errors.length > 0 || roles.has(role.id)) continue
    roles.set(role.id, role)
    sources.set(role.id, source)
  }
  // A role that is not whole exists all the same: who names it is not to blame.
  const ids = [...new Set(given.flatMap(({ value }) => idOf(value) ?? []))]
  const all = new Map([...typed].reverse().map(({ role }) => [role.id, role]))
  for (const { role, source } of typed) {
    const report = reporter(problems, source)
    guarded(problems, source, () => {
      lintNames(role, { roles: ids, tools, frameworks }, report)
      lintReviewer(role, all, report)
      lintPrompts(role, tools, report)
      lintSteps(role, all, ids, report)
    })
  }
  // A circle through a role that ships is closed by the project's own.
  const ships = ([id]: [string, Role]): number => (sources.get(id)!.startsWith('roles/') ? 1 : 0)
  const ownFirst = new Map([...roles].sort((a, b) => ships(a) - ships(b)))
  lintCycles(ownFirst, ({ id }) => reporter(problems, sources.get(id)!))
  return { roles, sources, diagnostics: problems }
}

/** After these nothing more can be said of a role: its fields are not what they should be. */
const untyped = new Set(['not-a-role', 'wrong-type', 'bad-grant', 'bad-server', 'schema', 'throws'])

/** The id that a definition gives, whole or not. */
export function idOf(value: unknown): string | undefined {
  try {
    const { id } = (value ?? {}) as { id?: unknown }
    return typeof id === 'string' ? id : undefined
  } catch {
    // A getter of a person's own that throws gives no id.
    return undefined
  }
}

/** A definition is code of a person's own: a getter in it may throw. */
function guarded(problems: Problem[], source: string, lint: () => void): void {
  try {
    lint()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    problems.push({ severity: 'error', code: 'throws', message, file: source, at: { path: [] } })
  }
}
