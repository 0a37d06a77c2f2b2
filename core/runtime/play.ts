import { CodebandError } from '../errors.ts'
import type { Failure, Session } from '../ports/framework.ts'
import type { Worktree } from '../ports/workspace.ts'
import type { Rejection } from '../protocol/commands.ts'
import { isInfrastructure, needsRepair } from '../protocol/failure.ts'
import { planProblem } from '../protocol/plan.ts'
import { attemptsAt, sessionOf, taskOf } from '../protocol/state.ts'
import type { Plan, Verdict } from '../role/products.ts'
import type { Adjustments, Role, TurnBase } from '../role/role.ts'
import { changesOf, openAudit, type Surprise } from './audit.ts'
import { openDoor } from './door.ts'
import { withinGrace } from './grace.ts'
import { hashOf, hashOfRole } from './hash.ts'
import { type EffectAnswer, Halt } from './journal.ts'
import type { Request } from './log.ts'
import { fail, type PlayEnd, Stuck } from './play-end.ts'
import { againPrompt, type Prompts, promptsOf, repairPrompt, textOf } from './prompt.ts'
import { rememberingToolbox } from './remembered-calls.ts'
import type { Worker } from './roster.ts'
import type { Runtime } from './runtime.ts'
import { openSeat, type SeatRequest } from './seat.ts'
import { runTurn } from './turn.ts'

/** One playing of a role by a model. */
export interface PlayRequest extends Omit<SeatRequest, 'adjustments' | 'submit' | 'say'> {
  task: string
  place: string
  purpose: 'produce' | 'review' | 'play'
  subject?: string
  /** What is judged: a commit or a plan hash. */
  on?: string
  /** Place of the budget that pays; default: the task's. */
  budget?: string
  /** False inside a role's own steps: the program goes on after this, and hands over at its end. */
  handsOver: boolean
  /** False: one turn is enough, whether or not the product is there. */
  toTheEnd: boolean
}

interface Submitted {
  plan?: Plan
  verdict?: Verdict
  output?: { value: unknown }
}

const repairs = 2

