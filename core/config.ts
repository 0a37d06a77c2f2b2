import { z } from 'zod'
import { readHost } from './boundary/host.ts'
import { protection } from './boundary/protected.ts'
import { CodebandError } from './errors.ts'
import type { Framework } from './ports/framework.ts'
import type { CommandLimits } from './ports/sandbox.ts'
import type { ChangeLimits } from './ports/workspace.ts'

/** `codeband.config.ts`. Every option of a band gets its default here and nowhere else. */
export interface Config {
  /** What may play roles, by the name that workers and traces use. In YAML or JSON: the framework's name, or `{ use, ...options }`. */
  frameworks?: Readonly<Record<string, Framework | FrameworkByName>>
  /** How many workers of a role run on which framework. A role without an entry is played on demand. */
  workers?: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Commands that make a fresh worktree ready, as argv; they reach the hosts of `network`. */
  setup?: readonly (readonly string[])[]
  /** Hosts that `setup` may reach: `example.com` (port 443), `example.com:8080`, `*.example.com` (every name below it). Default:
   *  `packageRegistries`. Where `registry.npmjs.org` is among them, so is the registry that npm_config_registry names instead. */
  network?: readonly string[]
  /** Commands that must pass on the merged tree: as argv, judged by the exit code, or with a report that names every test. */
  checks?: readonly (readonly string[] | Check)[]
  merge?: {
    /** The branch that changes land on; default: the one checked out. */
    into?: string
    /** Risk up to which nothing asks a person; default 'low'. */
    autoMerge?: 'none' | 'low' | 'medium' | 'high' | 'critical'
    /** Most changes in one candidate; default 8. */
    batch?: number
  }
  /** Default 'required'. */
  sandbox?: 'required' | 'if-available' | 'off'
  /** 'waived' lets the same family review, marks everything it touches, and leaves every landing to a person. */
  review?: { opposition?: 'required' | 'waived' }
  limits?: {
    /** Producer-and-reviewer cycles of one product; default 3. */
    rounds?: number
    /** Repeated turns after failures at one place; default 3. */
    retries?: number
    /** Failures of the world in a row (a client that crashes, a model API that is overloaded), after which the task waits; default 5.
     *  They burn no retry. */
    outages?: number
    /** Turns of one task; default 500. */
    turns?: number
    /** Input and output tokens of one task; default: no cap. */
    tokens?: number
    /** US dollars of one task, where the clients say what a turn costs; default: no cap. */
    usd?: number
    /** Minutes of all turns of one task, added up; default: no cap. */
    minutes?: number
    /** Minutes of one turn; default 60. */
    turnMinutes?: number
    /** Minutes without a sign of life (text, a call, usage) after which a turn is interrupted; default 15. */
    silentMinutes?: number
    /** How often the same call may fail in a turn that changes nothing meanwhile; default 5. */
    repeats?: number
    /** Calls of one turn that are denied at the boundary, after which the turn ends as refused; default 20. */
    violations?: number
    /** Minutes between reminders of an approval that waits; default 60. */
    remindMinutes?: number
    /** Tasks that are driven at once; default 4. */
    tasks?: number
    /** Roles that one turn, or one step of a program, may spawn; default 64. */
    fanOut?: number
    /** Minutes of one command (a test run, a check, a setup step); default 10. */
    commandMinutes?: number
    /** Depth of spawning; default 8. */
    depth?: number
    /** Mebibytes of memory of one command with all its processes; default 8192. */
    memoryMb?: number
    /** Processes and threads of one command at once; default 2048. */
    processes?: number
    /** Mebibytes of the largest file that a command may write; default 4096. */
    fileMb?: number
    /** Mebibytes that must stay free on the disk while a command runs; below it the command is stopped. Default 512. */
    freeMb?: number
    /** Most files of one change, deleted ones included; default 5000. A turn that leaves more is void. */
    changeFiles?: number
    /** Mebibytes of all files that one change adds or edits; default 256. A turn that leaves more is void. */
    changeMb?: number
  }
}

/** A command that must pass, and says which tests it ran. */
export interface Check {
  /** As argv. */
  command: readonly string[]
  /** The file that it writes, relative to the worktree: `.xml` is JUnit, `.tap` is TAP. The check passes only if the command ends with 0
   *  and this report names at least one test that passed and none that failed. Tests that passed on the base and do not run any more are
   *  high risk. */
  report?: string
}

export type FrameworkByName = string | { readonly use: string; readonly [option: string]: unknown }

/** A configuration with every default filled in. */
export interface ResolvedConfig {
  frameworks: Readonly<Record<string, Framework>>
  workers: Readonly<Record<string, Readonly<Record<string, number>>>>
  setup: readonly (readonly string[])[]
  network: readonly string[]
  checks: readonly Check[]
  merge: { into?: string; autoMerge: 'none' | 'low' | 'medium' | 'high' | 'critical'; batch: number }
  sandbox: 'required' | 'if-available' | 'off'
  review: { opposition: 'required' | 'waived' }
  limits: Bounds & CommandLimits & ChangeLimits
}

type Limits = NonNullable<Config['limits']>
type Bounds = Pick<Limits, 'tokens' | 'usd' | 'minutes'> &
  Required<Omit<Limits, 'tokens' | 'usd' | 'minutes' | keyof CommandLimits | keyof ChangeLimits>>

/** Types a configuration; gives it back as it is. */
export function defineConfig(config: Config): Config {
  return config
}

/** Where package managers fetch from: the default of `network`. Anybody may publish there, so these hosts are no wall around what `setup`
 *  runs. Hosts of repositories, models and pastes, where that takes one request, are not among them. */
