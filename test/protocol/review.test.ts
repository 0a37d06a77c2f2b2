import { describe, expect, test } from 'vitest'
import { taskOf } from '../../core/protocol/state.ts'
import {
  assigned,
  change,
  coded,
  coding,
  ended,
  given,
  reviewed,
  reviewing,
  started,
  startedWith,
  verdict,
} from './given.ts'

describe('review', () => {
  test('the family that wrote a change cannot begin to judge it (I-09)', () => {
    given(...started, ...coded('1', 'c1'))
      .when(reviewing('2', 'c1', 'openai'))
      .rejects('same-family')
  })

  test('a verdict is bound to the commit its turn began on, not to one that came later (I-08, F-DE-07)', () => {
    given(...started, ...coded('1', 'c1'), reviewing('2', 'c1'), ...coded('3', 'c2'))
      .when(verdict('2', 'approve'))
      .rejects('wrong-commit')
  })

  test('a review cannot begin on a commit that is not the current one', () => {
    given(...started, ...coded('1', 'c1'), ...coded('2', 'c2'))
      .when(reviewing('3', 'c1'))
      .rejects('wrong-commit')
  })

  test('the worker and family of a verdict come from its turn', () => {
    given(...started, ...coded('1', 'c1'), reviewing('2', 'c1'))
      .when(verdict('2', 'approve'))
      .then({
        type: 'VerdictGiven',
        task: 't1',
        subject: 'change/s1',
        on: 'c1',
        turn: '2',
        worker: 'code-reviewer-anthropic-0',
        family: 'anthropic',
        verdict: { decision: 'approve', findings: [], risk: 'low', summary: 'because' },
        sameFamily: undefined,
      })
  })

  test('a producing turn judges nothing', () => {
    given(...started, assigned(), coding('1'))
      .when(verdict('1', 'approve'))
      .rejects('authz')
  })

  test('a second verdict on the same commit is refused', () => {
    given(...started, ...coded('1', 'c1'), ...reviewed('2', 'c1', 'request_changes'), reviewing('3', 'c1'))
      .when(verdict('3', 'approve'))
      .rejects('duplicate')
  })

  test('with opposition waived the same family may judge, and its verdict is marked', () => {
    const scene = given(
      ...startedWith({ opposition: 'waived' }),
      ...coded('1', 'c1'),
      reviewing('2', 'c1', 'openai'),
      verdict('2', 'approve'),
    )
    expect(taskOf(scene.state, 't1')?.subjects['change/s1']?.verdict?.sameFamily).toBe(true)
  })

  test('rounds are bounded: after the third product without agreement the law says no (I-13)', () => {
    const rounds = [1, 2, 3].flatMap((n) => [
      ...coded(`p${n}`, `c${n}`),
      ...reviewed(`r${n}`, `c${n}`, 'request_changes'),
    ])
    given(...started, ...rounds)
      .when(coding('p4'))
      .rejects('rounds')
  })

  test('a turn hands over one product: the bound on rounds holds whatever a turn does (I-13)', () => {
    const scene = given(...started, assigned(), coding('1'), change('1', 'c1'))
    scene.when(change('1', 'c2')).rejects('duplicate')
    scene.and(ended('1')).when(change('1', 'c2')).rejects('duplicate')
  })

  test('retries are bounded at one place (I-13, F-DE-09)', () => {
    const again = (turn: string) => ({ ...coding(turn), place: 'conductor/9' }) as ReturnType<typeof coding>
    const failures = [1, 2, 3, 4].flatMap((n) => [again(`f${n}`), ended(`f${n}`, 'failed')])
    given(...started, assigned(), ...failures)
      .when(again('f5'))
      .rejects('retries')
  })

  test('the findings of a refused round are the feedback of the next one, and an approval clears them', () => {
    const refused = given(...started, ...coded('1', 'c1'), ...reviewed('2', 'c1', 'request_changes'))
    expect(taskOf(refused.state, 't1')?.subjects['change/s1']?.feedback).toBe('because')
    const approved = refused.and(...coded('3', 'c2'), ...reviewed('4', 'c2'))
    expect(taskOf(approved.state, 't1')?.subjects['change/s1']).toMatchObject({
      status: 'approved',
      feedback: '',
      rounds: 2,
    })
  })

  test('a change that moves to another base is refused: what its authors contributed would be forgotten', () => {
    given(...started, ...coded('1', 'c1'), coding('2'))
      .when(change('2', 'c2', 'elsewhere'))
      .rejects('base-mismatch')
  })

  test('a change that the landing sent back may start anew from another base, and its authors are those of the new start', () => {
    const back = { type: 'ReturnChange', task: 't1', subject: 'change/s1', commit: 'c1' } as const
    const sent = given(...started, ...coded('1', 'c1'), ...reviewed('2', 'c1')).and(
      { ...back, reason: 'conflict', detail: 'a.ts' },
      coding('3'),
      change('3', 'c2', 'tip'),
      ended('3'),
    )
    expect(taskOf(sent.state, 't1')?.subjects['change/s1']).toMatchObject({
      base: 'tip',
      status: 'submitted',
      families: ['openai'],
    })
    sent
      .and(coding('4'))
      .when(change('4', 'c3', 'elsewhere'))
      .rejects('base-mismatch')
  })

  test('a change goes on within the family that began it (I-09)', () => {
    given(...started, ...coded('1', 'c1', 'openai'))
      .when(assigned('anthropic'))
      .rejects('family')
  })

  test('another family starts afresh, and only what it wrote is in the change (I-09)', () => {
    const scene = given(...started, ...coded('1', 'c1', 'openai'), assigned('anthropic', 'afresh'))
    const again = scene.and(coding('2', 'anthropic'), change('2', 'c2'), ended('2'))
    again.when(reviewing('3', 'c2', 'anthropic')).rejects('same-family')
    again.and(reviewing('3', 'c2', 'openai'))
  })

  test('who takes over from somebody who was to start afresh starts afresh too: only the older work is there (I-09)', () => {
    const other = { ...assigned('anthropic'), worker: 'coder-anthropic-1' } as ReturnType<typeof assigned>
    const scene = given(...started, ...coded('1', 'c1', 'openai'), assigned('anthropic', 'afresh'), other)
    expect(taskOf(scene.state, 't1')?.assignments['change/s1']).toMatchObject({ start: 'afresh', fresh: true })
  })

  test('who the product was taken from hands over nothing (I-05, F-DE-06)', () => {
    const scene = given(...started, assigned(), coding('1'), assigned('anthropic', 'afresh'))
    expect(taskOf(scene.state, 't1')?.running).toEqual([])
    scene.when(change('1', 'c1')).rejects('stale-epoch')
    scene.when(coding('2', 'openai')).rejects('authz')
  })

  test('a turn that has ended can record nothing more (I-05)', () => {
    given(...started, ...coded('1', 'c1'))
      .when({ type: 'RecordText', task: 't1', turn: '1', text: 'late' })
      .rejects('stale-epoch')
  })
})