/** Plays turns until the role's product or output is there, or the law's bounds end it. */
export async function play(runtime: Runtime, request: PlayRequest): Promise<PlayEnd> {
  const { log, clock } = runtime
  const { task: taskId, place, role, worker, purpose, subject, on } = request
  const task = taskOf(log.state, taskId)!
  const base: TurnBase = {
    task: textOf(task.text, request.input),
    worker: worker.id,
    round: (subject === undefined ? 0 : (task.subjects[subject]?.rounds ?? 0)) + (purpose === 'produce' ? 1 : 0) || 1,
    feedback: purpose === 'produce' && subject !== undefined ? (task.subjects[subject]?.feedback ?? '') : '',
  }
  const asked = ask(role, request.input, base)
  if ('thrown' in asked) return fail('failed', asked.thrown)
  const { adjustments, prompts } = asked
  let submitted: Submitted = {}
  let turnId = ''
  const sitting: SeatRequest = {
    ...request,
    adjustments,
    async submit(kind, value) {
      if (kind === 'plan') {
        const problem = planProblem(value as Plan)
        if (problem) return { ok: false, output: `The plan was not taken: ${problem}.` }
        submitted.plan = value as Plan
      } else if (kind === 'verdict') {
        if (submitted.verdict) return { ok: false, output: 'Your verdict is there already; end your turn.' }
        submitted.verdict = value as Verdict
      } else submitted.output = { value }
      return { ok: true, output: 'Taken. End your turn now.' }
    },
    async say(mention, text) {
      await log.must({ type: 'SendMessage', task: taskId, from: worker.id, to: mention, text })
      return { ok: true, output: 'Said.' }
    },
  }
  const opened = await openSeat(runtime, sitting)
  if ('problems' in opened) return fail('refused', opened.problems.join('; '))
  let seat = opened
  let { toolbox } = seat

  let door = openDoor()
  let session: Session | undefined
  let prompt = prompts.userPrompt
  let repaired = 0
  let resume = subject === undefined ? undefined : sessionOf(task, worker.id, subject)
  let lastFailure: Failure | undefined

  /** A conversation that broke is not trusted to go on: the turn starts again from where the last good one ended. */
  async function leave(): Promise<void> {
    await withinGrace(clock, session?.close())
    session = undefined
    // Its client, should it live on, calls at a door of its own.
    door = openDoor()
  }

  /** Makes the worktree ready for the next try. One that was thrown away is another folder, without what `setup` had made. */
  async function restart(surprise: Surprise | undefined): Promise<void> {
    if (surprise?.code !== 'payload') {
      const changes = await changesOf(seat.worktree)
      if (typeof changes !== 'string') return seat.worktree.restore(changes.map(({ path }) => path))
    }
    await leave()
    await seat.close()
    const again = await openSeat(runtime, sitting)
    if (!('problems' in again)) seat = again
  }

  try {
    for (;;) {
      submitted = {}
      session ??= await worker.framework.start({
        worker: worker.id,
        systemPrompt: prompts.systemPrompt,
        model: worker.model,
        effort: worker.effort,
        resume,
        cwd: seat.worktree.path,
        home: seat.home,
        env: seat.clientEnv,
        repo: runtime.workspaces.root,
        tools: toolbox.tools,
        call: door.call,
      })
      const attempt = attemptsAt(taskOf(log.state, taskId)!, place).turns
      turnId = `${taskId}/${place}#${attempt}`
      toolbox = await rememberingToolbox(runtime, seat.toolbox, taskId, place)
      const ran = { task: taskId, turn: turnId, worker: worker.id }
      const audit = await openAudit(runtime, seat.worktree, seat.boundary, role, ran)
      const result = await runTurn(runtime, session, door, toolbox, {
        type: 'BeginTurn',
        task: taskId,
        turn: turnId,
        place,
        worker: worker.id,
        role: role.id,
        definition: hashOfRole(role),
        framework: worker.frameworkName,
        family: worker.framework.family,
        purpose,
        subject,
        on,
        systemPrompt: prompts.systemPrompt,
        prompt,
        budget: request.budget,
        limits: role.limits,
      })
      if (result.status === 'refused') {
        return bounded(result.rejection, lastFailure)
      }
      if (result.status === 'cancelled') {
        // On the way out git may be stopped as well; what nobody saw now is put right before the next turn.
        const found = await audit().catch(() => undefined)
        await log.must(...(found?.requests ?? []), result.end)
        throw new Halt()
      }
      if (result.status === 'failed') {
        lastFailure = result.failure
        const { surprise, requests } = await audit()
        await log.must(...requests, result.end)
        if (lastFailure.kind === 'budget') return fail('budget', lastFailure.detail)
        if (lastFailure.kind === 'violations') return fail('refused', lastFailure.detail)
        if (needsRepair(lastFailure.kind)) throw outage(lastFailure)
        if (runtime.stopping.aborted) throw new Halt()
        await clock.sleep(
          lastFailure.retryAfter ?? (isInfrastructure(lastFailure.kind) ? 1000 * 2 ** attempt : 0),
          runtime.stopping,
        )
        const { failed } = attemptsAt(taskOf(log.state, taskId)!, place)
        const isStuck = lastFailure.kind === 'stalled' || lastFailure.kind === 'loop'
        if (isStuck && failed >= 2 && purpose === 'produce' && subject !== undefined)
          throw new Stuck(worker.id, worker.framework.family, request.handsOver, lastFailure.detail)
        await leave()
        await restart(surprise)
        prompt = prompts.userPrompt
        continue
      }
      const { surprise, requests: found } = await audit()
      if (surprise !== undefined) {
        await log.must(...found, {
          ...result.end,
          outcome: 'void',
          failure: { kind: 'malformed', detail: surprise.reason },
        })
        lastFailure = { kind: 'malformed', detail: surprise.reason }
        await restart(surprise)
        prompt = againPrompt(prompts, surprise.reason)
        continue
      }
      const end = await handOver(runtime, request, seat.worktree, submitted, result.end)
      if (!('missing' in end)) return { ...end, requests: [...found, ...end.requests] }
      lastFailure = { kind: 'malformed', detail: end.missing }
      await log.must(...found, { ...result.end, outcome: 'failed', failure: lastFailure })
      if (repaired++ >= repairs) return fail('failed', end.missing)
      resume = session.token
      prompt = repairPrompt(role, end.missing)
    }
  } finally {
    await withinGrace(clock, session?.close())
    await seat.close()
  }
}

