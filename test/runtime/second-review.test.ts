import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import type { Recorded, Role } from '../../adapters/index.ts'
import { codeReviewer } from '../../adapters/roles.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { replayedBand } from '../scene/replayed.ts'

const judgement = (decision: string, risk: string, issue?: string): object => ({
  decision,
  risk,
  summary: `${decision}, ${risk}`,
  findings: issue === undefined ? [] : [{ severity: 'Critical', issue }],
})
const submits = (verdict: object): object[] => [{ call: 'submit_verdict', input: verdict }]

/** One change of family `x`, written in one round, judged by a reviewer whose steps return what `second` gives. */
async function reviewed(
  first: object,
  second: Role['steps'],
  auditor: Partial<Role> & { verdict?: object } = {},
): Promise<{ outcome: string; events: Recorded[]; pending: number }> {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const { verdict = judgement('approve', 'low'), ...more } = auditor
  const turns = [
    { role: 'coder', steps: [{ call: 'write_file', input: { path: 'a.txt', content: 'b\n' } }] },
    { role: 'code-reviewer', steps: submits(first) },
    { role: 'auditor', steps: [{ call: 'git_diff', input: {}, expect: { contains: '+b' } }, ...submits(verdict)] },
  ]
  const roles: Role[] = [
    { ...codeReviewer, spawnableRoles: ['auditor'], steps: second! },
    { id: 'auditor', description: 'Audits.', produces: 'verdict', tools: ['git_diff'], ...more },
    {
      id: 'conductor',
      description: 'One change.',
      spawnableRoles: ['coder', 'mergemaster'],
      *steps({ band }) {
        const subtask = { id: 'one', title: 'One', description: '', files: ['a.txt'], dependsOn: [] }
        yield* band.reviewed('coder', { subtask, files: [] })
        yield* band.spawn('mergemaster', {})
      },
    },
  ]
  const family = (name: string) => scripted({ id: name, family: name, script: { turns } })
  const band = await replayedBand({
    repo,
    home: join(at, 'home'),
    frameworks: { x: family('x'), y: family('y') },
    workers: { coder: { x: 1 }, 'code-reviewer': { y: 1 } },
    roles,
    checks: [['true']],
    sandbox: 'off',
    limits: { rounds: 1 },
  })
  const events: Recorded[] = []
  band.on('event', (event) => events.push(event))
  const { outcome, pending } = await band.run('one')
  await band.close()
  return { outcome, events, pending: pending.length }
}

const of = <T extends Recorded['type']>(events: readonly Recorded[], type: T): Extract<Recorded, { type: T }>[] =>
  events.filter((event) => event.type === type) as never
const verdicts = (events: readonly Recorded[]): object[] => of(events, 'VerdictGiven').map(({ verdict }) => verdict)
const asks: Role['steps'] = function* ({ band }) {
  yield* band.stepAll()
  return yield* band.spawn('auditor' as never, {} as never)
}

test("a second reviewer's no is the verdict, with the findings of both and the higher risk", async () => {
  const { outcome, events } = await reviewed(judgement('approve', 'high', 'a smell'), asks, {
    verdict: judgement('request_changes', 'medium', 'a hole'),
  })
  expect(verdicts(events)).toEqual([
    {
      decision: 'request_changes',
      risk: 'high',
      summary: 'approve, high\nrequest_changes, medium',
      findings: [
        { severity: 'Critical', issue: 'a smell' },
        { severity: 'Critical', issue: 'a hole' },
      ],
    },
  ])
  expect(outcome).toBe('escalated')
  expect(of(events, 'Landed')).toEqual([])
})

test('what the steps of a reviewer return makes its verdict never milder', async () => {
  const { events } = await reviewed(judgement('request_changes', 'high', 'a hole'), function* ({ band }) {
    const own = (yield* band.stepAll()) as object
    return { ...own, decision: 'approve', risk: 'low', findings: [] }
  })
  expect(verdicts(events)).toMatchObject([
    { decision: 'request_changes', risk: 'high', findings: [{ issue: 'a hole' }] },
  ])
})

test("a second reviewer's risk makes the landing a person's", async () => {
  const { events, pending } = await reviewed(judgement('approve', 'low'), asks, {
    verdict: judgement('approve', 'critical'),
  })
  expect(verdicts(events)).toMatchObject([{ decision: 'approve', risk: 'critical' }])
  expect(pending).toBe(1)
  expect(of(events, 'Landed')).toEqual([])
})

test('a second reviewer is never of a family that wrote the change, although that one comes first', async () => {
  const { outcome, events } = await reviewed(judgement('approve', 'low'), asks)
  expect(outcome).toBe('success')
  expect(of(events, 'TurnStarted').map(({ role, family }) => `${role} ${family}`)).toEqual([
    'coder x',
    'code-reviewer y',
    'auditor y',
  ])
})

test('where only the family that wrote it may play the second reviewer, nothing is approved: the task is parked (F-DE-08)', async () => {
  const { events } = await reviewed(judgement('approve', 'low'), asks, { frameworks: { x: {} } })
  expect(verdicts(events)).toEqual([])
  expect(of(events, 'TaskParked')).toMatchObject([{ reason: 'capacity' }])
})

test('steps that return something that is no verdict approve nothing', async () => {
  const { outcome, events } = await reviewed(judgement('approve', 'low'), function* ({ band }) {
    yield* band.stepAll()
    return { decision: 'approve' }
  })
  expect(verdicts(events)).toEqual([])
  expect(outcome).not.toBe('success')
  expect(of(events, 'EffectFailed')[0]?.reason).toMatch(
    /the verdict that the steps of 'code-reviewer' return does not fit: .*risk/,
  )
})