export const packageRegistries: readonly string[] = [
  'registry.npmjs.org',
  'registry.yarnpkg.com',
  'pypi.org',
  'files.pythonhosted.org',
  'index.crates.io',
  'static.crates.io',
  'proxy.golang.org',
  'sum.golang.org',
  'rubygems.org',
  'index.rubygems.org',
  'repo.maven.apache.org',
  'repo1.maven.org',
]

const argv = z.array(z.string().min(1)).min(1)
const host = z.string().superRefine((entry, context) => {
  const read = readHost(entry)
  if (typeof read === 'string') context.addIssue({ code: 'custom', message: `${JSON.stringify(entry)} ${read}` })
})
const count = z.number().int().positive()
const report = z.string().superRefine((path, context) => {
  const problem = reportProblem(path)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})
const checkWithReport = z.strictObject({ command: argv, report: report.optional() })
/** Both forms become one. Not a union, whose message would say nothing. */
const check = z.unknown().transform((value, context): Check => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const parsed = isObject ? checkWithReport.safeParse(value) : argv.safeParse(value)
  if (parsed.success) return 'command' in parsed.data ? parsed.data : { command: parsed.data }
  for (const { path, message } of parsed.error.issues)
    context.addIssue({ code: 'custom', path: [...path], message, input: value })
  return z.NEVER
})
const framework = z.custom<Framework>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Framework).start === 'function' &&
    typeof (value as Framework).family === 'string',
  'is not a framework: give claude(), codex(), ... or its name',
)

const commandLimits = {
  memoryMb: count.default(8192),
  processes: count.default(2048),
  fileMb: count.default(4096),
  freeMb: z.number().int().min(0).default(512),
}
const changeLimits = { changeFiles: count.default(5000), changeMb: count.default(256) }

/** The limits of a command where no configuration has a say: definitions that are looked at before they are trusted. */
export const defaultCommandLimits: CommandLimits = z.object(commandLimits).parse({})

const schema = z.strictObject({
  frameworks: z.record(z.string().regex(/^[a-z][a-z0-9]*$/, 'lower-case letters and digits'), framework).default({}),
  workers: z.record(z.string(), z.record(z.string(), z.number().int().min(0).max(100))).default({}),
  setup: z.array(argv).default([]),
  network: z.array(host).default([...packageRegistries]),
  checks: z.array(check).default([]),
  merge: z
    .strictObject({
      into: z.string().min(1).optional(),
      autoMerge: z.enum(['none', 'low', 'medium', 'high', 'critical']).default('low'),
      batch: count.max(64).default(8),
    })
    .prefault({}),
  sandbox: z.enum(['required', 'if-available', 'off']).default('required'),
  review: z.strictObject({ opposition: z.enum(['required', 'waived']).default('required') }).prefault({}),
  limits: z
    .strictObject({
      rounds: count.default(3),
      retries: z.number().int().min(0).default(3),
      outages: z.number().int().min(0).default(5),
      turns: count.default(500),
      tokens: count.optional(),
      usd: z.number().positive().optional(),
      minutes: z.number().positive().optional(),
      turnMinutes: z.number().positive().default(60),
      silentMinutes: z.number().positive().default(15),
      repeats: count.min(2).default(5),
      violations: count.default(20),
      remindMinutes: z.number().positive().default(60),
      tasks: count.max(64).default(4),
      fanOut: count.default(64),
      commandMinutes: z.number().positive().default(10),
      depth: count.default(8),
      ...commandLimits,
      ...changeLimits,
    })
    .prefault({}),
})

/** Why no report can be written there, with the cure. */
function reportProblem(path: string): string | undefined {
  const instead = "write a path inside the worktree, such as 'reports/junit.xml'"
  if (/[\p{Cc}\\]/u.test(path)) return `'${path}' holds a backslash or a control character: ${instead}`
  if (/^(\/|[A-Za-z]:)/.test(path)) return `'${path}' is absolute: ${instead}`
  if (path.split('/').includes('..')) return `'${path}' may leave the worktree: ${instead}`
  if (path.split('/').some((part) => part === '' || part === '.')) return `'${path}' is no plain path: ${instead}`
  const rule = protection(path)
  if (rule) return `'${path}' lies at '${rule.name}', which is protected: ${instead}`
  if (!/\.(xml|tap)$/.test(path)) return `'${path}' ends neither with .xml (JUnit) nor with .tap (TAP): ${instead}`
  return undefined
}

/** The configuration checked and completed. `named` makes the frameworks that are given by name. CB_CONFIG_INVALID, CB_FRAMEWORK_UNKNOWN. */
export function resolveConfig(
  config: unknown,
  file: string,
  named: (name: string, options: object) => Framework | undefined,
): ResolvedConfig {
  const raw = (config ?? {}) as { frameworks?: Record<string, unknown> }
  const frameworks = Object.fromEntries(
    Object.entries(raw.frameworks ?? {}).map(([key, value]) => {
      const { use, ...options } = typeof value === 'string' ? { use: value } : ((value ?? {}) as { use?: string })
      return [key, typeof use === 'string' ? (named(use, options) ?? value) : value]
    }),
  )
  const result = schema.safeParse(raw.frameworks === undefined ? raw : { ...raw, frameworks })
  if (!result.success) {
    const problems = result.error.issues
      .map(({ path, message }) => `\n  ${path.join('.') || 'configuration'}: ${message}`)
      .join('')
    throw new CodebandError('CB_CONFIG_INVALID', { file, problems })
  }
  const known = Object.keys(result.data.frameworks)
  for (const [role, counts] of Object.entries(result.data.workers)) {
    for (const name of Object.keys(counts)) {
      if (!known.includes(name))
        throw new CodebandError('CB_FRAMEWORK_UNKNOWN', {
          where: `'workers.${role}'`,
          name,
          known: known.join(', ') || 'none',
        })
    }
  }
  return result.data
}
