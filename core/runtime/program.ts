import { CodebandError, diskError } from '../errors.ts'
import type { ToolResult } from '../ports/framework.ts'
import { isRejection } from '../protocol/commands.ts'
import { reviewerFamilies } from '../protocol/pairing.ts'
import { lastReviewer, type Task, taskOf } from '../protocol/state.ts'
import { get } from '../protocol/table.ts'
import type { Role } from '../role/role.ts'
import { parse } from '../role/schema.ts'
import { band, type Effect, EffectError } from '../role/steps.ts'
import { visible, visibleJson } from '../role/visible.ts'
import { authored } from './author.ts'
import { hashOf } from './hash.ts'
import { openHolds } from './holds.ts'
import { drive, type EffectAnswer, Halt } from './journal.ts'
import type { Request } from './log.ts'
import { merge } from './merge.ts'
import { capsOf } from './meter.ts'
import { type PlayRequest, play } from './play.ts'
import { fail, ok, type PlayEnd } from './play-end.ts'
import { textOf } from './prompt.ts'
import type { Worker } from './roster.ts'
import type { Runtime } from './runtime.ts'
import { startOf } from './start.ts'
import { reviewInput, subjectOf } from './subject.ts'
import { callTool, commitOf, handOver, modelTurn, type Work } from './work.ts'

/** The program of one task: the conductor's steps, and those of every role they spawn. */
export interface Program {
  run(role: Role, input: unknown): Promise<unknown>
  /** Lets every worker go that a product still holds. */
  close(): void
}

/** Where in the program an effect is asked: the role that asks, and what it may work with. */
interface Scope {
  role: Role
  input: unknown
  depth: number
  /** The depth at which it may spawn no more: the band's limit, or a nearer one of a role above. */
  deepest: number
  /** Framework of the nearest model above. */
  spawner?: string
  /** Place of the nearest budget; undefined: the task's. */
  budget?: string
  /** What the steps of a role that has a worker work on; undefined for steps that only orchestrate. */
  work?: Work
}

