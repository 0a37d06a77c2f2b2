import { describe, expect, test } from 'vitest'
import { taskOf } from '../../core/protocol/state.ts'
import { assessed, candidate, checked, coded, given, landing, reviewed, started, startedWith } from './given.ts'

const approved = [...started, ...coded('1', 'c1'), ...reviewed('2', 'c1')]
const ready = [...approved, candidate(), checked(), assessed()]

describe('landing', () => {
  test('an approved, checked change of low risk may land', () => {
    given(...ready)
      .when(landing)
      .then({
        type: 'LandingStarted',
        task: 't1',
        candidate: 'k1',
        target: 'main',
        from: 'base',
        to: 'merged',
        tree: 'tree',
      })
  })

  test('a change without a verdict is in no candidate (I-08)', () => {
    given(...started, ...coded('1', 'c1'))
      .when(candidate())
      .rejects('unapproved')
  })

  test('a change lands once: a candidate that names it twice is not built (I-08)', () => {
    const once = candidate() as Extract<ReturnType<typeof candidate>, { type: 'BuildCandidate' }>
    given(...approved)
      .when({ ...once, changes: [...once.changes, ...once.changes] })
      .rejects('duplicate')
  })

  test('an approval of an older commit counts for nothing (I-08)', () => {
    given(...approved)
      .when(candidate('c0'))
      .rejects('wrong-commit')
  })

  test('a change that moved after its approval cannot be approved again by staying in an old candidate (I-08)', () => {
    const returned = {
      type: 'ReturnChange',
      task: 't1',
      subject: 'change/s1',
      commit: 'c1',
      reason: 'checks',
      detail: 'red',
    } as const
    given(...ready, returned)
      .when(landing)
      .rejects('unapproved')
  })

  test('red checks do not land (I-18)', () => {
    given(...approved, candidate(), checked(false), assessed())
      .when(landing)
      .rejects('checks')
  })

  test('without checks nothing lands', () => {
    given(...approved, candidate(), assessed())
      .when(landing)
      .rejects('checks')
  })

  test("with sandbox 'required', checks that ran bare do not land (I-28)", () => {
    const required = [...startedWith({ sandbox: 'required' }), ...coded('1', 'c1'), ...reviewed('2', 'c1')]
    given(...required, candidate(), checked(true, 'none'), assessed())
      .when(landing)
      .rejects('sandbox')
  })

  test('the risk of a reviewer raises the floor of core, and a person is asked', () => {
    given(
      ...started,
      ...coded('1', 'c1'),
      ...reviewed('2', 'c1', 'approve', 'high'),
      candidate(),
      checked(),
      assessed('low'),
    )
      .when(landing)
      .rejects('approval')
  })

  test('a reviewer cannot lower the floor of core', () => {
    const scene = given(...approved, candidate(), checked(), assessed('high'))
    expect(taskOf(scene.state, 't1')?.candidates.k1?.risk).toBe('high')
    scene.when(landing).rejects('approval')
  })

  test("a person's approval is bound to commit, base and tree (I-15)", () => {
    const asked = given(...approved, candidate(), checked(), assessed('high'))
    asked.and({ type: 'Approve', approval: 't1.1', by: 'ada' }).when(landing).then({
      type: 'LandingStarted',
      task: 't1',
      candidate: 'k1',
      target: 'main',
      from: 'base',
      to: 'merged',
      tree: 'tree',
    })
    const moved = { ...candidate('c1', 'newer'), candidate: 'k2', commit: 'merged2' } as ReturnType<typeof candidate>
    asked
      .and(
        { type: 'Approve', approval: 't1.1', by: 'ada' },
        moved,
        { type: 'RecordChecks', task: 't1', candidate: 'k2', passed: true, checks: [], sandbox: 'bubblewrap' },
        { type: 'AssessRisk', task: 't1', candidate: 'k2', floor: 'high', reasons: [], approval: 't1.2' },
      )
      .when({ type: 'BeginLanding', task: 't1', candidate: 'k2' })
      .rejects('approval')
  })

  test('a yes is for one candidate: with the same bytes built again, the no to the second one counts (I-15)', () => {
    const again = { ...candidate(), candidate: 'k2' } as ReturnType<typeof candidate>
    given(...approved, candidate(), checked(), assessed('high'), { type: 'Approve', approval: 't1.1', by: 'ada' })
      .and(
        again,
        { type: 'RecordChecks', task: 't1', candidate: 'k2', passed: true, checks: [], sandbox: 'bubblewrap' },
        { type: 'AssessRisk', task: 't1', candidate: 'k2', floor: 'high', reasons: [], approval: 't1.2' },
        { type: 'Reject', approval: 't1.2', why: 'no', by: 'bob' },
      )
      .when({ type: 'BeginLanding', task: 't1', candidate: 'k2' })
      .rejects('approval')
  })

  test('of approve and reject on one request, the first wins (I-15)', () => {
    given(...approved, candidate(), checked(), assessed('high'), { type: 'Approve', approval: 't1.1', by: 'ada' })
      .when({ type: 'Reject', approval: 't1.1', why: 'no', by: 'bob' })
      .rejects('stale-approval')
  })

  test('who said yes may take it back until the branch begins to move (I-15)', () => {
    const yes = { type: 'Approve', approval: 't1.1', by: 'ada' } as const
    const no = { type: 'Reject', approval: 't1.1', why: 'no', by: 'ada' } as const
    const said = given(...approved, candidate(), checked(), assessed('high'), yes)
    said.and(no).when(landing).rejects('approval')
    said.and(landing).when(no).rejects('stale-approval')
  })

  test('checks and risk are recorded once for a candidate: red does not turn green by asking again', () => {
    const scene = given(...approved, candidate(), checked(false), assessed('high'))
    scene.when(checked(true)).rejects('duplicate')
    scene.when(assessed('low')).rejects('duplicate')
  })

  test('while a branch may be moving no other candidate is built, and the task does not end (I-22)', () => {
    const scene = given(...ready, landing)
    const other = { ...candidate('c1', 'newer'), candidate: 'k2' } as ReturnType<typeof candidate>
    scene.when(other).rejects('state')
    scene.when({ type: 'EndTask', task: 't1', outcome: 'failed', reason: 'x' }).rejects('state')
  })

  test('a change does not come back while the branch may be moving to it (I-22)', () => {
    const back = { type: 'ReturnChange', task: 't1', subject: 'change/s1', commit: 'c1', reason: 'checks' } as const
    const scene = given(...ready, landing)
    scene.when({ ...back, detail: '' }).rejects('state')
    scene.and(
      { type: 'RefuseLanding', task: 't1', candidate: 'k1', reason: 'dirty', detail: '' },
      { ...back, detail: '' },
    )
  })

  test('a new candidate makes a waiting request stale', () => {
    const moved = { ...candidate('c1', 'newer'), candidate: 'k2' } as ReturnType<typeof candidate>
    given(...approved, candidate(), checked(), assessed('high'), moved)
      .when({ type: 'Approve', approval: 't1.1', by: 'ada' })
      .rejects('stale-approval')
  })

  test('with opposition waived nothing lands without a person, whatever the risk', () => {
    const waived = [
      ...startedWith({ opposition: 'waived', autoMerge: 'critical' }),
      ...coded('1', 'c1'),
      ...reviewed('2', 'c1'),
    ]
    given(...waived, candidate(), checked(), assessed())
      .when(landing)
      .rejects('approval')
  })

  test('landing twice is refused', () => {
    given(...ready, landing, { type: 'FinishLanding', task: 't1', candidate: 'k1' })
      .when(landing)
      .rejects('state')
  })

  test('an intent that is there already is not written twice: the ref tells what happened (I-20)', () => {
    given(...ready, landing)
      .when(landing)
      .then()
  })
})
