import type { ResolvedConfig } from '../config.ts'
import { CodebandError } from '../errors.ts'
import type { Framework } from '../ports/framework.ts'
import { match, reviewerFamilies } from '../protocol/pairing.ts'
import type { Role } from '../role/role.ts'

/** A worker: a role on a framework with an index. */
export interface Worker {
  /** `coder-codex-0` */
  id: string
  role: string
  /** Name in the configuration. */
  frameworkName: string
  framework: Framework
  model?: string
  effort?: string
}

export interface Wanted {
  role: Role
  /** Families that may play it, the better ones first; undefined: any. */
  families?: readonly string[]
  /** The worker to take again, whatever else is free. */
  prefer?: string
  /** Framework of whoever spawns it; taken on demand where no worker is configured. */
  spawner?: string
  /** Where in the program it plays; a replay takes who played there. */
  place?: string
  /** Workers that may not. */
  not?: readonly string[]
}

/** Who plays what. Each worker plays one turn at a time; who finds all busy waits in order. */
export interface Roster {
  /** Contract: undefined when nobody configured may ever play it. */
  take(wanted: Wanted): Promise<Worker | undefined>
  /** Whether anybody configured may ever play it. */
  may(wanted: Wanted): boolean
  free(worker: Worker): void
  families(): readonly string[]
  workers(): readonly Worker[]
}

export function openRoster(
  { frameworks, workers: counts }: Pick<ResolvedConfig, 'frameworks' | 'workers'>,
  roles: ReadonlyMap<string, Role>,
): Roster {
  const configured: Worker[] = []
  const onDemand: Worker[] = []
  const busy = new Set<string>()
  /** In order of arrival. */
  let waiting: { wanted: Wanted; resolve(worker: Worker): void }[] = []

  function worker(role: Role, frameworkName: string, index: number): Worker {
    const framework = frameworks[frameworkName]!
    const { model, effort } = role.frameworks?.[frameworkName] ?? {}
    return { id: `${role.id}-${frameworkName}-${index}`, role: role.id, frameworkName, framework, model, effort }
  }

  for (const [roleId, byFramework] of Object.entries(counts)) {
    const role = roles.get(roleId)
    if (role === undefined)
      throw new CodebandError('CB_ROLE_UNKNOWN', {
        where: `'workers' in the configuration`,
        name: roleId,
        known: [...roles.keys()].join(', '),
      })
    for (const [name, count] of Object.entries(byFramework)) {
      for (let index = 0; index < count; index++) configured.push(worker(role, name, index))
    }
  }

  const mayPlay = (role: Role, name: string): boolean =>
    role.frameworks === undefined || Object.hasOwn(role.frameworks, name)

  /** All who may play it, best first: configured workers, else one made on demand. */
  function candidates({ role, families, prefer, spawner, not = [] }: Wanted): Worker[] {
    const fits = (one: Worker): boolean =>
      mayPlay(role, one.frameworkName) && (families === undefined || families.includes(one.framework.family))
    const rank = (one: Worker): number => (one.id === prefer ? -1 : (families?.indexOf(one.framework.family) ?? 0))
    const mine = configured.filter((one) => one.role === role.id && fits(one))
    if (mine.length > 0) return mine.filter(({ id }) => !not.includes(id)).sort((a, b) => rank(a) - rank(b))
    const names = Object.keys(frameworks)
    const ordered =
      spawner !== undefined && names.includes(spawner) ? [spawner, ...names.filter((name) => name !== spawner)] : names
    const possible = ordered.map((name) => worker(role, name, 0)).filter(fits)
    possible.sort((a, b) => rank(a) - rank(b))
    const best = possible[0]
    if (best === undefined) return []
    // The first index that is free, so that names and homes are used again.
    for (let index = 0; ; index++) {
      const one = worker(role, best.frameworkName, index)
      if (!busy.has(one.id) && !not.includes(one.id)) return [one]
    }
  }

  /** Whom a waiting one would take now: the worker it had before, whatever else is free, else anybody who may. */
  function choices(wanted: Wanted): Worker[] {
    const all = candidates(wanted)
    const kept = all.find(({ id }) => id === wanted.prefer)
    return kept ? [kept] : all
  }

  function assign(): void {
    const asked = waiting.map(({ wanted }) => choices(wanted))
    const byId = new Map(asked.flat().map((one) => [one.id, one]))
    const free = new Set([...byId.keys()].filter((id) => !busy.has(id)))
    const matched = match(
      asked.map((all) => all.map(({ id }) => id)),
      free,
    )
    const left = waiting.filter((_, index) => !matched.has(index))
    const served = [...matched].map(([index, id]) => ({ ...waiting[index]!, worker: byId.get(id)! }))
    waiting = left
    for (const { worker: one, resolve } of served) {
      busy.add(one.id)
      if (!configured.includes(one) && !onDemand.some(({ id }) => id === one.id)) onDemand.push(one)
      resolve(one)
    }
    // Who finds nobody on demand under a name that was just given away gets the next one.
    if (served.length > 0 && left.length > 0) assign()
  }

  return {
    may: (wanted) => candidates(wanted).length > 0,
    async take(wanted) {
      if (candidates(wanted).length === 0) return undefined
      return new Promise<Worker>((resolve) => {
        waiting.push({ wanted, resolve })
        assign()
      })
    },
    free(one) {
      busy.delete(one.id)
      assign()
    },
    families: () => [...new Set(Object.values(frameworks).map(({ family }) => family))],
    workers: () => [...configured, ...onDemand],
  }
}

/** CB_OPPOSITION_IMPOSSIBLE for a role whose product nobody configured could ever review from the opposite family. */
export function provePairing(config: ResolvedConfig, roles: ReadonlyMap<string, Role>): void {
  const all = Object.entries(config.frameworks)
  const familiesOf = (role: Role): string[] => {
    const named = Object.entries(config.workers[role.id] ?? {}).flatMap(([name, count]) => (count > 0 ? [name] : []))
    const may = all.filter(([name]) => role.frameworks === undefined || Object.hasOwn(role.frameworks, name))
    return [
      ...new Set(may.filter(([name]) => named.length === 0 || named.includes(name)).map(([, { family }]) => family)),
    ]
  }
  for (const role of roles.values()) {
    if (role.reviewedBy === undefined) continue
    const reviewer = roles.get(role.reviewedBy)
    if (reviewer === undefined)
      throw new CodebandError('CB_ROLE_UNKNOWN', {
        where: `'reviewedBy' of role '${role.id}'`,
        name: role.reviewedBy,
        known: [...roles.keys()].join(', '),
      })
    // A reviewer may be played on demand by any framework, whatever its configured workers are.
    const judges = all
      .filter(([name]) => reviewer.frameworks === undefined || Object.hasOwn(reviewer.frameworks, name))
      .map(([, { family }]) => family)
    for (const author of familiesOf(role)) {
      if (reviewerFamilies(judges, [author], config.review.opposition).length > 0) continue
      const detail = `'${role.id}' is played by family '${author}', and no configured framework of another family may play '${reviewer.id}'`
      throw new CodebandError('CB_OPPOSITION_IMPOSSIBLE', { role: role.id, reviewer: reviewer.id, detail })
    }
  }
}
