import type { CheckResult, EffectFailure, EffectSummary, ParkReason, Policy, TaskOutcome } from './events.ts'
import type { Plan } from './plan.ts'
import type { Table } from './table.ts'
import type { Risk, Verdict } from './verdict.ts'

/** A fold of the log; nothing here is not in the log. Never changed in place. */
export interface State {
  /** Number of the last event. */
  version: number
  /** Epoch of the last lead. */
  epoch: number
  /** Order of submission. */
  tasks: Readonly<Record<string, Task>>
}

export interface Task {
  id: string
  text: string
  by: string
  submittedAt: number
  policy: Policy
  status: 'queued' | 'running' | 'parked' | 'ended'
  parked?: { reason: ParkReason; detail: string }
  outcome?: TaskOutcome
  reason?: string
  base?: string
  journal: Table<JournalEntry>
  turns: Readonly<Record<string, Turn>>
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

export interface Turn {
  id: string
  place: string
  worker: string
  role: string
  framework: string
  family: string
  subject?: string
  on?: string
  round: number
  retry: number
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
  status: 'submitted' | 'approved' | 'changes-requested' | 'returned' | 'escalated' | 'landed'
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

export const initialState: State = { version: 0, epoch: 0, tasks: {} }

/** Approvals that wait for a person, oldest first. */
export function waitingApprovals(state: State): Approval[] {
  return Object.values(state.tasks)
    .flatMap((task) => Object.values(task.approvals))
    .filter(({ status }) => status === 'waiting')
}

/** The turn of this worker on this subject that ended last: where its session goes on. */
export function lastTurn(task: Task, worker: string, subject: string | undefined): Turn | undefined {
  return Object.values(task.turns).findLast(
    (turn) => turn.worker === worker && turn.subject === subject && turn.session !== undefined,
  )
}

/** Approved changes that have not landed, in the order in which they were approved products of the program. */
export function approvedChanges(task: Task): Subject[] {
  return Object.values(task.subjects).filter(({ kind, status }) => kind === 'change' && status === 'approved')
}
