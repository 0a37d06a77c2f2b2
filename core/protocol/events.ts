import type { Caps, Spend } from './budget.ts'
import type { Plan } from './plan.ts'
import type { Risk, Verdict } from './verdict.ts'

/** What happened. Persisted for ever: a type may be added; one whose shape changes gets a
 *  new version and a step in `upcast.ts`. Times are milliseconds since the epoch, UTC. */
export type Event = Stamp &
  (
    | BandEvent
    | TaskEvent
    | EffectEvent
    | TurnEvent
    | ProductEvent
    | LandingEvent
    | BudgetEvent
    | WatchEvent
    | PersonEvent
  )

/** An event as the log holds it. */
export type Recorded = Event & { seq: number }

export interface Stamp {
  at: number
  /** Version of the type's shape, where that ever changed; `upcast.ts` brings older ones up. */
  v?: number
  /** Id of the command it follows from, where that command had one: the same id again changes nothing. */
  cause?: string
}

export type BandEvent = { type: 'LeaderElected'; epoch: number; process: string }

export type TaskEvent =
  | { type: 'TaskSubmitted'; task: string; text: string; policy: Policy; by: string }
  | { type: 'TaskStarted'; task: string; base: string }
  /** Nothing more can be done until a person acts. */
  | { type: 'TaskParked'; task: string; reason: ParkReason; detail: string }
  | { type: 'TaskResumed'; task: string }
  /** A person wants it to end; the band winds it down. */
  | { type: 'CancelRequested'; task: string; why: string; by: string }
  | { type: 'TaskEnded'; task: string; outcome: TaskOutcome; reason: string }

/** The journal of steps; `place` is where in the program: `conductor/2/0.1`. */
export type EffectEvent =
  | { type: 'EffectStarted'; task: string; place: string; effect: EffectSummary }
  | { type: 'EffectEnded'; task: string; place: string; result: unknown }
  | { type: 'EffectFailed'; task: string; place: string; outcome: EffectFailure; reason: string }

export type TurnEvent =
  | {
      type: 'TurnStarted'
      task: string
      turn: string
      place: string
      worker: string
      role: string
      /** Hash of the role as it was played. */
      definition?: string
      framework: string
      family: string
      purpose?: TurnPurpose
      /** The product it makes or judges. */
      subject?: string
      /** Of the assignment under which it makes the product. */
      epoch?: number
      /** The commit or plan hash it judges or starts from. */
      on?: string
      round: number
      retry: number
      systemPrompt: string
      prompt: string
      /** Place of the budget that pays for it, and what is set aside there until it ends. */
      budget?: string
      reserved?: Partial<Spend>
    }
  | { type: 'TextSaid'; task: string; turn: string; worker: string; text: string }
  | { type: 'ToolCalled'; task: string; turn: string; worker: string; call: string; tool: string; input: unknown }
  | {
      type: 'ToolReturned'
      task: string
      turn: string
      worker: string
      call: string
      tool: string
      ok: boolean
      output: string
      sandbox?: string
    }
  | {
      type: 'ViolationRecorded'
      task: string
      turn?: string
      worker: string
      role: string
      tool: string
      code: string
      reason: string
      inputHash: string
    }
  /** Untracked files that no rule lets the role leave; ignored ones are not told. */
  | {
      type: 'StraysRemoved'
      task: string
      /** Of a turn; of a program's call the place. */
      turn?: string
      place?: string
      worker: string
      role: string
      count: number
      /** The first of them. */
      paths: readonly string[]
    }
  | {
      type: 'TurnEnded'
      task: string
      turn: string
      worker: string
      outcome: 'done' | 'cancelled' | 'failed' | 'void'
      failure?: { kind: string; detail: string }
      usage: { inputTokens: number; outputTokens: number; usd?: number }
      /** Resume token of the session. */
      session?: string
      ms: number
    }

export type ProductEvent =
  /** Who makes the product from now on. A turn of an older epoch hands over nothing. */
  | {
      type: 'WorkerAssigned'
      task: string
      subject: string
      worker: string
      family: string
      epoch: number
      /** Whether it goes on from what is there, or starts from the base again. */
      start: AssignmentStart
      reason: string
    }
  /** No more is made of it: the rounds are used up. */
  | { type: 'SubjectAbandoned'; task: string; subject: string; reason: string }
  | {
      type: 'PlanSubmitted'
      task: string
      subject: string
      turn: string
      worker: string
      family: string
      role: string
      plan: Plan
      hash: string
      input: unknown
    }
  | {
      type: 'ChangeSubmitted'
      task: string
      subject: string
      turn: string
      worker: string
      family: string
      role: string
      commit: string
      tree: string
      base: string
      files: readonly string[]
      message: string
      input: unknown
    }
  | {
      type: 'VerdictGiven'
      task: string
      subject: string
      /** Commit of a change, hash of a plan. */
      on: string
      turn: string
      worker: string
      family: string
      verdict: Verdict
      /** Set where a person waived opposition and the family is not opposite. */
      sameFamily?: true
    }
  /** An approved change came back: it conflicts, its checks fail, or a person refused it. */
  | {
      type: 'ChangeReturned'
      task: string
      subject: string
      commit: string
      reason: 'conflict' | 'checks' | 'refused'
      detail: string
    }

