import type { Event, Policy } from '../../core/protocol/events.ts'

/** What a log tells, read from its events alone. It is kept beside the state, shares no rule with core, and is what the rules in
 *  `read.ts` are checked against: a fold that forgets or invents something is found out. */
export interface Story {
  epoch: number
  tasks: Readonly<Record<string, TaskStory>>
}

export interface TaskStory {
  policy: Policy
  stage: 'queued' | 'running' | 'parked' | 'ended'
  cancelled: boolean
  products: Readonly<Record<string, Product>>
  makers: Readonly<Record<string, Maker>>
  turns: Readonly<Record<string, TurnStory>>
  /** The last turn on each product. */
  last: Readonly<Record<string, string>>
  /** Failed turns, and failures of the world in a row, by place. */
  failed: Readonly<Record<string, number>>
  outages: Readonly<Record<string, number>>
  candidates: Readonly<Record<string, CandidateStory>>
  approvals: Readonly<Record<string, ApprovalStory>>
  /** The candidate whose landing was begun and not finished or refused. */
  landing?: string
  effects: Readonly<Record<string, 'open' | 'ended'>>
  budgets: Readonly<Record<string, Purse>>
}

export interface Product {
  on: string
  base: string
  authors: readonly string[]
  rounds: number
  stage: 'submitted' | 'approved' | 'requested' | 'escalated' | 'returned' | 'abandoned' | 'landed'
  /** The verdict that approved it; gone with a new version, and when it came back. */
  yes?: { on: string; family: string; risk: string }
}

export interface Maker {
  worker: string
  family: string
  epoch: number
  /** It starts from the base, and nothing came of it yet. */
  anew: boolean
}

export interface TurnStory {
  worker: string
  family: string
  role: string
  place: string
  purpose: string
  subject?: string
  on?: string
  epoch?: number
  budget: string
  aside: Amounts
  runs: boolean
  done: boolean
}

export interface CandidateStory {
  base: string
  commit: string
  tree: string
  changes: readonly { subject: string; commit: string }[]
  /** It may still land. */
  live: boolean
  landed: boolean
  checks?: { green: boolean; sandbox: string }
  risk?: string
}

export interface ApprovalStory {
  candidate: string
  commit: string
  base: string
  tree: string
  word: 'asked' | 'yes' | 'no'
  by?: string
}

export type Amounts = Partial<Record<'turns' | 'tokens' | 'usd' | 'ms', number>>

export interface Purse {
  parent?: string
  caps: Amounts
  spent: Amounts
  aside: Amounts
}

export const noStory: Story = { epoch: 0, tasks: {} }

export function newStory(policy: Policy): TaskStory {
  return {
    policy,
    stage: 'queued',
    cancelled: false,
    products: {},
    makers: {},
    turns: {},
    last: {},
    failed: {},
    outages: {},
    candidates: {},
    approvals: {},
    effects: {},
    budgets: { '': { caps: policy.caps ?? {}, spent: {}, aside: {} } },
  }
}

/** A rule that does not hold. `rule` is an id of the catalogue of invariants, or a word for it. */
export class Broken extends Error {
  readonly rule: string
  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`)
    this.rule = rule
  }
}

export function hold(rule: string, holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Broken(rule, what())
}

export type Of<T extends Event['type']> = Extract<Event, { type: T }>

export const runningOf = (task: TaskStory): [string, TurnStory][] =>
  Object.entries(task.turns).filter(([, turn]) => turn.runs)