/** What a role's own functions say. They are not our code: what they throw is the role's failure. CB_TEMPLATE. */
function ask(
  role: Role,
  input: unknown,
  base: TurnBase,
): { adjustments: Adjustments; prompts: Prompts } | { thrown: string } {
  try {
    const adjustments = role.generator?.({ ...(input as object), ...base }) ?? {}
    return { adjustments, prompts: promptsOf(role, input, base, adjustments) }
  } catch (error) {
    if (CodebandError.is(error)) throw error
    return { thrown: `a function of role '${role.id}' threw ${String(error)}` }
  }
}

/** How a turn that the law does not let begin ends the effect. */
function bounded({ code, reason }: Rejection, last: Failure | undefined): PlayEnd {
  const why = last ? ` (${last.kind}: ${last.detail})` : ''
  if (code === 'infrastructure') throw outage({ kind: 'crashed', detail: reason + why })
  if (code === 'cancelled') throw new Halt()
  if (code === 'retries') return fail('failed', reason + why)
  if (code === 'budget') return fail('budget', reason)
  return fail(code === 'rounds' ? 'escalate' : 'refused', `${code}: ${reason}`)
}

/** The world is broken, not the work: the task waits, and `resume` goes on where it stopped. */
function outage({ kind, detail }: Pick<Failure, 'kind' | 'detail'>): Halt {
  return new Halt({ reason: 'infrastructure', detail: `${kind}: ${detail}` })
}

/** The product of a finished turn as requests of one transaction, or what is missing. */
async function handOver(
  runtime: Runtime,
  request: PlayRequest,
  worktree: Worktree,
  submitted: Submitted,
  end: Request & { turn: string },
): Promise<PlayEnd | { missing: string }> {
  const { task, role, worker, input, base, toTheEnd } = request
  const { turn } = end
  const subject = request.handsOver ? request.subject : undefined
  const done = (result: unknown, ...requests: Request[]): PlayEnd => ({
    answer: { ok: true, result },
    requests: [...requests, end],
  })
  if (role.produces === 'plan') {
    const { plan } = submitted
    if (plan === undefined) return toTheEnd ? { missing: 'no plan was submitted' } : done(undefined)
    return subject === undefined
      ? done(plan)
      : done({ subject, output: plan }, submitPlan(task, subject, turn, plan, input))
  }
  if (role.produces === 'verdict') {
    const { verdict } = submitted
    if (verdict === undefined) return toTheEnd ? { missing: 'no verdict was submitted' } : done(undefined)
    return subject === undefined
      ? done(verdict)
      : { answer: answerOf(verdict), requests: [{ type: 'SubmitVerdict', task, turn, verdict }, end] }
  }
  if (role.produces === 'change') {
    const title = changeTitle(taskOf(runtime.log.state, task)!.text, input)
    const saved = await worktree.save({ message: title, author: authorOf(worker), at: runtime.clock.now() })
    if (saved === undefined) return toTheEnd ? { missing: 'the worktree holds no change' } : done(undefined)
    const files = (await runtime.workspaces.diff(base, saved.commit)).map(({ path }) => path)
    const output = { commit: saved.commit, files }
    if (subject === undefined) return done({ ...output, turn })
    return done(
      { subject, output },
      { type: 'SubmitChange', task, subject, turn, ...saved, base, files, message: title, input },
    )
  }
  if (role.output) {
    if (submitted.output === undefined) return toTheEnd ? { missing: 'no output was set' } : done(undefined)
    return done(submitted.output.value)
  }
  return done(undefined)
}

export function submitPlan(task: string, subject: string, turn: string, plan: Plan, input: unknown): Request {
  return { type: 'SubmitPlan', task, subject, turn, plan, hash: hashOf(plan), input }
}

/** What the program sees of a verdict: an escalation ends the circle, as an effect without a value. */
export function answerOf({ decision, summary }: Pick<Verdict, 'decision' | 'summary'>): EffectAnswer {
  return decision === 'escalate'
    ? { ok: false, outcome: 'escalate', reason: summary }
    : { ok: true, result: { approved: decision === 'approve' } }
}

export function authorOf(worker: Worker): { name: string; email: string } {
  return { name: worker.id, email: `${worker.id}@codeband.invalid` }
}

/** First line of a change's message: the subtask's title, else the task's first line. */
export function changeTitle(task: string, input: unknown): string {
  const { subtask } = (input ?? {}) as { subtask?: { title?: unknown } }
  return typeof subtask?.title === 'string' ? subtask.title : (task.split('\n')[0] ?? '').slice(0, 72)
}
