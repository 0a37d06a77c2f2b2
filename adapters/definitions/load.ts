import { isAbsolute, relative } from 'node:path'
import { type ResolvedConfig, resolveConfig } from '../../core/config.ts'
import { CodebandError } from '../../core/errors.ts'
import type { Bundle } from '../../core/ports/loader.ts'
import type { Policy } from '../../core/protocol/events.ts'
import { capabilityChange } from '../../core/role/capabilities.ts'
import { type Diagnostic, showDiagnostic } from '../../core/role/diagnostic.ts'
import { type GivenRole, idOf, lintRoles } from '../../core/role/lint.ts'
import { resemblesRole } from '../../core/role/lint-shape.ts'
import { type GivenTool, lintTools, resemblesTool } from '../../core/role/lint-tools.ts'
import type { At } from '../../core/role/locate.ts'
import type { Role } from '../../core/role/role.ts'
import type { Tool } from '../../core/role/tool.ts'
import { capsOf } from '../../core/runtime/meter.ts'
import { packageFolder } from '../package-folder.ts'
import type { Repository } from '../repository.ts'
import { type AgentsFolder, lookIntoAgents } from './agents-folder.ts'
import { type BundledDefinitions, bundleDefinitions, keepDefinitions, keptDefinitions, loaderFor } from './bundle.ts'
import { frameworkNamed } from './frameworks-by-name.ts'
import { keepWarm } from './keep-warm.ts'
import { configProblems, lintBand, lintBoundary } from './lint-band.ts'
import { placeProblems } from './place-problems.ts'
import { playersOf, type RoleSummary, summaryOf } from './role-summary.ts'
import { mayRun, trust } from './trust.ts'

/** Asks a person whether definitions that are not trusted may run. */
export type TrustQuestion = (question: {
  hash: string
  files: readonly string[]
  /** What these definitions can do that the ones trusted last could not, and the other way round; or why that cannot be told. */
  change: { gained: readonly string[]; lost: readonly string[] } | { unknown: string }
}) => Promise<boolean>

export interface Definitions {
  config: ResolvedConfig
  roles: ReadonlyMap<string, Role>
  tools: readonly Tool[]
  policy: Policy
  /** The file of each role, as diagnostics name it. */
  sources: ReadonlyMap<string, string>
  /** What a run is going to do, in lines for a person. */
  planOfAction: readonly string[]
  /** The definitions that an older task began with; undefined when they are not kept here. */
  older(definitions: string): Promise<Pick<Definitions, 'config' | 'roles' | 'tools'> | undefined>
}

/** Roles and configuration, trusted, run and whole. CB_UNTRUSTED, CB_ROLE_INVALID, CB_CONFIG_INVALID and what those name. */
export async function loadDefinitions(
  repository: Repository,
  {
    confirm,
    frameworksMayMiss = false,
    agents,
  }: {
    confirm?: TrustQuestion
    frameworksMayMiss?: boolean
    /** Absolute path of a folder that takes the place of `.agents`, for this time. */
    agents?: string
  } = {},
): Promise<Definitions> {
  const bundled = await bundleDefinitions(repository, agents)
  if (!(await mayRun(repository.home, bundled))) {
    if (!confirm || !(await askForTrust(repository, bundled, confirm))) {
      throw new CodebandError('CB_UNTRUSTED', { repo: repository.root, hash: bundled.hash })
    }
  }
  const evaluated = await evaluateDefinitions(repository, bundled, { mayRun: true })
  // A role file that does not compile says more than the configuration that may miss it.
  if (evaluated.diagnostics.some(isError)) {
    throw invalid(repository.root, [...evaluated.diagnostics, ...lint(evaluated, undefined).diagnostics])
  }
  const config = resolveConfig(evaluated.rawConfig, configName(repository, bundled), frameworkNamed)
  await keepDefinitions(repository, bundled)
  const definitions = whole(repository, config, evaluated, bundled, { frameworksMayMiss })
  if (agents === undefined) await keepWarm(repository, bundled)
  return definitions
}

