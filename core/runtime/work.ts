import type { ToolResult } from '../ports/framework.ts'
import { type Task, type Turn, taskOf } from '../protocol/state.ts'
import { entries, get } from '../protocol/table.ts'
import { stricter } from '../protocol/verdict.ts'
import { type Plan, Verdict } from '../role/products.ts'
import { parse } from '../role/schema.ts'
import { openAudit } from './audit.ts'
import { hashOf } from './hash.ts'
import { Halt } from './journal.ts'
import { answerOf, authorOf, changeTitle, type PlayRequest, play, submitPlan } from './play.ts'
import { fail, ok, type PlayEnd } from './play-end.ts'
import type { Worker } from './roster.ts'
import type { Runtime } from './runtime.ts'
import { openSeat } from './seat.ts'

/** What the steps of a role work on: one product. Their model turns share a worker, and each starts where the last one ended. */
export interface Work {
  request: Omit<PlayRequest, 'worker' | 'place' | 'handsOver' | 'toTheEnd'>
  worker(): Promise<Worker>
  /** Places of this playing begin with it. */
  prefix: string
}

/** What an effect of a change role leaves: its commit is where the next one starts. */
interface Left {
  commit?: string
}

/** `step` and `stepAll`: a turn of the model that the program goes on after. */
export async function modelTurn(
  runtime: Runtime,
  work: Work,
  place: string,
  toTheEnd: boolean,
  spawn: PlayRequest['spawn'],
): Promise<PlayEnd> {
  const commit = commitOf(runtime, work)
  return play(runtime, {
    ...work.request,
    commit,
    worker: await work.worker(),
    place,
    handsOver: false,
    toTheEnd,
    spawn,
  })
}

/** `tool`: a call of the program through the same gate; the result is `{ output, commit? }`. */
export async function callTool(
  runtime: Runtime,
  work: Work,
  { name, input, place, again }: { name: string; input: unknown; place: string; again: boolean },
): Promise<PlayEnd> {
  const { task, role } = work.request
  const custom = runtime.tools.find((tool) => tool.name === name)
  if (again && custom && custom.repeat !== 'safe') {
    return fail(
      'infrastructure',
      `outcome unknown: '${name}' had begun when the process ended, and may not be repeated`,
    )
  }
  const worker = await work.worker()
  const nothing = async (): Promise<ToolResult> => ({
    ok: false,
    output: 'A product is handed over by the end of the steps.',
  })
  const seat = await openSeat(runtime, {
    ...work.request,
    worker,
    adjustments: {},
    commit: commitOf(runtime, work),
    submit: nothing,
    say: nothing,
  })
  if ('problems' in seat) return fail('refused', seat.problems.join('; '))
  const ran = { task, place, worker: worker.id }
  const audit = await openAudit(runtime, seat.worktree, seat.boundary, role, ran)
  const {
    ok: worked,
    output,
    denied,
  } = await seat.toolbox.call(name, input, { id: `${task}/${place}`, signal: runtime.stopping })
  await seat.close()
  if (denied) {
    const { code, reason } = denied
    const what = { worker: worker.id, role: role.id, tool: name, code, reason, inputHash: hashOf(input) }
    // In one transaction with the end of the effect: a call that was refused is told once.
    return { ...fail('refused', `${code}: ${reason}`), requests: [{ type: 'RecordViolation', task, ...what }] }
  }
  const { surprise, requests } = await audit()
  if (surprise !== undefined) return { ...fail('refused', `'${name}' was void: ${surprise.reason}`), requests }
  // Stopped in the middle: how it ended is found out when the task goes on.
  if (!worked && runtime.stopping.aborted) throw new Halt()
  if (!worked) return { ...fail('failed', output), requests }
  const saved =
    role.produces === 'change'
      ? await seat.worktree.save({ message: name, author: authorOf(worker), at: runtime.clock.now() })
      : undefined
  return { ...ok(saved ? { output, commit: saved.commit } : { output }), requests }
}

/** What the steps of a producing role hand over when they end: the result of their last model turn; a change under the message they return;
 *  a verdict made stricter by the one they return, never milder. */
export async function handOver(runtime: Runtime, work: Work, value: unknown): Promise<PlayEnd> {
  const { workspaces, clock } = runtime
  const { task: id, role, subject, base, commit: start, input } = work.request
  if (role.output) {
    const parsed = parse(role.output, value)
    return parsed.ok ? ok(parsed.value) : fail('failed', `the output of '${role.id}' does not fit: ${parsed.problems}`)
  }
  if (subject === undefined || role.produces === undefined) return ok(value)
  const task = workedTask(runtime, work)
  const turn = lastTurn(task, work)
  if (turn === undefined) return fail('failed', `the steps of '${role.id}' ended without a ${role.produces}`)
  const made = resultAt(task, turn.place)
  if (role.produces === 'plan') {
    return {
      answer: { ok: true, result: { subject, output: made } },
      requests: [submitPlan(id, subject, turn.id, made as Plan, input)],
    }
  }
  if (role.produces === 'verdict') {
    const second = value === undefined || value === null ? { ok: true as const, value: made } : parse(Verdict, value)
    if (!second.ok)
      return fail('failed', `the verdict that the steps of '${role.id}' return does not fit: ${second.problems}`)
    const verdict = stricter(made as Verdict, second.value as Verdict)
    return {
      answer: answerOf(verdict),
      requests: [{ type: 'SubmitVerdict', task: id, turn: turn.id, verdict }],
    }
  }
  const { message: given } = (value ?? {}) as { message?: unknown }
  const message = typeof given === 'string' && given.trim() ? given : changeTitle(task.text, input)
  const at = get(task.journal, turn.place)?.at ?? clock.now()
  const saved = await workspaces.reword(start, commitOf(runtime, work), {
    message,
    author: authorOf(await work.worker()),
    at,
  })
  const files = (await workspaces.diff(base, saved.commit)).map(({ path }) => path)
  const output = { commit: saved.commit, files }
  return {
    answer: { ok: true, result: { subject, output } },
    requests: [{ type: 'SubmitChange', task: id, subject, turn: turn.id, ...saved, base, files, message, input }],
  }
}

const workedTask = ({ log }: Runtime, { request }: Work): Task => taskOf(log.state, request.task)!

function resultAt(task: Task, place: string): unknown {
  const end = get(task.journal, place)?.end
  return end?.ok ? end.result : undefined
}

/** The last model turn of this playing that gave something. */
function lastTurn(task: Task, { request, prefix }: Work): Turn | undefined {
  const mine = entries(task.turns)
    .map(([, turn]) => turn)
    .filter(({ role, place, status }) => role === request.role.id && place.startsWith(prefix) && status === 'done')
    .sort((a, b) => a.seq - b.seq)
  return mine.findLast(({ place }) => resultAt(task, place) !== undefined)
}

/** Where the next effect of these steps starts: at what the last one left, not counting the roles they spawned. */
export function commitOf(runtime: Runtime, work: Work): string {
  const { prefix, request } = work
  const task = workedTask(runtime, work)
  const own = entries(task.journal)
    .filter(([place]) => place.startsWith(prefix) && /^[\d./]+$/.test(place.slice(prefix.length)))
    .sort(([, a], [, b]) => a.seq - b.seq)
  const kinds = new Set(['step', 'stepAll', 'tool'])
  const left = own.flatMap(([place, { effect }]) =>
    kinds.has(effect.kind) ? ((resultAt(task, place) as Left | undefined)?.commit ?? []) : [],
  )
  return left.at(-1) ?? request.commit
}
