import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Config, resolveConfig } from '../core/config.ts'
import { CodebandError } from '../core/errors.ts'
import type { EffectFailure } from '../core/protocol/events.ts'
import { taskOf } from '../core/protocol/state.ts'
import { get } from '../core/protocol/table.ts'
import { type Diagnostic, showDiagnostic } from '../core/role/diagnostic.ts'
import { lintRoles } from '../core/role/lint.ts'
import { lintTools } from '../core/role/lint-tools.ts'
import type { Role, RoleDefinition, StepsContext } from '../core/role/role.ts'
import type { InputOf, OutputOf, Schema } from '../core/role/schema.ts'
import type { Tool } from '../core/role/tool.ts'
import type { TaskResult } from '../core/runtime/band.ts'
import { type ScriptFunction, type ScriptTurn, scripted } from './frameworks/scripted.ts'
import { host } from './host.ts'
import { type EffectSeen, openRecord, type PromptSeen, type ToolCallSeen } from './testing/record.ts'
import { changedPaths, textFiles } from './testing/text-files.ts'

export type { EffectSeen, PromptSeen, ToolCallSeen }

/** One turn of a model; without `role` it is a turn of the role under test. docs/scripted.md has the steps. */
export type PlayTurn = Omit<ScriptTurn, 'role'> & { role?: string }

export interface PlayOptions<I = unknown> {
  /** What the role is asked with; checked as in a band. */
  input?: I
  /** What the models say and call, of every role that is played. Without it no model may speak. */
  script?: readonly PlayTurn[] | ScriptFunction
  /** The repository: path to text. */
  files?: Readonly<Record<string, string>>
  /** Roles it may spawn or that review it, besides those that ship; one of the same id replaces it. */
  roles?: readonly Role[]
  /** Tools of the project's own. */
  tools?: readonly Tool[]
  /** The text of the task; default: 'Play <id>'. */
  task?: string
  /** A person's answers; without it a question parks the task. */
  answer?: (person: string, question: string) => Promise<string | undefined> | string | undefined
  /** Checks, limits and the like. The frameworks are scripted ones in the place of `claude` and `codex`. */
  config?: Omit<Config, 'frameworks' | 'workers'>
}

export interface Played<O = unknown> {
  /** What it gave, parsed; undefined where the outcome is another than 'success'. */
  output: O | undefined
  outcome: 'success' | EffectFailure | 'parked'
  reason: string
  /** What each turn was prompted with, in order. */
  prompts: readonly PromptSeen[]
  /** Every tool call of every role, in order. */
  calls: readonly ToolCallSeen[]
  /** What its steps, and those of roles it spawned, asked of the runtime. */
  effects: readonly EffectSeen[]
  /** Path to text: the branch if something landed on it, else what the role's own worktree holds. */
  files: Readonly<Record<string, string>>
  /** Paths that differ from the files given, sorted. */
  changed: readonly string[]
}

/** Plays one role to its end through the real runtime: gate, worktrees, sandbox where there is one, the law. Only the models are
 *  scripted, and the log lives in memory; everything is gone afterwards. What a model or the role does wrong is in the result.
 *  CB_ROLE_INVALID, CB_ROLE_UNKNOWN, CB_CONFIG_INVALID, CB_SCRIPT_INVALID, CB_OPPOSITION_IMPOSSIBLE. */
