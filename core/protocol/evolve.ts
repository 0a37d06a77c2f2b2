import { openBudget } from './budget.ts'
import type { Event, Recorded } from './events.ts'
import { endTurn, reserveMore, startTurn } from './evolve-turn.ts'
import type { Approval, Candidate, JournalEntry, State, Subject, Task } from './state.ts'
import { emptyTable, get, set } from './table.ts'
import { renderFindings } from './verdict.ts'

/** The state after one more event. Pure: the same log gives the same state, always. */
export function evolve(state: State, event: Event): State {
  const { epoch, tasks, busy, answers } = state
  const version = state.version + 1
  const { cause } = event
  const told =
    cause === undefined ? answers : set(answers, cause, { from: get(answers, cause)?.from ?? version, to: version })
  if (event.type === 'LeaderElected') return { version, epoch: event.epoch, tasks, busy, answers: told }
  const before = get(tasks, event.task)
  const after = event.type === 'TaskSubmitted' ? newTask(event, version) : before && evolveTask(before, event, version)
  return {
    version,
    epoch,
    tasks: after === undefined || after === before ? tasks : set(tasks, event.task, after),
    busy: evolveBusy(busy, event),
    answers: told,
  }
}

function evolveBusy(busy: State['busy'], event: Event): State['busy'] {
  if (event.type === 'TurnStarted') return { ...busy, [event.worker]: event.turn }
  if (event.type !== 'TurnEnded' || busy[event.worker] !== event.turn) return busy
  const { [event.worker]: _, ...others } = busy
  return others
}

export function fold(state: State, events: Iterable<Event | Recorded>): State {
  let current = state
  for (const event of events) current = evolve(current, event)
  return current
}

type Of<T extends Event['type']> = Extract<Event, { type: T }>

function newTask({ task, text, by, at, policy }: Of<'TaskSubmitted'>, seq: number): Task {
  return {
    id: task,
    seq,
    text,
    by,
    submittedAt: at,
    policy,
    status: 'queued',
    resumes: 0,
    journal: emptyTable,
    turns: emptyTable,
    running: [],
    attempts: emptyTable,
    latest: {},
    sessions: emptyTable,
    assignments: {},
    budgets: { '': openBudget(policy.caps ?? {}) },
    subjects: {},
    candidates: {},
    approvals: {},
    landings: [],
    violations: 0,
    usage: { turns: 0, inputTokens: 0, outputTokens: 0, usd: 0 },
  }
}

function evolveTask(task: Task, event: Exclude<Event, Of<'LeaderElected'> | Of<'TaskSubmitted'>>, seq: number): Task {
  switch (event.type) {
    case 'TaskStarted':
      return { ...task, status: 'running', base: event.base }
    case 'TaskParked':
      return { ...task, status: 'parked', parked: { reason: event.reason, detail: event.detail } }
    case 'TaskResumed':
      return { ...task, status: 'running', parked: undefined, resumes: task.resumes + 1 }
    case 'CancelRequested':
      return { ...task, cancel: { why: event.why, by: event.by } }
    case 'TaskEnded':
      return { ...task, status: 'ended', parked: undefined, outcome: event.outcome, reason: event.reason }
    case 'EffectStarted':
      return { ...task, journal: set(task.journal, event.place, { seq, effect: event.effect, at: event.at }) }
    case 'EffectEnded':
      return endEffect(task, event.place, { ok: true, result: event.result })
    case 'EffectFailed':
      return endEffect(task, event.place, { ok: false, outcome: event.outcome, reason: event.reason })
    case 'TurnStarted':
      return startTurn(task, event, seq)
    case 'TurnEnded':
      return endTurn(task, event)
    case 'ViolationRecorded':
      return { ...task, violations: task.violations + 1 }
    case 'WorkerAssigned': {
      const { subject, worker, family, epoch, start } = event
      return { ...task, assignments: { ...task.assignments, [subject]: { worker, family, epoch, start, fresh: true } } }
    }
    case 'SubjectAbandoned':
      return changeSubject(task, event.subject, { status: 'abandoned' })
    case 'PlanSubmitted': {
      const { subject: id, role, worker, family, input, hash, plan, at } = event
      const last = task.subjects[id]
      return withSubject(task, {
        id,
        kind: 'plan',
        role,
        worker,
        family,
        families: authors(task, id, family, false),
        input,
        on: hash,
        plan,
        rounds: (last?.rounds ?? 0) + 1,
        status: 'submitted',
        feedback: '',
        at,
      })
    }
    case 'ChangeSubmitted': {
      const { subject: id, role, worker, family, input, commit, tree, base, files, message, at } = event
      const last = task.subjects[id]
      const rounds = (last?.rounds ?? 0) + 1
      return withSubject(task, {
        id,
        kind: 'change',
        role,
        worker,
        family,
        families: authors(task, id, family, last?.base !== base),
        input,
        on: commit,
        tree,
        base,
        files,
        message,
        rounds,
        status: 'submitted',
        feedback: '',
        at,
      })
    }
    case 'VerdictGiven': {
      const { subject: id, verdict, worker, family, on, sameFamily = false } = event
      const status =
        verdict.decision === 'approve'
          ? 'approved'
          : verdict.decision === 'escalate'
            ? 'escalated'
            : 'changes-requested'
      return changeSubject(task, id, {
        status,
        verdict: { verdict, worker, family, on, sameFamily },
        feedback: status === 'approved' ? '' : renderFindings(verdict),
      })
    }
    case 'ChangeReturned':
      return changeSubject(task, event.subject, {
        status: 'returned',
        feedback: `The approved change came back (${event.reason}).\n${event.detail}`,
      })
    case 'CandidateBuilt': {
      const { candidate: id, base, commit, tree, changes } = event
      return {
        ...stale(task),
        candidates: {
          ...stale(task).candidates,
          [id]: { id, base, commit, tree, changes, reasons: [], status: 'open' },
        },
      }
    }
    case 'ChecksRecorded':
      return changeCandidate(task, event.candidate, {
        checks: { passed: event.passed, checks: event.checks, sandbox: event.sandbox },
      })
    case 'RiskAssessed':
      return changeCandidate(task, event.candidate, { risk: event.risk, reasons: event.reasons })
    case 'ApprovalRequested': {
      const { approval: id, task: of, candidate, commit, base, tree, risk, reasons, at } = event
      return {
        ...task,
        approvals: {
          ...task.approvals,
          [id]: {
            id,
            task: of,
            candidate,
            commit,
            base,
            tree,
            risk,
            reasons,
            requestedAt: at,
            reminders: 0,
            status: 'waiting',
          },
        },
      }
    }
    case 'ApprovalGiven':
      return changeApproval(task, event.approval, { status: 'given', by: event.by })
    case 'ApprovalRefused':
      return changeApproval(task, event.approval, { status: 'refused', by: event.by, why: event.why })
    case 'PersonReminded':
      return changeApproval(task, event.approval, { reminders: event.times })
    case 'BudgetOpened': {
      const { place, parent, caps } = event
      return { ...task, budgets: { ...task.budgets, [place]: openBudget(caps, parent) } }
    }
    case 'BudgetReserved':
      return reserveMore(task, event)
    case 'LandingStarted':
      return changeCandidate(task, event.candidate, { status: 'landing', target: event.target })
    case 'LandingRefused':
      return changeCandidate(task, event.candidate, { status: event.reason === 'moved' ? 'stale' : 'open' })
    case 'Landed':
      return landed(task, event)
    case 'TextSaid':
    case 'ToolCalled':
    case 'ToolReturned':
    case 'StraysRemoved':
    case 'StallNoticed':
    case 'MessageSent':
      return task
  }
}

