import type { Event, Recorded } from './events.ts'
import type { Candidate, JournalEntry, State, Subject, Task } from './state.ts'
import { emptyTable, get, set } from './table.ts'
import { renderFindings } from './verdict.ts'

/** The state after one more event. Pure: the same log gives the same state, always. */
export function evolve(state: State, event: Event): State {
  const version = state.version + 1
  if (event.type === 'LeaderElected') return { ...state, version, epoch: event.epoch }
  const before = state.tasks[event.task]
  const after = event.type === 'TaskSubmitted' ? newTask(event) : before && evolveTask(before, event, version)
  return after === undefined
    ? { ...state, version }
    : { ...state, version, tasks: { ...state.tasks, [event.task]: after } }
}

export function fold(state: State, events: Iterable<Event | Recorded>): State {
  let current = state
  for (const event of events) current = evolve(current, event)
  return current
}

type Of<T extends Event['type']> = Extract<Event, { type: T }>

function newTask({ task, text, by, at, policy }: Of<'TaskSubmitted'>): Task {
  return {
    id: task,
    text,
    by,
    submittedAt: at,
    policy,
    status: 'queued',
    journal: emptyTable,
    turns: {},
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
      return { ...task, status: 'running', parked: undefined }
    case 'TaskEnded':
      return { ...task, status: 'ended', parked: undefined, outcome: event.outcome, reason: event.reason }
    case 'EffectStarted':
      return { ...task, journal: set(task.journal, event.place, { seq, effect: event.effect, at: event.at }) }
    case 'EffectEnded':
      return endEffect(task, event.place, { ok: true, result: event.result })
    case 'EffectFailed':
      return endEffect(task, event.place, { ok: false, outcome: event.outcome, reason: event.reason })
    case 'TurnStarted': {
      const { turn: id, place, worker, role, framework, family, subject, on, round, retry } = event
      const turn = { id, place, worker, role, framework, family, subject, on, round, retry, status: 'running' as const }
      return { ...task, turns: { ...task.turns, [id]: turn }, usage: { ...task.usage, turns: task.usage.turns + 1 } }
    }
    case 'TurnEnded':
      return endTurn(task, event)
    case 'ViolationRecorded':
      return { ...task, violations: task.violations + 1 }
    case 'PlanSubmitted': {
      const { subject: id, role, worker, family, input, hash, plan, at } = event
      const last = task.subjects[id]
      const families = [...new Set([...(last?.families ?? []), family])]
      return withSubject(task, {
        id,
        kind: 'plan',
        role,
        worker,
        family,
        families,
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
      // A change that starts from its base again forgets who wrote the version before; one that goes on does not.
      const families = [...new Set([...(last && last.base === base ? last.families : []), family])]
      const rounds = (last?.rounds ?? 0) + 1
      return withSubject(task, {
        id,
        kind: 'change',
        role,
        worker,
        family,
        families,
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
          [id]: { id, task: of, candidate, commit, base, tree, risk, reasons, requestedAt: at, status: 'waiting' },
        },
      }
    }
    case 'ApprovalGiven':
      return {
        ...task,
        approvals: {
          ...task.approvals,
          [event.approval]: { ...task.approvals[event.approval]!, status: 'given', by: event.by },
        },
      }
    case 'ApprovalRefused':
      return {
        ...task,
        approvals: {
          ...task.approvals,
          [event.approval]: { ...task.approvals[event.approval]!, status: 'refused', by: event.by, why: event.why },
        },
      }
    case 'LandingStarted':
      return changeCandidate(task, event.candidate, { status: 'landing', target: event.target })
    case 'LandingRefused':
      return changeCandidate(task, event.candidate, { status: event.reason === 'moved' ? 'stale' : 'open' })
    case 'Landed':
      return landed(task, event)
    case 'TextSaid':
    case 'ToolCalled':
    case 'ToolReturned':
      return task
  }
}

function endEffect(task: Task, place: string, end: NonNullable<JournalEntry['end']>): Task {
  const entry = get(task.journal, place)
  return entry ? { ...task, journal: set(task.journal, place, { ...entry, end }) } : task
}

function endTurn(task: Task, { turn: id, outcome, failure, session, usage }: Of<'TurnEnded'>): Task {
  const turn = task.turns[id]
  if (turn === undefined) return task
  return {
    ...task,
    turns: {
      ...task.turns,
      [id]: { ...turn, status: outcome, failure, session: outcome === 'done' ? session : undefined },
    },
    usage: {
      ...task.usage,
      inputTokens: task.usage.inputTokens + usage.inputTokens,
      outputTokens: task.usage.outputTokens + usage.outputTokens,
      usd: task.usage.usd + (usage.usd ?? 0),
    },
  }
}

function withSubject(task: Task, subject: Subject): Task {
  return { ...task, subjects: { ...task.subjects, [subject.id]: subject } }
}

function changeSubject(task: Task, id: string, change: Partial<Subject>): Task {
  const subject = task.subjects[id]
  return subject ? withSubject(task, { ...subject, ...change }) : task
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
