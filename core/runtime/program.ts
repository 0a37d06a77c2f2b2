import { CodebandError } from '../errors.ts'
import type { ToolResult } from '../ports/framework.ts'
import { isRejection } from '../protocol/commands.ts'
import { reviewerFamilies } from '../protocol/pairing.ts'
import type { Subject, Task, Turn } from '../protocol/state.ts'
import type { Plan, Verdict } from '../role/products.ts'
import type { Role } from '../role/role.ts'
import { parse } from '../role/schema.ts'
import { band, type Effect, EffectError } from '../role/steps.ts'
import { hashOf } from './hash.ts'
import { drive, type EffectAnswer, Halt } from './journal.ts'
import type { Request } from './log.ts'
import { merge } from './merge.ts'
import { answerOf, authorOf, changeTitle, type PlayEnd, type PlayRequest, play, submitPlan } from './play.ts'
import type { Wanted, Worker } from './roster.ts'
import type { Runtime } from './runtime.ts'
import { openSeat } from './seat.ts'

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
  /** Framework of the nearest model above. */
  spawner?: string
  /** What the steps of a role that has a worker work on; undefined for steps that only orchestrate. */
  work?: Work
}

/** The one product that a role's steps make: their model turns share a worker, and each starts where the last one ended. */
interface Work {
  request: Omit<PlayRequest, 'worker' | 'place' | 'handsOver' | 'toTheEnd'>
  worker(): Promise<Worker>
  /** Places of this playing begin with it. */
  prefix: string
}

