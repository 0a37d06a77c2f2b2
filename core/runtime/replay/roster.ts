import type { ResolvedConfig } from '../../config.ts'
import type { Role } from '../../role/role.ts'
import { openRoster, type Roster, type Wanted, type Worker } from '../roster.ts'
import type { Recording } from './recording.ts'

/** Gives each place the worker that it had, as far as today's definitions still let that one play there; else whom they name now. */
export function recordedRoster(
  config: Pick<ResolvedConfig, 'frameworks' | 'workers'>,
  roles: ReadonlyMap<string, Role>,
  recording: Recording,
): Roster {
  const real = openRoster(config, roles)
  const configured = real.workers()

  function recorded({ role, families, place }: Wanted): Worker | undefined {
    if (place === undefined) return undefined
    const kept = recording.ahead(
      ['TurnStarted'],
      (event) => event.role === role.id && (event.place === place || event.place.startsWith(`${place}/${role.id}/`)),
    )
    const [, name, index] = kept?.worker.match(/^.*-([^-]+)-(\d+)$/) ?? []
    const framework = name === undefined ? undefined : config.frameworks[name]
    if (kept === undefined || name === undefined || framework === undefined) return undefined
    if (kept.worker !== `${role.id}-${name}-${index}`) return undefined
    const mine = configured.filter((one) => one.role === role.id && fits(role, families, one))
    const { model, effort } = role.frameworks?.[name] ?? {}
    const worker = { id: kept.worker, role: role.id, frameworkName: name, framework, model, effort }
    if (!fits(role, families, worker)) return undefined
    return mine.length === 0 || mine.some(({ id }) => id === worker.id) ? worker : undefined
  }

  return {
    ...real,
    // Who was free then is free now: the order of the log sees to it.
    take: async (wanted) => recorded(wanted) ?? real.take(wanted),
  }
}

function fits(role: Role, families: readonly string[] | undefined, { frameworkName, framework }: Worker): boolean {
  const mayPlay = role.frameworks === undefined || Object.hasOwn(role.frameworks, frameworkName)
  return mayPlay && (families === undefined || families.includes(framework.family))
}
