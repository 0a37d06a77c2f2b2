import { type Config, resolveConfig } from '../core/config.ts'
import { CodebandError } from '../core/errors.ts'
import type { Role } from '../core/role/role.ts'
import type { Tool } from '../core/role/tool.ts'
import { type Host, host } from './host.ts'
import type { Band } from './open-band.ts'

export type { Config, ResolvedConfig } from '../core/config.ts'
export type { ErrorCode } from '../core/errors.ts'
export {
  type Adjustments,
  type Approval,
  type BuiltinTool,
  type ChangeProduct,
  type Check,
  type Clock,
  CodebandError,
  type Diagnostic,
  defineConfig,
  defineRole,
  defineTool,
  type Effect,
  EffectError,
  type Event,
  type EventStore,
  errors,
  type Failure,
  Finding,
  type Framework,
  type FrameworkCheck,
  type JsonSchema,
  type Landing,
  type Limits,
  type McpServer,
  type MergeReport,
  Plan,
  packageRegistries,
  type Recorded,
  Risk,
  type Role,
  type RoleDefinition,
  type Roles,
  type Sandbox,
  type Schema,
  type Session,
  type SessionOptions,
  type SessionTool,
  type State,
  type Steps,
  type StepsBand,
  type StepsContext,
  Subtask,
  type Task,
  type TaskOutcome,
  type TaskResult,
  type Tool,
  type ToolContext,
  type ToolGrant,
  type ToolName,
  type ToolResult,
  type Tools,
  type TurnContext,
  type TurnEvent,
  type Usage,
  Verdict,
  type Workspaces,
  type Worktree,
  z,
} from '../core/index.ts'
export { version } from '../core/version.ts'
export type { Band } from './open-band.ts'

/** The configuration of a band given by a program, and what a program decides besides. */
export interface BandOptions extends Config {
  /** A path inside the repository. */
  repo: string
  /** Roles given as objects: they replace built-ins of the same id and need no trust. */
  roles?: readonly Role[]
  tools?: readonly Tool[]
  /** Loads `.agents/` and the configuration of the repository, if their hash is this one; the options here go before the
   *  configuration. Without it the repository's own definitions are not looked at. */
  trust?: string
  /** Where the band keeps its state; default: as for the command line. */
  home?: string
  /** True: `run` waits for a person where one must decide. Default false: the task parks. */
  wait?: boolean
  /** Brings a question of an agent to a person. */
  answer?: (person: string, question: string) => Promise<string | undefined>
  /** Who gives tasks and approvals; default: the user of this process. */
  by?: string
  /** Variables that frameworks may ask for by name; default: those of this process. */
  env?: Readonly<Record<string, string | undefined>>
}

/** A band that leads a repository until it is closed. Installs no signal handlers and prints nothing.
 *  CB_NOT_A_REPO, CB_BAND_BUSY, CB_UNTRUSTED, CB_CONFIG_INVALID, CB_ROLE_INVALID, CB_OPPOSITION_IMPOSSIBLE, CB_SANDBOX_MISSING, CB_SANDBOX_LEAKS. */
export async function createBand(options: BandOptions): Promise<Band> {
  const { repo, roles = [], tools = [], trust, home, wait = false, answer, by, env, ...given } = options
  const { openRepository } = await import('./repository.ts')
  const { bundleDefinitions, keepDefinitions } = await import('./definitions/bundle.ts')
  const { evaluateDefinitions, whole } = await import('./definitions/load.ts')
  const { keepWarm } = await import('./definitions/keep-warm.ts')
  const { frameworkNamed } = await import('./definitions/frameworks-by-name.ts')
  const { openBand } = await import('./open-band.ts')
  const { openStore } = await import('./repository-log.ts')
  const surroundings: Host = { ...host(), ...(env && { env }) }
  const repository = await openRepository(repo, home)
  const bundled = await bundleDefinitions(repository)
  if (trust !== undefined && trust !== bundled.hash) {
    throw new CodebandError('CB_UNTRUSTED', { repo: repository.root, hash: bundled.hash })
  }
  const evaluated = await evaluateDefinitions(repository, bundled, { mayRun: trust !== undefined, roles, tools })
  const config = resolveConfig({ ...evaluated.rawConfig, ...given }, 'the options of createBand', frameworkNamed)
  const definitions = whole(repository, config, evaluated, bundled, { roles, tools })
  if (trust !== undefined) {
    await keepDefinitions(repository, bundled)
    await keepWarm(repository, bundled)
  }
  const store = openStore(repository)
  try {
    return await openBand({
      ...repository,
      ...definitions,
      host: surroundings,
      store,
      wait,
      answer,
      by: by ?? surroundings.user,
    })
  } catch (error) {
    await store.close()
    throw error
  }
}
