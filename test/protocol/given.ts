import { expect } from 'vitest'
import { type Command, isPersons, isRejection } from '../../core/protocol/commands.ts'
import { decide } from '../../core/protocol/decide.ts'
import type { Event, Policy } from '../../core/protocol/events.ts'
import { fold } from '../../core/protocol/evolve.ts'
import { initialState, type State } from '../../core/protocol/state.ts'

export type Asked = Command extends infer C ? (C extends { at: number } ? Omit<C, 'at' | 'who'> : never) : never
export type Happened = Event extends infer E ? (E extends { at: number } ? Omit<E, 'at'> : never) : never

export const policy: Policy = {
  definitions: 'd0',
  target: 'main',
  opposition: 'required',
  autoMerge: 'low',
  rounds: 3,
  retries: 3,
  sandbox: 'if-available',
}

/** Plays commands one after another, each of which must be accepted. */
export function given(...commands: readonly Asked[]): Scenario {
  return new Scenario(commands.reduce((state, command) => accepted(state, command), initialState))
}

class Scenario {
  readonly state: State
  constructor(state: State) {
    this.state = state
  }

  and(...commands: readonly Asked[]): Scenario {
    return new Scenario(commands.reduce((state, command) => accepted(state, command), this.state))
  }

  when(command: Asked): { then(...events: readonly Happened[]): void; rejects(code: string): void } {
    const answer = decide(said(command, this.state, 1), this.state)
    return {
      // biome-ignore lint/suspicious/noThenProperty: given, when, then
      then: (...events) => expect(answer).toEqual(events.map((event) => ({ ...event, at: 1 }))),
      rejects: (code) => expect(answer).toMatchObject({ rejected: true, code }),
    }
  }
}

/** In the name of whom the runtime would say it. */
export function said(command: Asked, state: State, at: number): Command {
  const who = isPersons(command.type) ? { kind: 'person', name: 'ada' } : { kind: 'leader', epoch: state.epoch }
  return { ...command, at, who } as Command
}

function accepted(state: State, command: Asked): State {
  const answer = decide(said(command, state, 0), state)
  if (isRejection(answer)) throw new Error(`${command.type} was refused: ${answer.code}: ${answer.reason}`)
  return fold(state, answer)
}

const usage = { inputTokens: 1, outputTokens: 1 }
export const started: readonly Asked[] = [
  { type: 'SubmitTask', task: 't1', text: 'fix it', policy, by: 'ada' },
  { type: 'StartTask', task: 't1', base: 'base' },
]
export const startedWith = (change: Partial<Policy>): readonly Asked[] => [
  { type: 'SubmitTask', task: 't1', text: 'fix it', policy: { ...policy, ...change }, by: 'ada' },
  started[1]!,
]
export const coding = (turn: string, family = 'openai'): Asked => ({
  type: 'BeginTurn',
  task: 't1',
  turn,
  place: `conductor/${turn}`,
  worker: `coder-${family}-0`,
  role: 'coder',
  framework: family,
  family,
  purpose: 'produce',
  subject: 'change/s1',
  systemPrompt: '',
  prompt: '',
})
export const assigned = (family = 'openai', start: 'goes-on' | 'afresh' = 'goes-on'): Asked => ({
  type: 'AssignWorker',
  task: 't1',
  subject: 'change/s1',
  worker: `coder-${family}-0`,
  family,
  start,
  reason: 'the first round',
})
export const change = (turn: string, commit: string, base = 'base'): Asked => ({
  type: 'SubmitChange',
  task: 't1',
  subject: 'change/s1',
  turn,
  commit,
  tree: `tree-${commit}`,
  base,
  files: ['a.ts'],
  message: 'm',
  input: {},
})
export const ended = (turn: string, outcome: 'done' | 'failed' = 'done'): Asked => ({
  type: 'EndTurn',
  task: 't1',
  turn,
  outcome,
  usage,
  session: `s-${turn}`,
  ms: 1,
})
export const reviewing = (turn: string, on: string, family = 'anthropic'): Asked => ({
  type: 'BeginTurn',
  task: 't1',
  turn,
  place: `conductor/${turn}`,
  worker: `code-reviewer-${family}-0`,
  role: 'code-reviewer',
  framework: family,
  family,
  purpose: 'review',
  subject: 'change/s1',
  on,
  systemPrompt: '',
  prompt: '',
})
export const verdict = (
  turn: string,
  decision: 'approve' | 'request_changes' | 'escalate',
  risk: 'low' | 'high' = 'low',
): Asked => ({
  type: 'SubmitVerdict',
  task: 't1',
  turn,
  verdict: { decision, findings: [], risk, summary: 'because' },
})
export const coded = (turn: string, commit: string, family?: string): Asked[] => [
  assigned(family),
  coding(turn, family),
  change(turn, commit),
  ended(turn),
]
export const reviewed = (
  turn: string,
  on: string,
  decision: 'approve' | 'request_changes' = 'approve',
  risk: 'low' | 'high' = 'low',
): Asked[] => [reviewing(turn, on), verdict(turn, decision, risk), ended(turn)]
export const candidate = (commit = 'c1', base = 'base'): Asked => ({
  type: 'BuildCandidate',
  task: 't1',
  candidate: 'k1',
  base,
  commit: 'merged',
  tree: 'tree',
  changes: [{ subject: 'change/s1', commit }],
})
export const checked = (passed = true, sandbox = 'bubblewrap'): Asked => ({
  type: 'RecordChecks',
  task: 't1',
  candidate: 'k1',
  passed,
  checks: [],
  sandbox,
})
export const assessed = (floor: 'low' | 'high' = 'low'): Asked => ({
  type: 'AssessRisk',
  task: 't1',
  candidate: 'k1',
  floor,
  reasons: [],
  approval: 't1.1',
})
export const landing: Asked = { type: 'BeginLanding', task: 't1', candidate: 'k1' }
