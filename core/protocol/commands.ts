import type { Caps, Spend } from './budget.ts'
import type {
  AssignmentStart,
  CheckResult,
  EffectFailure,
  EffectSummary,
  ParkReason,
  Policy,
  StallKind,
  TaskOutcome,
  TurnPurpose,
} from './events.ts'
import type { Plan } from './plan.ts'
import type { Risk, Verdict } from './verdict.ts'

/** What is asked of the law: what, by whom and when. */
export type Command = Asked &
  (
    | TaskCommand
    | EffectCommand
    | TurnCommand
    | ProductCommand
    | LandingCommand
    | BudgetCommand
    | WatchCommand
    | PersonCommand
  )

export interface Asked {
  /** Core's time, milliseconds since the epoch. */
  at: number
  who: Principal
  /** Of a command that can arrive twice: the second time it changes nothing and gets the first answer. The leader's own commands need
   *  none: a place, a turn, a call or a candidate names each of them once. */
  id?: string
}

/** Bound by core, never taken from what was sent. */
export type Principal = { kind: 'leader'; epoch: number } | { kind: 'person'; name: string }

export type TaskCommand =
  | { type: 'TakeLead'; epoch: number; process: string }
  | { type: 'StartTask'; task: string; base: string }
  | { type: 'ParkTask'; task: string; reason: ParkReason; detail: string }
  | { type: 'ResumeTask'; task: string }
  | { type: 'EndTask'; task: string; outcome: TaskOutcome; reason: string }

export type EffectCommand =
  | { type: 'BeginEffect'; task: string; place: string; effect: EffectSummary }
  | { type: 'EndEffect'; task: string; place: string; result: unknown }
  | { type: 'FailEffect'; task: string; place: string; outcome: EffectFailure; reason: string }

export type TurnCommand =
  | {
      type: 'BeginTurn'
      task: string
      turn: string
      place: string
      worker: string
      role: string
      definition?: string
      framework: string
      family: string
      purpose: TurnPurpose
      subject?: string
      on?: string
      systemPrompt: string
      prompt: string
      /** Place of the budget that pays; default: the task's. */
      budget?: string
      /** Of the role, where it is stricter than the policy. */
      limits?: { rounds?: number; retries?: number }
    }
  | { type: 'RecordText'; task: string; turn: string; text: string }
  | { type: 'RecordCall'; task: string; turn: string; call: string; tool: string; input: unknown }
  | {
      type: 'RecordReturn'
      task: string
      turn: string
      call: string
      tool: string
      ok: boolean
      output: string
      sandbox?: string
    }
  | {
      type: 'RecordViolation'
      task: string
      turn?: string
      worker: string
      role: string
      tool: string
      code: string
      reason: string
      inputHash: string
    }
  | {
      type: 'ReportStrays'
      task: string
      turn?: string
      place?: string
      worker: string
      role: string
      count: number
      paths: readonly string[]
    }
  | {
      type: 'EndTurn'
      task: string
      turn: string
      outcome: 'done' | 'cancelled' | 'failed' | 'void'
      failure?: { kind: string; detail: string }
      usage: { inputTokens: number; outputTokens: number; usd?: number }
      session?: string
      ms: number
    }

export type ProductCommand =
  | {
      type: 'AssignWorker'
      task: string
      subject: string
      worker: string
      family: string
      start: AssignmentStart
      reason: string
    }
  | { type: 'AbandonSubject'; task: string; subject: string; reason: string }
  | { type: 'SubmitPlan'; task: string; subject: string; turn: string; plan: Plan; hash: string; input: unknown }
  | {
      type: 'SubmitChange'
      task: string
      subject: string
      turn: string
      commit: string
      tree: string
      base: string
      files: readonly string[]
      message: string
      input: unknown
    }
  | { type: 'SubmitVerdict'; task: string; turn: string; verdict: Verdict }
  | {
      type: 'ReturnChange'
      task: string
      subject: string
      commit: string
      reason: 'conflict' | 'checks' | 'refused'
      detail: string
    }

export type LandingCommand =
  | {
      type: 'BuildCandidate'
      task: string
      candidate: string
      base: string
      commit: string
      tree: string
      changes: readonly { subject: string; commit: string }[]
    }
  | {
      type: 'RecordChecks'
      task: string
      candidate: string
      passed: boolean
      checks: readonly CheckResult[]
      sandbox: string
    }
  /** `floor` is core's own view of the diff; the reviewers' risk is added here. Asks a person where the policy says so. */
  | { type: 'AssessRisk'; task: string; candidate: string; floor: Risk; reasons: readonly string[]; approval: string }
  | { type: 'BeginLanding'; task: string; candidate: string }
  | { type: 'FinishLanding'; task: string; candidate: string }
  | { type: 'RefuseLanding'; task: string; candidate: string; reason: 'moved' | 'dirty'; detail: string }

export type BudgetCommand =
  | { type: 'OpenBudget'; task: string; place: string; parent?: string; caps: Caps }
  /** A running turn has used up what was set aside of these. */
  | { type: 'ReserveMore'; task: string; turn: string; kinds: readonly (keyof Spend)[] }

export type WatchCommand =
  | { type: 'NoticeStall'; task: string; turn: string; kind: StallKind; detail: string }
  | { type: 'RemindPerson'; task: string; approval: string }

/** What any process may ask in a person's name; all else is the leader's. */
export type PersonCommand =
  | { type: 'SubmitTask'; task: string; text: string; policy: Policy; by: string }
  | { type: 'CancelTask'; task: string; why: string; by: string }
  | { type: 'Approve'; approval: string; by: string }
  /** Also takes back one's own yes, as long as the branch has not begun to move. */
  | { type: 'Reject'; approval: string; why: string; by: string }
  | { type: 'SendMessage'; task: string; from: string; to: string; text: string }

const persons: Readonly<Record<PersonCommand['type'], true>> = {
  SubmitTask: true,
  CancelTask: true,
  Approve: true,
  Reject: true,
  SendMessage: true,
}

export function isPersons(type: string): type is PersonCommand['type'] {
  return Object.hasOwn(persons, type)
}

/** The law's no. */
export interface Rejection {
  rejected: true
  /** kebab-case: one of the denial codes, or the rule that was broken. */
  code: string
  reason: string
}

export function rejection(code: string, reason: string): Rejection {
  return { rejected: true, code, reason }
}

export function isRejection(answer: object): answer is Rejection {
  return 'rejected' in answer
}