function endEffect(task: Task, place: string, end: NonNullable<JournalEntry['end']>): Task {
  const entry = get(task.journal, place)
  return entry ? { ...task, journal: set(task.journal, place, { ...entry, end }) } : task
}

/** The families whose work is in a new version: all that were in the last one and this one; only this one, where it began from its base. */
function authors(task: Task, subject: string, family: string, newBase: boolean): readonly string[] {
  const { start, fresh } = task.assignments[subject] ?? { start: 'goes-on', fresh: false }
  const before = newBase || (start === 'afresh' && fresh) ? [] : (task.subjects[subject]?.families ?? [])
  return [...new Set([...before, family])]
}

/** A new version of a product. */
function withSubject(task: Task, subject: Subject): Task {
  const assignment = task.assignments[subject.id]
  return {
    ...putSubject(task, subject),
    assignments: assignment ? { ...task.assignments, [subject.id]: { ...assignment, fresh: false } } : task.assignments,
  }
}

function putSubject(task: Task, subject: Subject): Task {
  return { ...task, subjects: { ...task.subjects, [subject.id]: subject } }
}

function changeApproval(task: Task, id: string, change: Partial<Approval>): Task {
  const approval = task.approvals[id]
  return approval ? { ...task, approvals: { ...task.approvals, [id]: { ...approval, ...change } } } : task
}

function changeSubject(task: Task, id: string, change: Partial<Subject>): Task {
  const subject = task.subjects[id]
  return subject ? putSubject(task, { ...subject, ...change }) : task
}

function changeCandidate(task: Task, id: string, change: Partial<Candidate>): Task {
  const candidate = task.candidates[id]
  return candidate ? { ...task, candidates: { ...task.candidates, [id]: { ...candidate, ...change } } } : task
}

/** A new candidate makes the open ones stale, and with them what a person has not answered or answered for other bytes. */
function stale(task: Task): Task {
  const candidates = Object.fromEntries(
    Object.entries(task.candidates).map(([id, one]) => [
      id,
      one.status === 'landed' ? one : { ...one, status: 'stale' as const },
    ]),
  )
  const approvals = Object.fromEntries(
    Object.entries(task.approvals).map(([id, one]) => [
      id,
      one.status === 'waiting' ? { ...one, status: 'stale' as const } : one,
    ]),
  )
  return { ...task, candidates, approvals }
}

function landed(task: Task, { candidate: id, target, from, to, tree, at, sandbox, waived }: Of<'Landed'>): Task {
  const done = new Set((task.candidates[id]?.changes ?? []).map(({ subject }) => subject))
  const subjects = Object.fromEntries(
    Object.entries(task.subjects).map(([key, one]) => [
      key,
      done.has(key) ? { ...one, status: 'landed' as const } : one,
    ]),
  )
  const landing = { candidate: id, target, from, to, tree, at, sandbox, waived }
  return { ...changeCandidate(task, id, { status: 'landed' }), subjects, landings: [...task.landings, landing] }
}
