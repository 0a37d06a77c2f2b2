import { compileBoundary } from '../../core/boundary/boundary.ts'
import type { Config, ResolvedConfig } from '../../core/config.ts'
import { CodebandError, didYouMean } from '../../core/errors.ts'
import { toolName } from '../../core/role/granted-tools.ts'
import type { At } from '../../core/role/locate.ts'
import type { Problem } from '../../core/role/problem.ts'
import type { Role } from '../../core/role/role.ts'
import { provePairing } from '../../core/runtime/roster.ts'

/** Grants that no boundary can be made of: commands that need a shell, globs and hosts that are none. */
export function lintBoundary(role: Role, file: string): Problem[] {
  const additionalTools = (role.optionalTools ?? []).map(toolName)
  const compiled = compileBoundary(role, { worker: role.id, input: undefined, additionalTools })
  if (!('problems' in compiled)) return []
  return compiled.problems.map((message) => {
    const [first, second] = [...message.matchAll(/'([^']*)'/g)].map(([, quoted]) => quoted)
    const text = second ?? first
    const list = (['tools', 'optionalTools'] as const).find((name) =>
      (role[name] ?? []).some((tool) => toolName(tool) === first),
    )
    const path = first === 'writes' ? ['writes'] : list ? [list] : []
    return { severity: 'error', code: 'bad-grant', message, file, at: { path, ...(text && { text }) } }
  })
}

/** What roles and configuration say of each other. */
export function lintBand(
  config: ResolvedConfig,
  configFile: string,
  roles: ReadonlyMap<string, Role>,
  sources: ReadonlyMap<string, string>,
  ids: readonly string[],
): Problem[] {
  return [...lintWorkers(config, configFile, roles, ids), ...lintPairing(config, configFile, roles, sources)]
}

function lintWorkers(
  { workers }: ResolvedConfig,
  file: string,
  roles: ReadonlyMap<string, Role>,
  ids: readonly string[],
): Problem[] {
  return Object.entries(workers).flatMap(([id, counts]): Problem[] => {
    if (!ids.includes(id)) {
      const message = `'workers' names the role '${id}', which does not exist.${didYouMean(id, ids)}`
      return [{ severity: 'error', code: 'unknown-role', message, file, at: { path: ['workers', id], key: true } }]
    }
    const { frameworks } = roles.get(id) ?? {}
    return Object.keys(counts).flatMap((name): Problem[] => {
      if (frameworks === undefined || Object.hasOwn(frameworks, name)) return []
      const message = `'workers' lets '${name}' play '${id}', whose 'frameworks' names only ${Object.keys(frameworks).join(', ') || 'none'}: it never will`
      return [
        { severity: 'warning', code: 'idle-worker', message, file, at: { path: ['workers', id, name], key: true } },
      ]
    })
  })
}

/** A product that nobody of another family could ever review; the same rule stops a band from starting. */
function lintPairing(
  config: ResolvedConfig,
  configFile: string,
  roles: ReadonlyMap<string, Role>,
  sources: ReadonlyMap<string, string>,
): Problem[] {
  if (Object.keys(config.frameworks).length === 0) return []
  return [...roles.values()].flatMap((role): Problem[] => {
    const reviewer = role.reviewedBy === undefined ? undefined : roles.get(role.reviewedBy)
    if (reviewer === undefined || reviewer === role) return []
    try {
      provePairing(
        config,
        new Map([
          [reviewer.id, { ...reviewer, reviewedBy: undefined }],
          [role.id, role],
        ]),
      )
      return []
    } catch (error) {
      if (!CodebandError.is(error, 'CB_OPPOSITION_IMPOSSIBLE')) throw error
      const message = error.message
      const own = [role, reviewer].map(({ id }) => sources.get(id)!).findIndex((one) => one.startsWith('.agents/'))
      const place: { file: string; at: At } =
        own < 0
          ? { file: configFile, at: { path: ['frameworks'], key: true } }
          : own === 0
            ? { file: sources.get(role.id)!, at: { path: ['reviewedBy'] } }
            : { file: sources.get(reviewer.id)!, at: { path: ['frameworks'], key: true } }
      return [{ severity: 'error', code: 'same-family', message, ...place }]
    }
  })
}

const keysOf = (record: object): readonly string[] => Object.keys(record)
const configKeys: Readonly<Record<string, readonly string[]>> = {
  '': keysOf({
    frameworks: true,
    workers: true,
    setup: true,
    network: true,
    checks: true,
    merge: true,
    sandbox: true,
    review: true,
    limits: true,
  } satisfies Record<keyof Config, true>),
  merge: keysOf({ into: true, autoMerge: true, batch: true } satisfies Record<
    keyof NonNullable<Config['merge']>,
    true
  >),
  review: keysOf({ opposition: true } satisfies Record<keyof NonNullable<Config['review']>, true>),
  limits: keysOf({
    rounds: true,
    retries: true,
    outages: true,
    turns: true,
    tokens: true,
    usd: true,
    minutes: true,
    turnMinutes: true,
    silentMinutes: true,
    repeats: true,
    violations: true,
    remindMinutes: true,
    tasks: true,
    fanOut: true,
    commandMinutes: true,
    depth: true,
    memoryMb: true,
    processes: true,
    fileMb: true,
    freeMb: true,
    changeFiles: true,
    changeMb: true,
  } satisfies Record<keyof NonNullable<Config['limits']>, true>),
}

/** What is wrong with the configuration itself, one problem each. */
export function configProblems(error: CodebandError, file: string): Problem[] {
  const problem = (message: string, at: At): Problem => ({ severity: 'error', code: error.code, message, file, at })
  if (error.code === 'CB_FRAMEWORK_UNKNOWN') {
    const { where, name, known } = error.values as { where: string; name: string; known: string }
    const near = didYouMean(name, known.split(', '))
    return [problem(`${error.message}${near}`, { path: [...where.replaceAll("'", '').split('.'), name], key: true })]
  }
  const told = error.code === 'CB_CONFIG_INVALID' ? String(error.values.problems) : ''
  const lines = [...told.matchAll(/^ {2}(\S+): (.*)$/gm)]
  if (lines.length === 0) return [problem(error.message, { path: [] })]
  return lines.flatMap(([, where, message]) => {
    const path = where === 'configuration' ? [] : where!.split('.')
    const unknown = /^Unrecognized keys?: (.*)$/.exec(message!)?.[1]
    if (unknown === undefined) return [problem(`'${where}' in the configuration: ${message}`, { path })]
    return [...unknown.matchAll(/"([^"]+)"/g)].map(([, key]) =>
      problem(
        `'${[...path, key].join('.')}' is no option of the configuration.${didYouMean(key!, configKeys[path.join('.')] ?? [])}`,
        { path: [...path, key!], key: true },
      ),
    )
  })
}
