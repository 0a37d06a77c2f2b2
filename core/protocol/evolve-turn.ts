import { kinds, reserve, settle } from './budget.ts'
import type { Event } from './events.ts'
import { isInfrastructure } from './failure.ts'
import { type Attempts, attemptsAt, sessionKey, type Task, type Turn } from './state.ts'
import { get, set } from './table.ts'

type Of<T extends Event['type']> = Extract<Event, { type: T }>

export function startTurn(task: Task, event: Of<'TurnStarted'>, seq: number): Task {
  const { turn: id, place, worker, role, framework, family, subject, epoch, on, round, retry } = event
  const { purpose = on === undefined ? 'produce' : 'review', budget = '', reserved = {} } = event
  const turn: Turn = {
    id,
    seq,
    place,
    worker,
    role,
    framework,
    family,
    purpose,
    subject,
    epoch,
    on,
    round,
    retry,
    budget,
    reserved,
    status: 'running',
  }
  const attempts = attemptsAt(task, place)
  return {
    ...task,
    turns: set(task.turns, id, turn),
    running: [...task.running, id],
    attempts: set(task.attempts, place, { ...attempts, turns: attempts.turns + 1 }),
    latest: subject === undefined ? task.latest : { ...task.latest, [subject]: id },
    budgets: reserve(task.budgets, budget, reserved),
    usage: { ...task.usage, turns: task.usage.turns + 1 },
  }
}

export function endTurn(task: Task, { turn: id, outcome, failure, session, usage, ms }: Of<'TurnEnded'>): Task {
  const turn = get(task.turns, id)
  if (turn === undefined) return task
  const { place, worker, subject, budget, reserved } = turn
  const { inputTokens, outputTokens, usd = 0 } = usage
  const goesOn = outcome === 'done' ? session : undefined
  return {
    ...task,
    turns: set(task.turns, id, { ...turn, status: outcome, failure, session: goesOn }),
    running: task.running.filter((one) => one !== id),
    attempts: set(task.attempts, place, countFailure(task, place, outcome, failure?.kind)),
    sessions: goesOn === undefined ? task.sessions : set(task.sessions, sessionKey(worker, subject), goesOn),
    budgets: settle(task.budgets, budget, reserved, { turns: 1, tokens: inputTokens + outputTokens, usd, ms }),
    usage: {
      ...task.usage,
      inputTokens: task.usage.inputTokens + inputTokens,
      outputTokens: task.usage.outputTokens + outputTokens,
      usd: task.usage.usd + usd,
    },
  }
}

function countFailure(task: Task, place: string, outcome: Turn['status'], kind = ''): Attempts {
  const attempts = attemptsAt(task, place)
  const { resumes } = task
  if (outcome === 'cancelled') return attempts
  if (outcome === 'done') return { ...attempts, outages: 0, resumes }
  if (!isInfrastructure(kind)) return { ...attempts, failed: attempts.failed + 1, outages: 0, resumes }
  // A person who takes the task up again has mended the world, so the count begins anew.
  return { ...attempts, outages: (attempts.resumes === resumes ? attempts.outages : 0) + 1, resumes }
}

export function reserveMore(task: Task, { turn: id, more }: Of<'BudgetReserved'>): Task {
  const turn = get(task.turns, id)
  if (turn === undefined) return task
  const reserved = { ...turn.reserved }
  for (const kind of kinds) if (more[kind] !== undefined) reserved[kind] = (reserved[kind] ?? 0) + more[kind]
  return {
    ...task,
    turns: set(task.turns, id, { ...turn, reserved }),
    budgets: reserve(task.budgets, turn.budget, more),
  }
}