/** Shows a person what would run and what it could do, and remembers a yes. */
export async function askForTrust(
  repository: Repository,
  bundled: BundledDefinitions,
  confirm: TrustQuestion,
): Promise<boolean> {
  const { hash, files } = bundled
  // A sandbox and all that starts processes is loaded where somebody is asked, which is seldom.
  const { inspectCapabilities, lastCapabilities, rememberCapabilities } = await import('./capabilities.ts')
  const after = await inspectCapabilities(bundled)
  const change = 'unknown' in after ? after : capabilityChange(await lastCapabilities(repository), after.lines)
  if (!(await confirm({ hash, files, change }))) return false
  await trust(repository.home, hash)
  if ('lines' in after) await rememberCapabilities(repository, after.lines)
  return true
}

/** What a person trusted once and a task began with runs again as it was, whatever the files say now. */
export async function olderDefinitions(
  repository: Repository,
  definitions: string,
  given: { roles?: readonly Role[]; tools?: readonly Tool[] },
) {
  const kept = await keptDefinitions(repository, definitions)
  if (kept === undefined) return undefined
  const evaluated = await evaluateDefinitions(repository, kept, { mayRun: true, ...given })
  const config = resolveConfig(evaluated.rawConfig, 'the definitions the task began with', frameworkNamed)
  return { config, roles: lint(evaluated, config).roles, tools: evaluated.tools }
}

/** All that can be known without running what is not trusted: of files that may not run, what their text and bundling tell. Never
 *  throws for what a person wrote in a role or a tool. */
export async function inspectDefinitions(repository: Repository): Promise<{
  roles: readonly RoleSummary[]
  roleMap: ReadonlyMap<string, Role>
  tools: readonly Tool[]
  diagnostics: readonly Diagnostic[]
  trusted: boolean
  /** What trust is asked for. */
  hash: string
  config: ResolvedConfig | undefined
  /** Relative to the repository; undefined: the defaults. */
  configFile: string | undefined
}> {
  const bundled = await bundleDefinitions(repository)
  const trusted = await mayRun(repository.home, bundled)
  const evaluated = await evaluateDefinitions(repository, bundled, { mayRun: trusted })
  const found = [...evaluated.diagnostics]
  let config: ResolvedConfig | undefined
  const file = configName(repository, bundled)
  try {
    if (trusted || bundled.configFile === undefined) config = resolveConfig(evaluated.rawConfig, file, frameworkNamed)
  } catch (error) {
    if (!CodebandError.is(error)) throw error
    found.push(...configProblems(error, file))
  }
  const { roles: roleMap, sources, diagnostics } = lint(evaluated, config)
  found.push(...diagnostics)
  const ids = evaluated.given.flatMap(({ value }) => idOf(value) ?? [])
  if (config) found.push(...lintBand(config, file, roleMap, sources, ids))
  const roles = [...roleMap.values()].map((role) => {
    const source = sources.get(role.id)!
    const replaces = evaluated.shipped.has(role.id) && !source.startsWith('roles/')
    return summaryOf(role, { source, replaces }, roleMap, config)
  })
  const placed = placeProblems(repository.root, found)
  if (trusted) await keepWarm(repository, bundled, { roles, diagnostics: placed })
  return {
    roles,
    roleMap,
    tools: evaluated.tools,
    diagnostics: placed,
    trusted,
    hash: bundled.hash,
    config,
    configFile: bundled.configFile && file,
  }
}

/** A diagnostic whose line may not have been looked up yet. */
type Found = Diagnostic & { at?: At }

/** What the files of the definitions gave, not believed yet. */
export interface Evaluated {
  given: readonly GivenRole[]
  tools: readonly Tool[]
  rawConfig: object | undefined
  /** Ids of the roles that ship. */
  shipped: ReadonlySet<string>
  diagnostics: readonly Found[]
}

