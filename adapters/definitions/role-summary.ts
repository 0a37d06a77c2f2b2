import type { ResolvedConfig } from '../../core/config.ts'
import { reviewerFamilies } from '../../core/protocol/pairing.ts'
import { optionalToolsOf, toolsOf } from '../../core/role/granted-tools.ts'
import { type Reached, reachOf } from '../../core/role/reach.ts'
import type { Role } from '../../core/role/role.ts'

/** What `codeband roles` says of a role; docs/roles-json.md is its schema. */
export interface RoleSummary {
  id: string
  description: string
  /** Its file. */
  source: string
  /** True: it replaces a role that ships. */
  replaces: boolean
  tools: readonly string[]
  /** What its generator may add. */
  optionalTools: readonly string[]
  /** What it can cause through those it may spawn. */
  reach: readonly Reached[]
  produces?: string
  reviewedBy?: string
  spawnableRoles: readonly string[]
  /** Frameworks that play it; none for a role whose steps do all of it. */
  playedBy: readonly string[]
  models: readonly Model[]
  pairing?: Pairing
}

export interface Model {
  framework: string
  family: string
  /** Absent: what the framework takes by itself. */
  model?: string
  effort?: string
  /** Workers configured; 0: played on demand. */
  workers: number
}

/** Who may review whose work: for each family that may play the role those that may judge it. */
export interface Pairing {
  reviewer: string
  families: Readonly<Record<string, readonly string[]>>
}

export function summaryOf(
  role: Role,
  { source, replaces }: { source: string; replaces: boolean },
  roles: ReadonlyMap<string, Role>,
  config: ResolvedConfig | undefined,
): RoleSummary {
  const { id, description, produces, reviewedBy, spawnableRoles = [] } = role
  const played = config !== undefined && (role.steps === undefined || produces !== undefined)
  const playedBy = played ? playersOf(id, role, config) : []
  const reviewer = reviewedBy === undefined ? undefined : roles.get(reviewedBy)
  return {
    id,
    description,
    source,
    replaces,
    tools: toolsOf(role),
    optionalTools: optionalToolsOf(role),
    reach: reachOf(role, roles),
    ...(produces && { produces }),
    ...(reviewedBy && { reviewedBy }),
    spawnableRoles: [...spawnableRoles],
    playedBy,
    models: config ? playedBy.flatMap((name) => modelOf(role, name, config) ?? []) : [],
    ...(config && reviewer && { pairing: pairingOf(playedBy, reviewer, config) }),
  }
}

function modelOf(role: Role, name: string, { frameworks, workers }: ResolvedConfig): Model | undefined {
  const framework = frameworks[name]
  if (framework === undefined) return undefined
  const { model, effort } = role.frameworks?.[name] ?? {}
  return {
    framework: name,
    family: framework.family,
    ...(model && { model }),
    ...(effort && { effort }),
    workers: workers[role.id]?.[name] ?? 0,
  }
}

function pairingOf(playedBy: readonly string[], reviewer: Role, { frameworks, review }: ResolvedConfig): Pairing {
  const judges = Object.entries(frameworks)
    .filter(([name]) => reviewer.frameworks === undefined || Object.hasOwn(reviewer.frameworks, name))
    .map(([, { family }]) => family)
  const authors = [...new Set(playedBy.flatMap((name) => frameworks[name]?.family ?? []))]
  const families = authors.map((author) => [
    author,
    [...new Set(reviewerFamilies(judges, [author], review.opposition))],
  ])
  return { reviewer: reviewer.id, families: Object.fromEntries(families) }
}

/** Frameworks that play a role: those of its workers, else all that may. */
export function playersOf(id: string, role: Role | undefined, { workers, frameworks }: ResolvedConfig): string[] {
  const named = Object.entries(workers[id] ?? {}).flatMap(([name, count]) => (count > 0 ? [name] : []))
  if (named.length > 0) return named
  return Object.keys(frameworks).filter(
    (name) => role?.frameworks === undefined || Object.hasOwn(role.frameworks, name),
  )
}
