import { relative } from 'node:path'
import { type ResolvedConfig, resolveConfig } from '../core/config.ts'
import { CodebandError } from '../core/errors.ts'
import type { Policy } from '../core/protocol/events.ts'
import { capabilityChange } from '../core/role/capabilities.ts'
import { type Diagnostic, showDiagnostic } from '../core/role/diagnostic.ts'
import { type GivenRole, lintRoles } from '../core/role/lint.ts'
import { type GivenTool, lintTools } from '../core/role/lint-tools.ts'
import type { Role } from '../core/role/role.ts'
import type { Tool } from '../core/role/tool.ts'
import {
  type BundledDefinitions,
  bundleDefinitions,
  keepDefinitions,
  keptDefinitions,
  loaderFor,
} from './bundle-definitions.ts'
import { inspectCapabilities, lastCapabilities, rememberCapabilities } from './capabilities.ts'
import { frameworkNamed } from './frameworks-by-name.ts'
import { host } from './host.ts'
import { packageFolder } from './package-folder.ts'
import type { Repository } from './repository.ts'
import { isTrusted, trust } from './trust.ts'

/** Asks a person whether definitions that are not trusted may run. */
export type TrustQuestion = (question: {
  hash: string
  files: readonly string[]
  /** What these definitions can do that the ones trusted last could not, and the other way round; undefined where it cannot be
   *  found out without running them unprotected. */
  change: { gained: readonly string[]; lost: readonly string[] } | undefined
}) => Promise<boolean>

export interface Definitions {
  config: ResolvedConfig
  roles: ReadonlyMap<string, Role>
  tools: readonly Tool[]
  policy: Policy
  /** What a run is going to do, in lines for a person. */
  planOfAction: readonly string[]
  /** The definitions that an older task began with; undefined when they are not kept here. */
  older(definitions: string): Promise<Pick<Definitions, 'config' | 'roles' | 'tools'> | undefined>
}

export interface RoleSummary {
  id: string
  description: string
  source: string
  tools: readonly string[]
  produces?: string
  reviewedBy?: string
  spawnableRoles: readonly string[]
  /** Frameworks or workers that play it. */
  playedBy: readonly string[]
}

/** Roles and configuration, trusted, run and whole. CB_UNTRUSTED, CB_ROLE_INVALID, CB_CONFIG_INVALID and what those name. */
export async function loadDefinitions(
  repository: Repository,
  { confirm, frameworksMayMiss = false }: { confirm?: TrustQuestion; frameworksMayMiss?: boolean } = {},
): Promise<Definitions> {
  const bundled = await bundleDefinitions(repository)
  if (!(await trusted(repository, bundled))) {
    if (!confirm || !(await askForTrust(repository, bundled, confirm))) {
      throw new CodebandError('CB_UNTRUSTED', { repo: repository.root, hash: bundled.hash })
    }
  }
  const evaluated = await evaluateDefinitions(repository, bundled, { mayRun: true })
  // A role file that does not compile says more than the configuration that may miss it.
  if (evaluated.diagnostics.some(isError)) throw invalid(evaluated.diagnostics)
  const config = resolveConfig(evaluated.rawConfig, configName(repository, bundled), frameworkNamed)
  await keepDefinitions(repository, bundled)
  return whole(repository, config, evaluated, bundled, { frameworksMayMiss })
}

/** Shows a person what would run and what it could do, and remembers a yes. */
export async function askForTrust(
  repository: Repository,
  bundled: BundledDefinitions,
  confirm: TrustQuestion,
): Promise<boolean> {
  const { hash, files } = bundled
  const after = await inspectCapabilities(repository, bundled)
  const change = after && capabilityChange(await lastCapabilities(repository), after)
  if (!(await confirm({ hash, files, change }))) return false
  await trust(repository.home, hash)
  if (after) await rememberCapabilities(repository, after)
  return true
}