/** Runs the bundles: the built-in one always, the repository's own where it may run. Roles given as objects come last. */
export async function evaluateDefinitions(
  repository: Repository,
  { own, builtin, configFile, configData, agents: folder = '.agents' }: BundledDefinitions,
  { mayRun, roles = [], tools = [] }: { mayRun: boolean; roles?: readonly Role[]; tools?: readonly Tool[] },
): Promise<Evaluated> {
  const shipped = await (await loaderFor(packageFolder())).run(builtin)
  const nothing = { values: new Map<string, unknown>(), diagnostics: [] }
  const mine = mayRun ? await (await loaderFor(repository.root, shipped.values)).run(own) : nothing
  const agents = await lookIntoAgents(repository.root, own.inputs, configFile, folder)
  const { given, doubles } = overlay(shipped.values, withoutImported(mine.values, agents))
  const ids = new Set(roles.map(({ id }) => id))
  const all = [
    ...given.filter(({ value }) => !ids.has(idOf(value) as string)),
    ...roles.map((value) => ({ value, source: 'the options' })),
  ]
  const rawConfig = mayRun ? ((configData ?? mine.values.get('config')) as object | undefined) : undefined
  const found = lintTools(toolsOf(withoutImported(mine.values, agents)), tools)
  const compiled = [...builtin.diagnostics, ...own.diagnostics]
  const missing = mayRun ? withoutHelpers(mine.diagnostics, agents, folder) : defaultsMissing(repository, own, agents)
  const ran = [...shipped.diagnostics, ...missing, ...doubles, ...found.diagnostics]
  return {
    given: all,
    tools: found.tools,
    rawConfig,
    shipped: new Set(rolesIn(shipped.values).flatMap(({ value }) => idOf(value) ?? [])),
    diagnostics: [...compiled, ...ran, ...agents.diagnostics],
  }
}

const fileOf = (name: string): string => name.replace(/^(role|tool):/, '')

/** What another file imports is a role or a tool only if it looks like one. */
function withoutImported(values: ReadonlyMap<string, unknown>, { imported }: AgentsFolder): Map<string, unknown> {
  const isHelper = (name: string, value: unknown): boolean =>
    imported.has(fileOf(name)) && !(name.startsWith('tool:') ? resemblesTool(value) : resemblesRole(value))
  return new Map([...values].filter(([name, value]) => !isHelper(name, value)))
}

const noDefault = {
  severity: 'error',
  code: 'no-default-export',
  message:
    'there is no default export, and no other file imports this one: a role is `export default defineRole({ ... })`, a tool `export default defineTool({ ... })`',
} as const

function withoutHelpers(diagnostics: readonly Diagnostic[], { imported }: AgentsFolder, folder: string): Found[] {
  return diagnostics.flatMap((one): Found[] => {
    if (one.code !== 'no-default-export' || !one.file?.startsWith(`${folder}/`)) return [one]
    return imported.has(one.file) ? [] : [{ ...noDefault, file: one.file, line: 1, column: 1 }]
  })
}

/** Of files that may not run their text tells whether they could be a role or a tool at all. */
function defaultsMissing({ root }: Repository, { inputs }: Bundle, { imported, withDefault }: AgentsFolder): Found[] {
  return inputs.flatMap((path): Found[] => {
    const file = relative(root, path)
    if (!/^\.agents\/(tools\/)?[^/]+\.ts$/.test(file) || imported.has(file) || withDefault.has(file)) return []
    return [{ ...noDefault, file, line: 1, column: 1 }]
  })
}

const toolsOf = (values: ReadonlyMap<string, unknown>): GivenTool[] =>
  [...values].flatMap(([name, value]) =>
    name.startsWith('tool:') ? [{ value, source: name.slice('tool:'.length) }] : [],
  )

const isError = ({ severity }: Diagnostic): boolean => severity === 'error'

function invalid(root: string, diagnostics: readonly Found[]): CodebandError {
  const errors = placeProblems(root, diagnostics.filter(isError))
  const problems = errors.map((one) => `  ${showDiagnostic(one)}`).join('\n')
  return new CodebandError('CB_ROLE_INVALID', { count: errors.length, problems })
}

function configName({ root }: Repository, { configFile }: BundledDefinitions): string {
  return configFile === undefined ? 'the defaults' : relative(root, configFile)
}

function lint({ given, tools }: Evaluated, config: ResolvedConfig | undefined): ReturnType<typeof lintRoles> {
  const { roles, sources, diagnostics } = lintRoles(given, {
    frameworks: config && Object.keys(config.frameworks),
    tools: tools.map(({ name }) => name),
  })
  const bounds = [...roles].flatMap(([id, role]) => lintBoundary(role, sources.get(id)!))
  return { roles, sources, diagnostics: [...diagnostics, ...bounds] }
}

/** A role of the repository replaces one of the person's own, and that one the built-in of the same id. Two of one id in one place are
 *  an error. */
