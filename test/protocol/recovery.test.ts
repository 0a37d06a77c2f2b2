import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRejection } from '../../core/protocol/commands.ts'
import { decide } from '../../core/protocol/decide.ts'
import type { Event } from '../../core/protocol/events.ts'
import { evolve, fold } from '../../core/protocol/evolve.ts'
import { initialState, type State, taskOf } from '../../core/protocol/state.ts'
import {
  type Asked,
  assessed,
  assigned,
  candidate,
  change,
  checked,
  coding,
  ended,
  given,
  landing,
  reviewing,
  said,
  started,
  verdict,
} from './given.ts'

const effect = { kind: 'spawn', role: 'planner', hash: 'h1' }

describe('recovery', () => {
  test('an effect that began and did not end may begin again with the same arguments', () => {
    given(...started, { type: 'BeginEffect', task: 't1', place: 'conductor/0', effect })
      .when({ type: 'BeginEffect', task: 't1', place: 'conductor/0', effect })
      .then()
  })

  test('another effect at the same place is a divergence', () => {
    given(...started, { type: 'BeginEffect', task: 't1', place: 'conductor/0', effect })
      .when({ type: 'BeginEffect', task: 't1', place: 'conductor/0', effect: { ...effect, hash: 'h2' } })
      .rejects('divergence')
  })

  test('an effect ends once (I-21)', () => {
    given(
      ...started,
      { type: 'BeginEffect', task: 't1', place: 'conductor/0', effect },
      { type: 'EndEffect', task: 't1', place: 'conductor/0', result: 1 },
    )
      .when({ type: 'EndEffect', task: 't1', place: 'conductor/0', result: 2 })
      .rejects('duplicate')
  })

  test('a task that has ended takes no command', () => {
    given(...started, { type: 'EndTask', task: 't1', outcome: 'failed', reason: 'x' })
      .when(coding('1'))
      .rejects('task-ended')
  })

  test('a lead with an older epoch is refused (I-06)', () => {
    given({ type: 'TakeLead', epoch: 2, process: 'a' })
      .when({ type: 'TakeLead', epoch: 2, process: 'b' })
      .rejects('stale-epoch')
  })

  const turns = fc.constantFrom('1', '2', '3')
  const commits = fc.constantFrom('c1', 'c2')
  const asked: fc.Arbitrary<Asked> = fc.oneof(
    fc.tuple(turns, fc.constantFrom('openai', 'anthropic')).map(([turn, family]) => coding(turn, family)),
    fc.constantFrom('openai', 'anthropic').map((family) => assigned(family, 'afresh')),
    fc.tuple(turns, commits).map(([turn, commit]) => change(turn, commit)),
    turns.map((turn) => ended(turn)),
    fc
      .tuple(turns, commits, fc.constantFrom('openai', 'anthropic'))
      .map(([turn, commit, family]) => reviewing(turn, commit, family)),
    fc
      .tuple(turns, fc.constantFrom('approve' as const, 'request_changes' as const))
      .map(([turn, decision]) => verdict(turn, decision)),
    commits.map((commit) => candidate(commit)),
    fc.boolean().map((passed) => checked(passed)),
    fc.constantFrom(assessed('low'), assessed('high'), landing, ...started),
    fc.constantFrom<Asked>(
      { type: 'FinishLanding', task: 't1', candidate: 'k1' },
      { type: 'Approve', approval: 't1.1', by: 'ada' },
    ),
  )

  function history(commands: readonly Asked[]): { events: Event[]; state: State } {
    const events: Event[] = []
    let state = initialState
    for (const [at, command] of commands.entries()) {
      const answer = decide(said(command, state, at), state)
      if (isRejection(answer)) continue
      events.push(...answer)
      state = fold(state, answer)
    }
    return { events, state }
  }

  test('decide never throws, and a log folds to one state however often (I-01)', () => {
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 40 }), (commands) => {
        const { events, state } = history([...started, ...commands])
        expect(fold(initialState, structuredClone(events))).toEqual(state)
      }),
      { numRuns: 500 },
    )
  })

  test('whatever is asked in whatever order, what landed was approved at that commit by a family that did not write it (I-08, I-09)', () => {
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 60 }), (commands) => {
        const { events } = history([...started, ...commands])
        let state = initialState
        for (const event of events) {
          if (event.type === 'LandingStarted') {
            const task = taskOf(state, event.task)!
            const built = task.candidates[event.candidate]!
            for (const { subject, commit } of built.changes) {
              const one = task.subjects[subject]!
              expect(one).toMatchObject({ on: commit, status: 'approved' })
              expect(one.verdict?.on).toBe(commit)
              expect(one.families).not.toContain(one.verdict?.family)
            }
            expect(built.checks?.passed).toBe(true)
          }
          state = evolve(state, event)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