export type LandingEvent =
  | {
      type: 'CandidateBuilt'
      task: string
      candidate: string
      base: string
      commit: string
      tree: string
      changes: readonly { subject: string; commit: string }[]
    }
  | {
      type: 'ChecksRecorded'
      task: string
      candidate: string
      tree: string
      passed: boolean
      checks: readonly CheckResult[]
      sandbox: string
    }
  | { type: 'RiskAssessed'; task: string; candidate: string; risk: Risk; reasons: readonly string[] }
  | {
      type: 'ApprovalRequested'
      task: string
      approval: string
      candidate: string
      commit: string
      base: string
      tree: string
      risk: Risk
      reasons: readonly string[]
    }
  /** Intent: the ref is about to move. */
  | { type: 'LandingStarted'; task: string; candidate: string; target: string; from: string; to: string; tree: string }
  | {
      type: 'Landed'
      task: string
      candidate: string
      target: string
      from: string
      to: string
      tree: string
      sandbox: string
      waived: boolean
    }
  | { type: 'LandingRefused'; task: string; candidate: string; reason: 'moved' | 'dirty'; detail: string }

export type BudgetEvent =
  /** A role with limits of its own begins to play; what it and all below it spend counts here and above. */
  | { type: 'BudgetOpened'; task: string; place: string; parent?: string; caps: Caps }
  /** A running turn may spend this much more. */
  | { type: 'BudgetReserved'; task: string; turn: string; more: Partial<Spend> }

export type WatchEvent =
  | { type: 'StallNoticed'; task: string; turn: string; worker: string; kind: StallKind; detail: string }
  | { type: 'PersonReminded'; task: string; approval: string; times: number }

export type PersonEvent =
  /** Talk. It changes nothing, whatever it says. */
  | { type: 'MessageSent'; task: string; from: string; to: string; text: string }
  | { type: 'ApprovalGiven'; task: string; approval: string; commit: string; base: string; tree: string; by: string }
  | { type: 'ApprovalRefused'; task: string; approval: string; why: string; by: string }

export interface CheckResult {
  argv: readonly string[]
  exitCode: number | null
  output: string
  ms: number
  /** The file in which it was to name its tests. */
  report?: string
  /** What that report says. */
  tests?: CheckTests
  /** It ended with 0, and yet nothing can be concluded from it: why, in one line. */
  inconclusive?: string
}

/** Counts of what a report names; how it differs from the report of the base. */
export interface CheckTests {
  passed: number
  skipped: number
  /** Tests that passed on the base and did not run: how many, and some of their names. */
  missing?: { count: number; names: readonly string[] }
  /** Why the base has nothing to compare with. */
  uncompared?: string
}

/** What a task keeps from the definitions it began with. */
export interface Policy {
  /** Hash of the bundle of roles and configuration. */
  definitions: string
  /** The branch it lands on. */
  target: string
  opposition: 'required' | 'waived'
  /** Risk up to which nothing asks a person. */
  autoMerge: Risk | 'none'
  rounds: number
  retries: number
  /** Failures of the world in a row at one place, after which the task waits for a person; default 5. They burn no retry. */
  outages?: number
  /** What the whole task may spend; default: no cap. */
  caps?: Caps
  sandbox: 'required' | 'if-available' | 'off'
}

export interface EffectSummary {
  kind: string
  role?: string
  /** Hash of all it was asked with; another effect at the same place is a divergence. */
  hash: string
}

export type TaskOutcome = 'success' | 'escalated' | 'failed' | 'refused' | 'cancelled' | 'budget' | 'infrastructure'
export type EffectFailure = 'retry' | 'escalate' | 'failed' | 'refused' | 'cancelled' | 'budget' | 'infrastructure'
export type ParkReason = 'approval' | 'dirty' | 'capacity' | 'ask' | 'infrastructure'
export type TurnPurpose = 'produce' | 'review' | 'play'
export type AssignmentStart = 'goes-on' | 'afresh'
/** 'silent': nothing came for too long. 'loop': the same call fails again and again. */
export type StallKind = 'silent' | 'loop'

/** Every type this codeband knows. A log that holds another one was written by a newer codeband and is not folded at all. */
const known: Readonly<Record<Event['type'], true>> = {
  LeaderElected: true,
  TaskSubmitted: true,
  TaskStarted: true,
  TaskParked: true,
  TaskResumed: true,
  CancelRequested: true,
  TaskEnded: true,
  EffectStarted: true,
  EffectEnded: true,
  EffectFailed: true,
  TurnStarted: true,
  TextSaid: true,
  ToolCalled: true,
  ToolReturned: true,
  ViolationRecorded: true,
  StraysRemoved: true,
  TurnEnded: true,
  WorkerAssigned: true,
  SubjectAbandoned: true,
  PlanSubmitted: true,
  ChangeSubmitted: true,
  VerdictGiven: true,
  ChangeReturned: true,
  CandidateBuilt: true,
  ChecksRecorded: true,
  RiskAssessed: true,
  ApprovalRequested: true,
  LandingStarted: true,
  Landed: true,
  LandingRefused: true,
  BudgetOpened: true,
  BudgetReserved: true,
  StallNoticed: true,
  PersonReminded: true,
  MessageSent: true,
  ApprovalGiven: true,
  ApprovalRefused: true,
}

export function isKnown(type: string): type is Event['type'] {
  return Object.hasOwn(known, type)
}