function overlay(
  shipped: ReadonlyMap<string, unknown>,
  mine: ReadonlyMap<string, unknown>,
): { given: GivenRole[]; doubles: Found[] } {
  const found = rolesIn(mine)
  const places = [rolesIn(shipped), found.filter(isPersons), found.filter((one) => !isPersons(one))]
  const given = places.reduce((below, above) => {
    const ids = new Set(above.map(({ value }) => idOf(value)))
    return [...below.filter(({ value }) => !ids.has(idOf(value))), ...above]
  })
  return { given, doubles: places.slice(1).flatMap(doublesIn) }
}

/** A role of `~/.agents`: its source is no path inside the repository. */
const isPersons = ({ source }: GivenRole): boolean => isAbsolute(source)

function doublesIn(roles: readonly GivenRole[]): Found[] {
  return roles.flatMap(({ value, source }, index): Found[] => {
    const id = idOf(value)
    const first = roles.findIndex((other) => idOf(other.value) === id)
    if (first === index || id === undefined) return []
    const message = `the role '${id}' is already defined in ${roles[first]!.source}`
    return [{ severity: 'error', code: 'duplicate-id', message, file: source, at: { path: ['id'] } }]
  })
}

const rolesIn = (values: ReadonlyMap<string, unknown>): GivenRole[] =>
  [...values].flatMap(([name, value]) =>
    name.startsWith('role:') ? [{ value, source: name.slice('role:'.length) }] : [],
  )

/** The definitions a band can start with. CB_ROLE_INVALID, CB_FRAMEWORK_UNKNOWN, CB_REF_UNKNOWN. */
export function whole(
  repository: Repository,
  config: ResolvedConfig,
  evaluated: Evaluated,
  { definitions, configFile }: Pick<BundledDefinitions, 'definitions' | 'configFile'>,
  given: { frameworksMayMiss?: boolean; roles?: readonly Role[]; tools?: readonly Tool[] } = {},
): Definitions {
  const { roles, sources, diagnostics } = lint(evaluated, config)
  const all = [...evaluated.diagnostics, ...diagnostics]
  if (all.some(isError)) throw invalid(repository.root, all)
  if (!given.frameworksMayMiss && Object.keys(config.frameworks).length === 0) {
    throw new CodebandError('CB_FRAMEWORK_NONE', {
      file: configFile ? relative(repository.root, configFile) : 'the defaults',
    })
  }
  const target = config.merge.into ?? repository.branch
  if (target === undefined)
    throw new CodebandError('CB_REF_UNKNOWN', { branch: 'HEAD (detached)', repo: repository.root })
  const policy: Policy = {
    definitions,
    target,
    opposition: config.review.opposition,
    autoMerge: config.merge.autoMerge,
    rounds: config.limits.rounds,
    retries: config.limits.retries,
    outages: config.limits.outages,
    caps: capsOf(config.limits),
    sandbox: config.sandbox,
  }
  const { tools } = evaluated
  return {
    config,
    roles,
    tools,
    policy,
    sources,
    planOfAction: planOfAction(config, roles, policy),
    older: (hash) => olderDefinitions(repository, hash, { roles: given.roles, tools: given.tools }),
  }
}

function planOfAction(config: ResolvedConfig, roles: ReadonlyMap<string, Role>, policy: Policy): string[] {
  const pair = (id: string): string[] => {
    const role = roles.get(id)
    if (role?.reviewedBy === undefined) return []
    const who = (name: string): string => playersOf(name, roles.get(name), config).join(' or ')
    return [`${id} (${who(id)}) -> ${role.reviewedBy} (${who(role.reviewedBy)})`]
  }
  const checks = config.checks.map(({ command }) => command.join(' ')).join(', ') || 'no checks are configured'
  const byItself = policy.autoMerge === 'none' ? 'never without you' : `by itself up to risk '${policy.autoMerge}'`
  const waived =
    policy.opposition === 'waived'
      ? ' Opposition is waived: the same family reviews, and nothing lands without you.'
      : ''
  return [
    `Plan: ${[...roles.keys()].flatMap(pair).join('; ')}`,
    `Lands on '${policy.target}' after: ${checks}; ${byItself}.${waived}`,
  ]
}
