import type { Budgets, Spend } from './budget.ts'
import type {
  AssignmentStart,
  CheckResult,
  EffectFailure,
  EffectSummary,
  ParkReason,
  Policy,
  TaskOutcome,
  TurnPurpose,
} from './events.ts'
import { inOrder, type Plan } from './plan.ts'
import { emptyTable, entries, get, type Table } from './table.ts'
import type { Risk, Verdict } from './verdict.ts'

/** A fold of the log; nothing here is not in the log. Never changed in place. */
export interface State {
  /** Number of the last event. */
  version: number
  /** Epoch of the last lead. */
  epoch: number
  tasks: Table<Task>
  /** The turn that each busy worker plays. */
  busy: Readonly<Record<string, string>>
  /** What the commands with an id led to: numbers of the first and the last event. */
  answers: Table<{ from: number; to: number }>
}

export interface Task {
  id: string
  /** Number of the event that submitted it. */
  seq: number
  text: string
  by: string
  submittedAt: number
  policy: Policy
  status: 'queued' | 'running' | 'parked' | 'ended'
  parked?: { reason: ParkReason; detail: string }
  /** A person wants it to end. */
  cancel?: { why: string; by: string }
  outcome?: TaskOutcome
  reason?: string
  base?: string
  /** How often a person took it up again. */
  resumes: number
  journal: Table<JournalEntry>
  turns: Table<Turn>
  /** Ids of the turns that run. */
  running: readonly string[]
  /** By place in the program. */
  attempts: Table<Attempts>
  /** The last turn on each product, by subject. */
  latest: Readonly<Record<string, string>>
  /** Where a conversation goes on, by worker and subject. */
  sessions: Table<string>
  /** Who makes each product, by subject. */
  assignments: Readonly<Record<string, Assignment>>
  budgets: Budgets
  subjects: Readonly<Record<string, Subject>>
  candidates: Readonly<Record<string, Candidate>>
  approvals: Readonly<Record<string, Approval>>
  landings: readonly Landing[]
  violations: number
  usage: { turns: number; inputTokens: number; outputTokens: number; usd: number }
}

export interface JournalEntry {
  /** Number of the event that began it. */
  seq: number
  effect: EffectSummary
  /** When it began. */
  at: number
  end?: { ok: true; result: unknown } | { ok: false; outcome: EffectFailure; reason: string }
}

/** The turns at one place. */
export interface Attempts {
  turns: number
  /** Those that failed by what they did. */
  failed: number
  /** Failures of the world in a row, since a person last took the task up. */
  outages: number
  /** The task's `resumes` at that time. */
  resumes: number
}

/** Who makes a product. */
export interface Assignment {
  worker: string
  family: string
  epoch: number
  start: AssignmentStart
  /** True until a product comes: what an earlier family wrote is in it no more once it does, if it started afresh. */
  fresh: boolean
}

export interface Turn {
  id: string
  /** Number of the event that began it. */
  seq: number
  place: string
  worker: string
  role: string
  framework: string
  family: string
  purpose: TurnPurpose
  subject?: string
  epoch?: number
  on?: string
  round: number
  retry: number
  budget: string
  reserved: Partial<Spend>
  status: 'running' | 'done' | 'cancelled' | 'failed' | 'void'
  failure?: { kind: string; detail: string }
  /** Resume token of the session after this turn. */
  session?: string
}

/** A product over all its rounds: one plan, or one change. */
export interface Subject {
  id: string
  kind: 'plan' | 'change'
  /** Who made its current version. */
  role: string
  worker: string
  family: string
  /** Every family whose turn contributed to the current version since its base. */
  families: readonly string[]
  /** What its role was asked with; to spawn it again. */
  input: unknown
  /** Commit of a change, hash of a plan. */
  on: string
  plan?: Plan
  base?: string
  tree?: string
  files?: readonly string[]
  message?: string
  /** Products so far. */
  rounds: number
  status: 'submitted' | 'approved' | 'changes-requested' | 'returned' | 'escalated' | 'abandoned' | 'landed'
  verdict?: { verdict: Verdict; worker: string; family: string; on: string; sameFamily: boolean }
  /** What its author reads in the next round. */
  feedback: string
  /** When its current version came. */
  at: number
}

export interface Candidate {
  id: string
  base: string
  commit: string
  tree: string
  changes: readonly { subject: string; commit: string }[]
  checks?: { passed: boolean; checks: readonly CheckResult[]; sandbox: string }
  risk?: Risk
  reasons: readonly string[]
  status: 'open' | 'landing' | 'landed' | 'stale'
  target?: string
}

export interface Approval {
  id: string
  task: string
  candidate: string
  commit: string
  base: string
  tree: string
  risk: Risk
  reasons: readonly string[]
  requestedAt: number
  /** How often a person was reminded. */
  reminders: number
  status: 'waiting' | 'given' | 'refused' | 'stale'
  by?: string
  why?: string
}

export interface Landing {
  candidate: string
  target: string
  from: string
  to: string
  tree: string
  at: number
  sandbox: string
  waived: boolean
}

export const initialState: State = { version: 0, epoch: 0, tasks: emptyTable, busy: {}, answers: emptyTable }

export function taskOf(state: State, id: string): Task | undefined {
  return get(state.tasks, id)
}

/** All tasks in the order of their submission. */
export function tasksOf(state: State): Task[] {
  return entries(state.tasks)
    .map(([, task]) => task)
    .sort((a, b) => a.seq - b.seq)
}

/** The task that asked for an approval. */
export function taskOfApproval(state: State, approval: string): Task | undefined {
  return entries(state.tasks).find(([, { approvals }]) => approvals[approval] !== undefined)?.[1]
}

/** Approvals that wait for a person, oldest first. */
export function waitingApprovals(state: State): Approval[] {
  return tasksOf(state)
    .flatMap((task) => Object.values(task.approvals))
    .filter(({ status }) => status === 'waiting')
}

/** Where the session of this worker on this subject goes on. */
export function sessionOf(task: Task, worker: string, subject: string | undefined): string | undefined {
  return get(task.sessions, sessionKey(worker, subject))
}

export const sessionKey = (worker: string, subject: string | undefined): string => `${worker} ${subject ?? ''}`

/** Who judged the last version of a product: who asked for changes looks whether they came. */
export function lastReviewer(task: Task, subject: string): string | undefined {
  return entries(task.turns)
    .map(([, turn]) => turn)
    .filter((turn) => turn.subject === subject && turn.purpose === 'review' && turn.status === 'done')
    .reduce<Turn | undefined>((last, turn) => (last && last.seq > turn.seq ? last : turn), undefined)?.worker
}

export const noAttempts: Attempts = { turns: 0, failed: 0, outages: 0, resumes: 0 }

export function attemptsAt(task: Task, place: string): Attempts {
  return get(task.attempts, place) ?? noAttempts
}

/** Approved changes that have not landed: in the order of the plan, each after what it builds on, whoever was done first; then those
 *  that no plan names, as they came. */
export function approvedChanges(task: Task): Subject[] {
  const all = Object.values(task.subjects)
  const planned = all.flatMap(({ plan }) => (plan ? inOrder(plan.subtasks).map(({ id }) => `change/${id}`) : []))
  const place = ({ id }: Subject): number => (planned.includes(id) ? planned.indexOf(id) : planned.length)
  return all
    .filter(({ kind, status }) => kind === 'change' && status === 'approved')
    .sort((a, b) => place(a) - place(b))
}