export function openProgram(runtime: Runtime, taskId: string): Program {
  const { log, roster, roles, workspaces, clock, config } = runtime
  const holds = openHolds(roster)
  const task = (): Task => taskOf(log.state, taskId)!

  /** Answers an effect: from the journal where it has ended, else by doing it between its two entries. */
  async function perform(effect: Effect, place: string, scope: Scope): Promise<EffectAnswer> {
    if (runtime.stopping.aborted) throw new Halt()
    if (typeof effect?.kind !== 'string')
      throw new TypeError(`the steps of '${scope.role.id}' yielded something that is no effect: write yield* band.…`)
    const summary = { kind: effect.kind, hash: hashOf(effect), ...('role' in effect && { role: effect.role }) }
    const entry = get(task().journal, place)
    if (entry && entry.effect.hash !== summary.hash) {
      throw new CodebandError('CB_DIVERGENCE', { task: taskId, place, now: summary.kind, before: entry.effect.kind })
    }
    if (entry?.end) return entry.end
    if (entry === undefined) await log.must({ type: 'BeginEffect', task: taskId, place, effect: summary })
    const { answer, requests } = await execute(effect, place, scope, entry !== undefined).catch((error: unknown) => {
      if (error instanceof EffectError) return fail(error.outcome, error.reason)
      if (error instanceof Halt || CodebandError.is(error)) throw error
      // A fault of ours is not the task's failure: the task stays as it is, and goes on when the fault is mended.
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      throw diskError(error) ?? new CodebandError('CB_INTERNAL', { detail }, { cause: error })
    })
    return finish(place, answer, requests)
  }

  async function finish(place: string, answer: EffectAnswer, requests: readonly Request[]): Promise<EffectAnswer> {
    const endOf = (end: EffectAnswer): Request =>
      end.ok
        ? { type: 'EndEffect', task: taskId, place, result: end.result }
        : { type: 'FailEffect', task: taskId, place, outcome: end.outcome, reason: end.reason }
    const done = await log.dispatch(...requests, endOf(answer))
    if (!isRejection(done)) return answer
    // The law refused what the turn hands over: the turn still ended, and the program hears why.
    const refused: EffectAnswer = { ok: false, outcome: 'refused', reason: `${done.code}: ${done.reason}` }
    const ends = requests.filter(({ type }) => type === 'EndTurn' || type === 'ReportStrays')
    await log.must(...ends, endOf(refused))
    return refused
  }

  /** `again`: it began in an earlier life of this program, and nobody knows how far it came. */
  async function execute(effect: Effect, place: string, scope: Scope, again: boolean): Promise<PlayEnd> {
    switch (effect.kind) {
      case 'spawn':
        return spawn(effect.role, effect.input, place, scope)
      case 'produce':
        return produce(effect.role, effect.input, place, scope)
      case 'review':
        return review(effect.subject, place, scope)
      case 'merge':
        return plain(await merge(runtime, taskId))
      case 'step':
      case 'stepAll':
        return atWork(scope, effect.kind, async (mine, spawn) =>
          modelTurn(runtime, mine, place, effect.kind === 'stepAll', await spawn()),
        )
      case 'tool':
        return atWork(scope, effect.name, (mine) =>
          callTool(runtime, mine, { name: effect.name, input: effect.input, place, again }),
        )
      case 'sleep': {
        const began = get(task().journal, place)?.at ?? clock.now()
        // A clock that was set back in the meantime makes it no longer than it was.
        const left = Math.min(effect.ms, began + effect.ms - clock.now())
        await clock.sleep(Math.max(0, left), runtime.stopping)
        if (runtime.stopping.aborted) throw new Halt()
        return ok(undefined)
      }
      case 'ask': {
        const answer = await runtime.answer?.(effect.person, effect.question)
        if (answer === undefined)
          throw new Halt({ reason: 'ask', detail: `${scope.role.id} asks ${effect.person}: ${effect.question}` })
        return ok(answer)
      }
      case 'say':
        return {
          answer: { ok: true, result: { mention: effect.mention, text: effect.text } },
          requests: [{ type: 'SendMessage', task: taskId, from: scope.role.id, to: effect.mention, text: effect.text }],
        }
      case 'all':
        throw new CodebandError('CB_INTERNAL', { detail: `'all' reached the performer at ${place}` })
    }
  }

  /** The role, where this scope may ask for it and the input fits; else the refusal, recorded. */
  async function allowed(
    roleId: string,
    input: unknown,
    scope: Scope,
  ): Promise<{ role: Role; input: unknown } | PlayEnd> {
    const role = roles.get(roleId)
    if (role === undefined || !(scope.role.spawnableRoles ?? []).includes(roleId)) {
      const reason = `'${scope.role.id}' may spawn ${(scope.role.spawnableRoles ?? []).map((id) => `'${id}'`).join(', ') || 'nobody'}, not '${roleId}'`
      return refuse('not-spawnable', reason, scope, input)
    }
    if (scope.depth >= scope.deepest)
      return refuse('depth', `spawning is ${scope.depth} deep here, and may go no deeper`, scope, input)
    if (role.input === undefined) return { role, input: input ?? {} }
    const parsed = parse(role.input, input)
    return parsed.ok
      ? { role, input: parsed.value }
      : fail('refused', `the input of '${roleId}' does not fit: ${parsed.problems}`)
  }

  function refuse(code: string, reason: string, { role: { id } }: Scope, input: unknown): PlayEnd {
    const what = { worker: id, role: id, tool: 'spawn_roles', code, reason, inputHash: hashOf(input) }
    return { ...fail('refused', `${code}: ${reason}`), requests: [{ type: 'RecordViolation', task: taskId, ...what }] }
  }

  async function spawn(roleId: string, given: unknown, place: string, scope: Scope): Promise<PlayEnd> {
    const asked = await allowed(roleId, given, scope)
    if ('answer' in asked) return asked
    const { base, commit, diff, spawner } = await standpoint(scope)
    const worker = holds.lazy({ role: asked.role, place, spawner, families: judges(asked.role, scope) })
    const request = { ...work(asked, base, commit), purpose: 'play' as const, diff }
    try {
      return await playRole(place, asked.role, { ...scope, spawner }, request, worker.get)
    } finally {
      worker.free()
    }
  }

  /** Who may play a second reviewer that a review asks: as the first one, nobody of the families that wrote it. */
  function judges(role: Role, { work: mine }: Scope): readonly string[] | undefined {
    if (role.produces !== 'verdict' || mine?.request.purpose !== 'review') return undefined
    const { families } = task().subjects[mine.request.subject!]!
    return reviewerFamilies(roster.families(), families, task().policy.opposition)
  }

  /** What a spawned role sees: what its spawner works on, with the change as it is by then; without such work, the task's base. */
  async function standpoint({ work: mine, spawner }: Scope): Promise<{
    base: string
    commit: string
    diff?: string
    spawner?: string
  }> {
    const base = mine?.request.base ?? task().base!
    if (mine === undefined) return { base, commit: base, spawner }
    const commit = commitOf(runtime, mine)
    if (mine.request.role.produces !== 'change' || commit === base)
      return { base, commit, diff: mine.request.diff, spawner }
    const diff = await workspaces.patch(base, commit, 256 * 1024)
    return { base, commit, diff, spawner: (await mine.worker()).frameworkName }
  }

  async function produce(roleId: string, given: unknown, place: string, scope: Scope): Promise<PlayEnd> {
    const asked = await allowed(roleId, given, scope)
    if ('answer' in asked) return asked
    const { role, input } = asked
    if (role.produces !== 'plan' && role.produces !== 'change')
      return fail('refused', `'${roleId}' produces nothing that can be reviewed`)
    const subject = subjectOf(role, input)
    const made = { task: taskId, subject, role, place, spawner: scope.spawner }
    return authored(runtime, holds, made, async (worker, start) => {
      const { base, commit } = await startOf(runtime, task(), subject, input, start)
      return playRole(place, role, scope, { ...work(asked, base, commit), purpose: 'produce', subject }, worker)
    })
  }

  async function review(subjectId: string, place: string, scope: Scope): Promise<PlayEnd> {
    const subject = task().subjects[subjectId]
    const author = subject && roles.get(subject.role)
    const role = author?.reviewedBy === undefined ? undefined : roles.get(author.reviewedBy)
    if (subject === undefined || role === undefined)
      return fail('refused', `'${subject?.role ?? subjectId}' has no 'reviewedBy': nothing of it can be approved`)
    const families = reviewerFamilies(roster.families(), subject.families, task().policy.opposition)
    const worker = holds.lazy({
      role,
      place,
      families,
      prefer: lastReviewer(task(), subjectId),
      spawner: scope.spawner,
    })
    const diff = subject.kind === 'change' ? await workspaces.patch(subject.base!, subject.on, 256 * 1024) : undefined
    const given = reviewInput(subject, diff)
    const parsed = role.input === undefined ? { ok: true as const, value: given } : parse(role.input, given)
    if (!parsed.ok) return fail('refused', `the input of '${role.id}' does not fit: ${parsed.problems}`)
    const base = subject.base ?? task().base!
    const commit = subject.kind === 'change' ? subject.on : base
    try {
      const request = {
        ...work({ role, input: parsed.value }, base, commit),
        purpose: 'review' as const,
        subject: subjectId,
        on: subject.on,
        diff,
      }
      const end = await playRole(place, role, scope, request, worker.get)
      const approved = end.answer.ok && (end.answer.result as { approved: boolean }).approved
      if (approved || !end.answer.ok) holds.letGo(subjectId)
      return end
    } finally {
      worker.free()
    }
  }

  function work(
    { role, input }: { role: Role; input: unknown },
    base: string,
    commit: string,
  ): Omit<Work['request'], 'purpose'> {
    return {
      task: taskId,
      role,
      input,
      base,
      commit,
      spawn: async () => noSpawn,
      ask: async (question) => answerTool(question),
    }
  }

  /** Lets a model play the role, or its steps where it has any. */
  async function playRole(
    place: string,
    role: Role,
    above: Scope,
    request: Work['request'],
    worker: () => Promise<Worker>,
  ): Promise<PlayEnd> {
    const budget = await budgetOf(place, role, above)
    const scope = { ...above, budget }
    if (role.steps === undefined) {
      const one = await worker()
      return play(runtime, {
        ...request,
        budget,
        worker: one,
        place,
        handsOver: true,
        toTheEnd: true,
        spawn: spawnTool(place, role, scope, request.input, one),
      })
    }
    const prefix = `${place}/${role.id}/`
    const inner: Scope = {
      role,
      input: request.input,
      ...below(scope, role),
      spawner: scope.spawner,
      budget,
      work: { request: { ...request, budget }, worker, prefix },
    }
    const value = await drive(
      stepsOf(role, request, request.subject),
      prefix,
      (effect, at) => perform(effect, at, inner),
      most(role),
    )
    return handOver(runtime, inner.work!, value)
  }

  /** Place of the budget that pays for a playing of this role: its own, where it has limits. */
  async function budgetOf(place: string, { limits }: Role, { budget }: Scope): Promise<string | undefined> {
    const caps = capsOf(limits ?? {})
    if (Object.keys(caps).length === 0) return budget
    await log.must({ type: 'OpenBudget', task: taskId, place, parent: budget, caps })
    return place
  }

  function stepsOf(
    role: Role,
    { input }: { input: unknown },
    subject?: string,
  ): ReturnType<NonNullable<Role['steps']>> {
    const last = subject === undefined ? undefined : task().subjects[subject]
    const base = {
      task: textOf(task().text, input),
      worker: role.id,
      round: (last?.rounds ?? 0) + 1,
      feedback: last?.feedback ?? '',
      band,
    }
    return role.steps!({ ...(input as object), ...base })
  }

  /** An effect that needs a model or its worktree: only a role that is being played has one. */
  async function atWork(
    scope: Scope,
    what: string,
    act: (work: Work, spawn: () => Promise<PlayRequest['spawn']>) => Promise<PlayEnd>,
  ): Promise<PlayEnd> {
    const { work: mine, role, input } = scope
    if (mine === undefined) return fail('refused', `'${role.id}' orchestrates: it has no worker for '${what}'`)
    return act(mine, async () => spawnTool(mine.prefix, role, scope, input, await mine.worker()))
  }

  /** `spawn_roles` of a model: the same spawn, as a tool call inside the turn. It is journaled with the turn, not by itself. */
  function spawnTool(place: string, role: Role, scope: Scope, input: unknown, worker: Worker): PlayRequest['spawn'] {
    let count = 0
    return async (roleId, given) => {
      const inner: Scope = { ...below(scope, role), role, input, budget: scope.budget, spawner: worker.frameworkName }
      const { answer, requests } =
        count >= most(role)
          ? refuse('quota', tooMany(count + 1, role), inner, given)
          : await spawn(roleId, given, `${place}/${role.id}.${count++}`, inner)
      if (requests.length > 0) await log.must(...requests)
      return shown({ answer, requests })
    }
  }

  function shown({ answer }: PlayEnd): ToolResult {
    return answer.ok
      ? { ok: true, output: visibleJson(JSON.stringify(answer.result ?? null)) }
      : { ok: false, output: visible(`${answer.outcome}: ${answer.reason}`) }
  }

  /** How many roles one turn, or one step of a program, may spawn. */
  function most({ limits }: Role): number {
    return Math.min(config.limits.fanOut, limits?.fanOut ?? Number.POSITIVE_INFINITY)
  }

  const tooMany = (count: number, role: Role): string =>
    `'${role.id}' asks for ${count} at once; 'fanOut' lets it spawn ${most(role)}`

  async function answerTool(question: string): Promise<ToolResult> {
    const answer = await runtime.answer?.('human', question)
    return answer === undefined
      ? { ok: false, output: 'No person is there to answer; decide by yourself and say so.' }
      : { ok: true, output: visible(answer) }
  }

  return {
    run: (role, input) => {
      const scope: Scope = {
        role,
        input,
        depth: 0,
        deepest: Math.min(config.limits.depth, role.limits?.depth ?? Infinity),
      }
      return drive(
        stepsOf(role, { input }),
        `${role.id}/`,
        (effect, place) => perform(effect, place, scope),
        most(role),
      )
    },
    close: () => holds.letAllGo(),
  }
}

const noSpawn: ToolResult = { ok: false, output: 'denied (not-spawnable)' }
const plain = (answer: EffectAnswer): PlayEnd => ({ answer, requests: [] })

/** Where a role that is played from this scope stands. */
function below({ depth, deepest }: Scope, { limits }: Role): Pick<Scope, 'depth' | 'deepest'> {
  return { depth: depth + 1, deepest: Math.min(deepest, depth + 1 + (limits?.depth ?? Number.POSITIVE_INFINITY)) }
}