export function openProgram(runtime: Runtime, taskId: string): Program {
  const { log, roster, roles, workspaces, clock, config } = runtime
  /** Workers that a product keeps over its rounds. */
  const held = new Map<string, Worker>()
  const task = (): Task => log.state.tasks[taskId]!

  /** Answers an effect: from the journal where it has ended, else by doing it between its two entries. */
  async function perform(effect: Effect, place: string, scope: Scope): Promise<EffectAnswer> {
    if (runtime.stopping.aborted) throw new Halt()
    if (typeof effect?.kind !== 'string')
      throw new TypeError(`the steps of '${scope.role.id}' yielded something that is no effect: write yield* band.…`)
    const summary = { kind: effect.kind, hash: hashOf(effect), ...('role' in effect && { role: effect.role }) }
    const entry = task().journal[place]
    if (entry && entry.effect.hash !== summary.hash) {
      throw new CodebandError('CB_DIVERGENCE', { task: taskId, place, now: summary.kind, then: entry.effect.kind })
    }
    if (entry?.end) return entry.end
    if (entry === undefined) await log.must({ type: 'BeginEffect', task: taskId, place, effect: summary })
    const { answer, requests } = await execute(effect, place, scope).catch((error: unknown) => {
      if (error instanceof EffectError) return fail(error.outcome, error.reason)
      throw error
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
    const ends = requests.filter(({ type }) => type === 'EndTurn')
    await log.must(...ends, endOf(refused))
    return refused
  }

  async function execute(effect: Effect, place: string, scope: Scope): Promise<PlayEnd> {
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
        return modelTurn(place, scope, effect.kind === 'stepAll')
      case 'tool':
        return callTool(effect.name, effect.input, place, scope)
      case 'sleep': {
        const began = task().journal[place]?.at ?? clock.now()
        await clock.sleep(Math.max(0, began + effect.ms - clock.now()), runtime.stopping)
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
        return ok({ mention: effect.mention, text: effect.text })
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
    if (scope.depth >= config.limits.depth)
      return refuse('depth', `spawning is ${scope.depth} deep; the limit is ${config.limits.depth}`, scope, input)
    if (role.input === undefined) return { role, input: input ?? {} }
    const parsed = parse(role.input, input)
    return parsed.ok
      ? { role, input: parsed.value }
      : fail('refused', `the input of '${roleId}' does not fit: ${parsed.problems}`)
  }

  async function refuse(code: string, reason: string, scope: Scope, input: unknown): Promise<PlayEnd> {
    const { id } = scope.role
    await log.must({
      type: 'RecordViolation',
      task: taskId,
      worker: id,
      role: id,
      tool: 'spawn_roles',
      code,
      reason,
      inputHash: hashOf(input),
    })
    return fail('refused', `${code}: ${reason}`)
  }

  async function spawn(roleId: string, given: unknown, place: string, scope: Scope): Promise<PlayEnd> {
    const asked = await allowed(roleId, given, scope)
    if ('answer' in asked) return asked
    const base = task().base!
    const worker = lazyWorker({ role: asked.role, spawner: scope.spawner })
    try {
      return await playRole(place, asked.role, scope, { ...work(asked, base, base), purpose: 'play' }, worker.get)
    } finally {
      worker.free()
    }
  }

  async function produce(roleId: string, given: unknown, place: string, scope: Scope): Promise<PlayEnd> {
    const asked = await allowed(roleId, given, scope)
    if ('answer' in asked) return asked
    const { role, input } = asked
    if (role.produces !== 'plan' && role.produces !== 'change')
      return fail('refused', `'${roleId}' produces nothing that can be reviewed`)
    const subject = subjectOf(role, input)
    const last = task().subjects[subject]
    const base = last?.base ?? (await baseOf(input))
    const commit = last?.kind === 'change' ? last.on : base
    // A change that goes on stays with the family that began it.
    const families = last && [last.family]
    const worker = lazyWorker({ role, families, prefer: last?.worker, spawner: scope.spawner }, subject)
    const end = await playRole(
      place,
      role,
      scope,
      { ...work(asked, base, commit), purpose: 'produce', subject },
      worker.get,
    )
    if (!end.answer.ok) worker.free()
    return end
  }

  async function review(subjectId: string, place: string, scope: Scope): Promise<PlayEnd> {
    const subject = task().subjects[subjectId]
    const author = subject && roles.get(subject.role)
    const role = author?.reviewedBy === undefined ? undefined : roles.get(author.reviewedBy)
    if (subject === undefined || role === undefined)
      return fail('refused', `'${subject?.role ?? subjectId}' has no 'reviewedBy': nothing of it can be approved`)
    const families = reviewerFamilies(roster.families(), subject.families, task().policy.opposition)
    const worker = lazyWorker({ role, families, prefer: subject.verdict?.worker, spawner: scope.spawner })
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
      if (approved || !end.answer.ok) letGo(subjectId)
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
    scope: Scope,
    request: Work['request'],
    worker: () => Promise<Worker>,
  ): Promise<PlayEnd> {
    if (role.steps === undefined) {
      const one = await worker()
      return play(runtime, {
        ...request,
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
      depth: scope.depth + 1,
      spawner: scope.spawner,
      work: { request, worker, prefix },
    }
    const value = await drive(stepsOf(role, request, request.subject), prefix, (effect, at) =>
      perform(effect, at, inner),
    )
    return handOverSteps(inner, value)
  }

  function stepsOf(
    role: Role,
    { input }: { input: unknown },
    subject?: string,
  ): ReturnType<NonNullable<Role['steps']>> {
    const last = subject === undefined ? undefined : task().subjects[subject]
    const base = {
      task: task().text,
      worker: role.id,
      round: (last?.rounds ?? 0) + 1,
      feedback: last?.feedback ?? '',
      band,
    }
    return role.steps!({ ...(input as object), ...base })
  }

  async function modelTurn(place: string, scope: Scope, toTheEnd: boolean): Promise<PlayEnd> {
    const { work: mine } = scope
    if (mine === undefined) return fail('refused', `'${scope.role.id}' orchestrates: it has no model to step`)
    const worker = await mine.worker()
    const commit = workCommit(mine)
    return play(runtime, {
      ...mine.request,
      commit,
      worker,
      place,
      handsOver: false,
      toTheEnd,
      spawn: spawnTool(place, scope.role, scope, scope.input, worker),
    })
  }

  /** What the steps of a producing role hand over when they end: the result of their last model turn, a change under the message they return. */
  async function handOverSteps(scope: Scope, value: unknown): Promise<PlayEnd> {
    const { role, work: mine } = scope
    const request = mine?.request
    const turn = mine && lastWork(mine)
    if (role.output) {
      const parsed = parse(role.output, value)
      return parsed.ok
        ? ok(parsed.value)
        : fail('failed', `the output of '${role.id}' does not fit: ${parsed.problems}`)
    }
    if (request?.subject === undefined || role.produces === undefined) return ok(value)
    const made = turn && resultAt(turn.place)
    if (turn === undefined || made === undefined)
      return fail('failed', `the steps of '${role.id}' ended without a ${role.produces}`)
    const { subject, base, commit: start, input } = request
    if (role.produces === 'plan')
      return {
        answer: { ok: true, result: { subject, output: made } },
        requests: [submitPlan(taskId, subject, turn.id, made as Plan, input)],
      }
    if (role.produces === 'verdict')
      return {
        answer: answerOf(made as Verdict),
        requests: [{ type: 'SubmitVerdict', task: taskId, turn: turn.id, verdict: made as Verdict }],
      }
    const { message } = (value ?? {}) as { message?: unknown }
    const text = typeof message === 'string' && message.trim() ? message : changeTitle(task().text, input)
    const at = task().journal[turn.place]?.at ?? clock.now()
    const saved = await workspaces.reword(start, (made as { commit: string }).commit, {
      message: text,
      author: authorOf(await mine!.worker()),
      at,
    })
    const files = (await workspaces.diff(base, saved.commit)).map(({ path }) => path)
    const submit: Request = {
      type: 'SubmitChange',
      task: taskId,
      subject,
      turn: turn.id,
      ...saved,
      base,
      files,
      message: text,
      input,
    }
    return { answer: { ok: true, result: { subject, output: { commit: saved.commit, files } } }, requests: [submit] }
  }

  function resultAt(place: string): unknown {
    const end = task().journal[place]?.end
    return end?.ok ? end.result : undefined
  }

  /** The last model turn of this playing that gave something. */
  function lastWork({ request, prefix }: Work): Turn | undefined {
    const mine = Object.values(task().turns).filter(
      ({ role, place, status }) => role === request.role.id && place.startsWith(prefix) && status === 'done',
    )
    return mine.findLast(({ place }) => resultAt(place) !== undefined)
  }

  function workCommit(mine: Work): string {
    const turn = lastWork(mine)
    return (turn && (resultAt(turn.place) as { commit?: string }).commit) ?? mine.request.commit
  }

  async function callTool(name: string, input: unknown, place: string, scope: Scope): Promise<PlayEnd> {
    const { work: mine, role } = scope
    if (mine === undefined) return fail('refused', `'${role.id}' orchestrates: it has no worktree to use '${name}' in`)
    const worker = await mine.worker()
    const nothing = async (): Promise<ToolResult> => ({
      ok: false,
      output: 'A product is handed over by the end of the steps.',
    })
    const seat = await openSeat(runtime, {
      ...mine.request,
      worker,
      adjustments: {},
      commit: workCommit(mine),
      submit: nothing,
      say: nothing,
    })
    if ('problems' in seat) return fail('refused', seat.problems.join('; '))
    const {
      ok: worked,
      output,
      denied,
    } = await seat.toolbox.call(name, input, { id: `${taskId}/${place}`, signal: runtime.stopping })
    if (denied) {
      await log.must({
        type: 'RecordViolation',
        task: taskId,
        worker: worker.id,
        role: role.id,
        tool: name,
        code: denied.code,
        reason: denied.reason,
        inputHash: hashOf(input),
      })
      return fail('refused', `${denied.code}: ${denied.reason}`)
    }
    return worked ? ok(output) : fail('failed', output)
  }

  /** `spawn_roles` of a model: the same spawn, as a tool call inside the turn. It is journaled with the turn, not by itself. */
  function spawnTool(place: string, role: Role, scope: Scope, input: unknown, worker: Worker): PlayRequest['spawn'] {
    let count = 0
    return async (roleId, given) => {
      const inner: Scope = { role, input, depth: scope.depth + 1, spawner: worker.frameworkName }
      const { answer, requests } = await spawn(roleId, given, `${place}/${role.id}.${count++}`, inner)
      if (requests.length > 0) await log.must(...requests)
      return answer.ok
        ? { ok: true, output: JSON.stringify(answer.result ?? null) }
        : { ok: false, output: `${answer.outcome}: ${answer.reason}` }
    }
  }

  async function answerTool(question: string): Promise<ToolResult> {
    const answer = await runtime.answer?.('human', question)
    return answer === undefined
      ? { ok: false, output: 'No person is there to answer; decide by yourself and say so.' }
      : { ok: true, output: answer }
  }

  /** A worker taken when it is first needed. With a subject it is kept over the rounds until the product is approved or given up. */
  function lazyWorker(wanted: Wanted, subject?: string): { get(): Promise<Worker>; free(): void } {
    let taken: Promise<Worker> | undefined
    return {
      get: () =>
        (taken ??= (async () => {
          const kept = subject === undefined ? undefined : held.get(subject)
          if (kept) return kept
          const worker = await roster.take(wanted)
          if (worker === undefined) {
            const who = wanted.families ? `of family ${wanted.families.join(' or ') || '(none is opposite)'}` : 'at all'
            throw new Halt({
              reason: 'capacity',
              detail: `no configured framework ${who} may play '${wanted.role.id}'`,
            })
          }
          if (subject !== undefined) held.set(subject, worker)
          return worker
        })()),
      free() {
        if (subject !== undefined) letGo(subject)
        else void taken?.then(roster.free, () => undefined)
      },
    }
  }

  function letGo(subject: string): void {
    const worker = held.get(subject)
    if (worker === undefined) return
    held.delete(subject)
    roster.free(worker)
  }

  /** Where a change begins: the task's base, with the approved changes it depends on merged in. */
  async function baseOf(input: unknown): Promise<string> {
    const { base, subjects } = task()
    const { subtask } = (input ?? {}) as { subtask?: { dependsOn?: readonly string[] } }
    const needed = (subtask?.dependsOn ?? []).flatMap((id) => subjects[`change/${id}`] ?? [])
    if (needed.length === 0) return base!
    const items = needed.map(({ on, message, at }) => ({ commit: on, message: message ?? on, at }))
    const merged = await workspaces.merge(base!, items)
    if ('conflict' in merged)
      throw new EffectError('escalate', `the changes it builds on conflict in ${merged.conflict.files.join(', ')}`)
    await workspaces.keep(merged.commit)
    return merged.commit
  }

  return {
    run: (role, input) => {
      const scope: Scope = { role, input, depth: 0 }
      return drive(stepsOf(role, { input }), `${role.id}/`, (effect, place) => perform(effect, place, scope))
    },
    close() {
      for (const subject of [...held.keys()]) letGo(subject)
    },
  }
}

const noSpawn: ToolResult = { ok: false, output: 'denied (not-spawnable)' }
const ok = (result: unknown): PlayEnd => ({ answer: { ok: true, result }, requests: [] })
const plain = (answer: EffectAnswer): PlayEnd => ({ answer, requests: [] })
const fail = (outcome: Exclude<EffectAnswer, { ok: true }>['outcome'], reason: string): PlayEnd => ({
  answer: { ok: false, outcome, reason },
  requests: [],
})

/** One name for a product over all its rounds: by its subtask, else by what its role was asked. */
function subjectOf(role: Role, input: unknown): string {
  const { subtask } = (input ?? {}) as { subtask?: { id?: unknown } }
  return typeof subtask?.id === 'string'
    ? `${role.produces}/${subtask.id}`
    : `${role.produces}/${role.id}-${hashOf(input).slice(0, 8)}`
}

/** What a reviewer is given. */
function reviewInput(subject: Subject, diff: string | undefined): Record<string, unknown> {
  if (subject.kind === 'plan') return { plan: subject.plan }
  const { subtask } = (subject.input ?? {}) as { subtask?: unknown }
  return {
    ...(subtask !== undefined && { subtask }),
    commit: subject.on,
    base: subject.base,
    files: subject.files,
    message: subject.message,
    diff,
  }
}