/** What a person trusted once and a task began with runs again as it was, whatever the files say now. */
async function olderDefinitions(
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

/** All that can be known without running what is not trusted. Never throws for what a person wrote. */
export async function inspectDefinitions(repository: Repository): Promise<{
  roles: readonly RoleSummary[]
  roleMap: ReadonlyMap<string, Role>
  diagnostics: readonly Diagnostic[]
  trusted: boolean
  config: ResolvedConfig | undefined
}> {
  const bundled = await bundleDefinitions(repository)
  const mayRun = await trusted(repository, bundled)
  const evaluated = await evaluateDefinitions(repository, bundled, { mayRun })
  const diagnostics = [...evaluated.diagnostics]
  let config: ResolvedConfig | undefined
  const file = configName(repository, bundled)
  try {
    if (mayRun || bundled.configFile === undefined) config = resolveConfig(evaluated.rawConfig, file, frameworkNamed)
  } catch (error) {
    if (!CodebandError.is(error)) throw error
    diagnostics.push({ severity: 'error', code: error.code, message: error.message, file })
  }
  const linted = lint(evaluated, config)
  const roles = [...linted.roles.values()].map((role) => summaryOf(role, linted.sources.get(role.id)!, config))
  return { roles, roleMap: linted.roles, diagnostics: [...diagnostics, ...linted.diagnostics], trusted: mayRun, config }
}

/** What the files of the definitions gave, not believed yet. */
export interface Evaluated {
  given: readonly GivenRole[]
  tools: readonly Tool[]
  rawConfig: object | undefined
  diagnostics: readonly Diagnostic[]
}

/** Runs the bundles: the built-in one always, the repository's own where it may run. Roles given as objects come last. */
export async function evaluateDefinitions(
  repository: Repository,
  { own, builtin, configData }: BundledDefinitions,
  { mayRun, roles = [], tools = [] }: { mayRun: boolean; roles?: readonly Role[]; tools?: readonly Tool[] },
): Promise<Evaluated> {
  const shipped = await (await loaderFor(packageFolder())).run(builtin)
  const nothing = { values: new Map<string, unknown>(), diagnostics: [] }
  const mine = mayRun ? await (await loaderFor(repository.root, shipped.values)).run(own) : nothing
  const { given, doubles } = overlay(shipped.values, mine.values)
  const ids = new Set(roles.map(({ id }) => id))
  const all = [
    ...given.filter((one) => !ids.has(idOf(one) as string)),
    ...roles.map((value) => ({ value, source: 'the options' })),
  ]
  const rawConfig = mayRun ? ((configData ?? mine.values.get('config')) as object | undefined) : undefined
  const found = lintTools(toolsOf(mine.values), tools)
  const ran = [...shipped.diagnostics, ...mine.diagnostics, ...doubles, ...found.diagnostics]
  return {
    given: all,
    tools: found.tools,
    rawConfig,
    diagnostics: [...builtin.diagnostics, ...own.diagnostics, ...ran],
  }
}

const toolsOf = (values: ReadonlyMap<string, unknown>): GivenTool[] =>
  [...values].flatMap(([name, value]) =>
    name.startsWith('tool:') ? [{ value, source: name.slice('tool:'.length) }] : [],
  )

const isError = ({ severity }: Diagnostic): boolean => severity === 'error'

function invalid(diagnostics: readonly Diagnostic[]): CodebandError {
  const errors = diagnostics.filter(isError)
  const problems = errors.map((one) => `  ${showDiagnostic(one)}`).join('\n')
  return new CodebandError('CB_ROLE_INVALID', { count: errors.length, problems })
}

function configName({ root }: Repository, { configFile }: BundledDefinitions): string {
  return configFile === undefined ? 'the defaults' : relative(root, configFile)
}

async function trusted({ home }: Repository, { files, hash }: BundledDefinitions): Promise<boolean> {
  if (files.length === 0 || host().env.CODEBAND_TRUST === hash) return true
  return isTrusted(home, hash)
}

function lint({ given, tools }: Evaluated, config: ResolvedConfig | undefined): ReturnType<typeof lintRoles> {
  return lintRoles(given, {
    frameworks: config && Object.keys(config.frameworks),
    tools: tools.map(({ name }) => name),
  })
}

const idOf = ({ value }: GivenRole): unknown => (value as { id?: unknown } | null | undefined)?.id

/** A role of the repository replaces the built-in of the same id; two of one id in the repository are an error. */
function overlay(
  shipped: ReadonlyMap<string, unknown>,
  mine: ReadonlyMap<string, unknown>,
): { given: GivenRole[]; doubles: Diagnostic[] } {
  const rolesOf = (values: ReadonlyMap<string, unknown>): GivenRole[] =>
    [...values].flatMap(([name, value]) =>
      name.startsWith('role:') ? [{ value, source: name.slice('role:'.length) }] : [],
    )
  const own = rolesOf(mine)
  const doubles = own.flatMap((one, index): Diagnostic[] => {
    const first = own.findIndex((other) => idOf(other) === idOf(one))
    if (first === index || idOf(one) === undefined) return []
    return [
      {
        severity: 'error',
        code: 'duplicate-id',
        message: `the role '${String(idOf(one))}' is already defined in ${own[first]!.source}`,
        file: one.source,
      },
    ]
  })
  const ids = new Set(own.map(idOf))
  return { given: [...rolesOf(shipped).filter((one) => !ids.has(idOf(one))), ...own], doubles }
}

/** The definitions a band can start with. CB_ROLE_INVALID, CB_FRAMEWORK_UNKNOWN, CB_REF_UNKNOWN. */
export function whole(
  repository: Repository,
  config: ResolvedConfig,
  evaluated: Evaluated,
  { definitions, configFile }: Pick<BundledDefinitions, 'definitions' | 'configFile'>,
  given: { frameworksMayMiss?: boolean; roles?: readonly Role[]; tools?: readonly Tool[] } = {},
): Definitions {
  const { roles, diagnostics } = lint(evaluated, config)
  const all = [...evaluated.diagnostics, ...diagnostics]
  if (all.some(isError)) throw invalid(all)
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
    sandbox: config.sandbox,
  }
  const { tools } = evaluated
  return {
    config,
    roles,
    tools,
    policy,
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
  const checks = config.checks.map((argv) => argv.join(' ')).join(', ') || 'no checks are configured'
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

function summaryOf(role: Role, source: string, config: ResolvedConfig | undefined): RoleSummary {
  const { id, description, produces, reviewedBy, spawnableRoles = [] } = role
  const tools = (role.tools ?? []).map((tool) => (typeof tool === 'string' ? tool : tool.name))
  return {
    id,
    description,
    source,
    tools,
    produces,
    reviewedBy,
    spawnableRoles: [...spawnableRoles],
    playedBy: config && role.steps === undefined ? playersOf(id, role, config) : [],
  }
}

function playersOf(id: string, role: Role | undefined, { workers, frameworks }: ResolvedConfig): string[] {
  const named = Object.entries(workers[id] ?? {}).flatMap(([name, count]) => (count > 0 ? [name] : []))
  if (named.length > 0) return named
  return Object.keys(frameworks).filter(
    (name) => role?.frameworks === undefined || Object.hasOwn(role.frameworks, name),
  )
}