export async function playRole<I extends Schema, O extends Schema>(
  role: RoleDefinition<I, O>,
  options: PlayOptions<InputOf<I>> = {},
): Promise<Played<OutputOf<O>>> {
  // Late, because a loader that offers this module to role files has no use for them.
  const { createRepository } = await import('./create-repository.ts')
  const { memoryEventStore } = await import('./event-stores/memory.ts')
  const { openBand } = await import('./open-band.ts')
  const { input, script = [], files: given = {}, answer, task = `Play ${role.id}` } = options
  // git keeps no empty commit without being told so.
  const files = Object.keys(given).length > 0 ? given : { '.gitkeep': '' }
  const frameworks = frameworksFor(role.id, script)
  const config = resolveConfig(
    { sandbox: 'if-available', ...options.config, frameworks },
    'the options of playRole',
    () => undefined,
  )
  const shipped = Object.values(await import('./roles.ts')) as Role[]
  const { roles, tools } = definitionsOf(role, { ...options, shipped }, Object.keys(frameworks))
  // A conductor is a program of its own; every other role is spawned by one.
  const isConductor = role.id === 'conductor'
  if (!isConductor) roles.set('conductor', spawnerOf(role, input))

  const place = await mkdtemp(join(await realpath(tmpdir()), 'codeband-play-'))
  try {
    const root = join(place, 'repo')
    await writeFiles(root, files)
    await createRepository(root, { branch: 'main', message: 'start' })
    const record = openRecord(isConductor ? '' : 'conductor/0/')
    const { merge, review, limits, sandbox } = config
    const band = await openBand({
      root,
      home: join(place, 'home'),
      host: host(),
      store: memoryEventStore(),
      config,
      roles,
      tools,
      policy: {
        definitions: 'playRole',
        target: 'main',
        opposition: review.opposition,
        autoMerge: merge.autoMerge,
        rounds: limits.rounds,
        retries: limits.retries,
        sandbox,
      },
      wait: false,
      ...(answer && { answer: async (person: string, question: string) => answer(person, question) }),
      by: 'a test',
    })
    try {
      band.on('event', record.take)
      const result = await band.run(task)
      const end = isConductor ? undefined : get(taskOf(band.state, result.task)!.journal, 'conductor/0')?.end
      const worker = record.workerOf(role.id)
      const folder = result.landed.length > 0 || worker === undefined ? root : join(place, 'home', 'worktrees', worker)
      const after = await textFiles(folder)
      const { prompts, calls, effects } = record
      return {
        ...endOf<OutputOf<O>>(result, end),
        prompts,
        calls,
        effects,
        files: after,
        changed: changedPaths(files, after),
      }
    } finally {
      await band.close()
    }
  } finally {
    await rm(place, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Two families, so that a reviewer is found; both read the same script. */
function frameworksFor(roleId: string, script: readonly PlayTurn[] | ScriptFunction) {
  const source =
    typeof script === 'function'
      ? script
      : { turns: script.map((turn) => ({ role: roleId, ...turn }) satisfies ScriptTurn) }
  return {
    claude: scripted({ id: 'claude', family: 'anthropic', script: source }),
    codex: scripted({ id: 'codex', family: 'openai', script: source }),
  }
}

function spawnerOf(role: RoleDefinition<Schema, Schema> | Role, input: unknown): Role {
  return {
    id: 'conductor',
    description: `Plays ${role.id} once.`,
    spawnableRoles: [role.id],
    *steps({ band }: StepsContext) {
      return yield* band.spawn(role as Role, input ?? {})
    },
  }
}

/** The roles and tools of the band, refused as a band refuses them. */
function definitionsOf(
  role: RoleDefinition<Schema, Schema> | Role,
  {
    roles: others = [],
    tools: given = [],
    shipped,
  }: Pick<PlayOptions, 'roles' | 'tools'> & { shipped: readonly Role[] },
  names: readonly string[],
): { roles: Map<string, Role>; tools: readonly Tool[] } {
  const byId = withReach([...others, role], shipped)
  const tools = lintTools(
    given.map((value) => ({ value, source: 'tools' })),
    [],
  )
  const linted = lintRoles(
    [...byId.values()].map((value) => ({
      value: playable(value, names),
      source: value === role ? 'the role' : 'roles',
    })),
    { frameworks: names, tools: tools.tools.map(({ name }) => name) },
  )
  const errors = [...tools.diagnostics, ...linted.diagnostics].filter(
    ({ severity }: Diagnostic) => severity === 'error',
  )
  if (errors.length > 0) {
    const problems = errors.map((one) => `  ${showDiagnostic(one)}`).join('\n')
    throw new CodebandError('CB_ROLE_INVALID', { count: errors.length, problems })
  }
  return { roles: linted.roles, tools: tools.tools }
}

/** By id, and with them the roles that ship, as far as they lead to them: the rest may not fit what a test puts in their place. */
function withReach(given: readonly Role[], shipped: readonly Role[]): Map<string, Role> {
  const all = new Map(given.map((one) => [one.id, one]))
  // What is added while it runs is visited too.
  for (const { spawnableRoles = [], reviewedBy } of all.values()) {
    for (const id of [...spawnableRoles, reviewedBy]) {
      const one = shipped.find((other) => other.id === id)
      if (one !== undefined && !all.has(one.id)) all.set(one.id, one)
    }
  }
  return all
}

/** A role that only other frameworks may play is played by any of ours. */
function playable(role: Role, names: readonly string[]): Role {
  const may = Object.entries(role.frameworks ?? {}).filter(([name]) => names.includes(name))
  return role.frameworks === undefined
    ? role
    : { ...role, frameworks: may.length === 0 ? undefined : Object.fromEntries(may) }
}

function endOf<O>(
  { outcome, reason, pending }: TaskResult,
  end: { ok: true; result: unknown } | { ok: false; outcome: EffectFailure; reason: string } | undefined,
): Pick<Played<O>, 'output' | 'outcome' | 'reason'> {
  if (end?.ok) return { output: end.result as O, outcome: 'success', reason: '' }
  if (end) return { output: undefined, outcome: end.outcome, reason: end.reason }
  const own = outcome === 'escalated' ? 'escalate' : outcome === 'stopped' ? 'cancelled' : outcome
  const waits = pending.map(({ risk, reasons }) => `a person decides on risk ${risk}: ${reasons.join('; ')}`).join('; ')
  return { output: undefined, outcome: own, reason: own === 'success' ? '' : waits || reason }
}

async function writeFiles(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}
