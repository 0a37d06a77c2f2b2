import { type Command, type LandingCommand, type Rejection, rejection } from './commands.ts'
import type { Event } from './events.ts'
import { isOpposite } from './pairing.ts'
import type { Candidate, Task } from './state.ts'
import { higherRisk, needsPerson } from './verdict.ts'

type Commands = { at: number } & (LandingCommand | Extract<Command, { type: 'ReturnChange' }>)

/** The rules between an approved change and the moved branch. */
export function decideLanding(command: Commands, task: Task): readonly Event[] | Rejection {
  const { at } = command
  if (command.type === 'BuildCandidate') {
    const { candidate, base, commit, tree, changes } = command
    const problem = unapproved(task, changes)
    if (problem) return problem
    if (task.candidates[candidate]) return rejection('duplicate', `there is a candidate '${candidate}' already`)
    // It would make the other one stale, and nobody would find out whether its branch moved.
    const landing = Object.values(task.candidates).find(({ status }) => status === 'landing')
    if (landing) return rejection('state', `candidate '${landing.id}' is landing`)
    return [{ type: 'CandidateBuilt', at, task: task.id, candidate, base, commit, tree, changes }]
  }
  if (command.type === 'ReturnChange') {
    const { subject: id, commit, reason, detail } = command
    const subject = task.subjects[id]
    if (subject?.status !== 'approved' || subject.on !== commit)
      return rejection('state', `'${id}' is not approved at ${commit}`)
    // It may be on the branch already; and what would come after it would count as landed when this landing is finished.
    const landing = Object.values(task.candidates).find(({ status }) => status === 'landing')
    if (landing?.changes.some((one) => one.subject === id))
      return rejection('state', `'${id}' is landing in candidate '${landing.id}'`)
    return [{ type: 'ChangeReturned', at, task: task.id, subject: id, commit, reason, detail }]
  }
  const candidate = task.candidates[command.candidate]
  if (candidate === undefined) return rejection('state', `there is no candidate '${command.candidate}'`)
  if (candidate.status === 'stale' || candidate.status === 'landed')
    return rejection('state', `candidate '${candidate.id}' is ${candidate.status}`)
  switch (command.type) {
    case 'RecordChecks': {
      const { passed, checks, sandbox } = command
      if (candidate.checks) return rejection('duplicate', `the checks of '${candidate.id}' are recorded already`)
      return [
        {
          type: 'ChecksRecorded',
          at,
          task: task.id,
          candidate: candidate.id,
          tree: candidate.tree,
          passed,
          checks,
          sandbox,
        },
      ]
    }
    case 'AssessRisk':
      return assessRisk(command, task, candidate)
    case 'BeginLanding':
      return beginLanding(at, task, candidate)
    case 'FinishLanding': {
      if (candidate.status !== 'landing') return rejection('state', `candidate '${candidate.id}' is not landing`)
      const { base: from, commit: to, tree } = candidate
      const sandbox = candidate.checks?.sandbox ?? 'none'
      return [
        {
          type: 'Landed',
          at,
          task: task.id,
          candidate: candidate.id,
          target: task.policy.target,
          from,
          to,
          tree,
          sandbox,
          waived: task.policy.opposition === 'waived',
        },
      ]
    }
    case 'RefuseLanding':
      if (candidate.status !== 'landing') return rejection('state', `candidate '${candidate.id}' is not landing`)
      return [
        {
          type: 'LandingRefused',
          at,
          task: task.id,
          candidate: candidate.id,
          reason: command.reason,
          detail: command.detail,
        },
      ]
  }
}

function assessRisk(
  command: Extract<Commands, { type: 'AssessRisk' }>,
  task: Task,
  candidate: Candidate,
): readonly Event[] | Rejection {
  const { at, floor, approval } = command
  if (candidate.risk !== undefined) return rejection('duplicate', `the risk of '${candidate.id}' is assessed already`)
  const verdicts = candidate.changes.flatMap(({ subject }) => task.subjects[subject]?.verdict ?? [])
  const raised = verdicts.filter(({ verdict }) => higherRisk(verdict.risk, floor) !== floor)
  const risk = verdicts.reduce((highest, { verdict }) => higherRisk(highest, verdict.risk), floor)
  const waived = task.policy.opposition === 'waived'
  const reasons = [
    ...command.reasons,
    ...raised.map(({ worker, verdict }) => `${worker} says ${verdict.risk}`),
    ...(waived ? ['opposition is waived: a person decides'] : []),
  ]
  const { id, commit, base, tree } = candidate
  const assessed: Event = { type: 'RiskAssessed', at, task: task.id, candidate: id, risk, reasons }
  if (!waived && !needsPerson(risk, task.policy.autoMerge)) return [assessed]
  return [
    assessed,
    { type: 'ApprovalRequested', at, task: task.id, approval, candidate: id, commit, base, tree, risk, reasons },
  ]
}

function beginLanding(at: number, task: Task, candidate: Candidate): readonly Event[] | Rejection {
  const { id, base: from, commit: to, tree, changes, checks, risk } = candidate
  const problem = unapproved(task, changes)
  if (problem) return problem
  if (!checks?.passed) return rejection('checks', `the checks have not passed on ${tree}`)
  if (task.policy.sandbox === 'required' && checks.sandbox === 'none')
    return rejection('sandbox', 'the checks ran unsandboxed')
  if (risk === undefined) return rejection('risk', 'the risk is not assessed')
  if (task.policy.opposition === 'waived' || needsPerson(risk, task.policy.autoMerge)) {
    // Of this candidate: a yes to an older one of the same bytes cannot be taken back any more, and a no to this one would not count.
    const given = Object.values(task.approvals).some(
      (one) =>
        one.status === 'given' && one.candidate === id && one.commit === to && one.base === from && one.tree === tree,
    )
    if (!given) return rejection('approval', `a person has not approved ${to}`)
  }
  // A crash after the intent repeats it: the ref itself tells what has happened.
  if (candidate.status === 'landing') return []
  return [{ type: 'LandingStarted', at, task: task.id, candidate: id, target: task.policy.target, from, to, tree }]
}

/** Laws 3 and 4: each change is approved, at exactly this commit, by a family that did not write it. */
function unapproved(task: Task, changes: Candidate['changes']): Rejection | undefined {
  if (changes.length === 0) return rejection('state', 'there is no change to land')
  const twice = changes.find(({ subject }, at) => changes.findIndex((one) => one.subject === subject) !== at)
  if (twice) return rejection('duplicate', `'${twice.subject}' is in it twice`)
  for (const { subject: id, commit } of changes) {
    const subject = task.subjects[id]
    if (subject?.status !== 'approved') return rejection('unapproved', `'${id}' is ${subject?.status ?? 'unknown'}`)
    if (subject.on !== commit || subject.verdict?.on !== commit)
      return rejection('wrong-commit', `'${id}' is not approved at ${commit}`)
    if (task.policy.opposition === 'required' && !isOpposite(subject.verdict.family, subject.families)) {
      return rejection('same-family', `'${id}' was approved by its own family`)
    }
  }
  return undefined
}
