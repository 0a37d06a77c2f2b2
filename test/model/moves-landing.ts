import type { Candidate, Task } from '../../core/protocol/state.ts'
import type { Asking } from './moves.ts'
import type { Git, Scope, World } from './world.ts'

/** From approved changes to the moved branch, and a person's word on it. */
export function candidateMoves(asking: Asking, scope: Scope, task: Task, { git }: World): void {
  const { may } = scope
  const { id: taskId } = task
  if (!may.has('land')) return
  build(asking, scope, task, git)
  const candidates = Object.values(task.candidates)
  const dead = candidates.find(({ status }) => status === 'stale' || status === 'landed')
  for (const one of candidates.filter((each) => each === dead || each.status === 'open' || each.status === 'landing')) {
    const { id: candidate } = one
    for (const passed of [true, false])
      asking.leader({ type: 'RecordChecks', task: taskId, candidate, passed, checks: [], sandbox: 'bubblewrap' })
    if (task.policy.sandbox === 'required')
      asking.leader({ type: 'RecordChecks', task: taskId, candidate, passed: true, checks: [], sandbox: 'none' })
    for (const floor of ['low', 'high'] as const)
      asking.leader({
        type: 'AssessRisk',
        task: taskId,
        candidate,
        floor,
        reasons: [],
        approval: `${taskId}.${candidate}`,
      })
    asking.leader({ type: 'BeginLanding', task: taskId, candidate })
    landing(asking, taskId, one, git)
  }
  if (!may.has('approve')) return
  for (const { id: approval } of Object.values(task.approvals)) {
    asking.leader({ type: 'RemindPerson', task: taskId, approval })
    for (const by of ['ada', 'bob']) {
      asking.person({ type: 'Approve', approval, by }, by)
      asking.person({ type: 'Reject', approval, why: 'no', by }, by)
    }
  }
}

/** A leader says how the branch is, never what it is not: it looks. */
function landing(asking: Asking, task: string, { id: candidate, base, commit, status }: Candidate, git: Git): void {
  const moved = git.holds.includes(commit)
  // Said of one that nobody began to land, it must not be believed.
  if (moved || status !== 'landing') asking.leader({ type: 'FinishLanding', task, candidate })
  if (moved) return
  if (git.tip !== base) asking.leader({ type: 'RefuseLanding', task, candidate, reason: 'moved', detail: '' })
  else {
    asking.leader({ type: 'RefuseLanding', task, candidate, reason: 'dirty', detail: '' })
    if (status === 'landing') asking.moves.push({ swap: candidate, task })
  }
}

/** Of what is approved; and of what is not, of an old commit, of the same twice. */
function build(asking: Asking, scope: Scope, task: Task, { tip: base }: Git): void {
  const count = Object.keys(task.candidates).length
  const all = scope.subjects.flatMap((id) => task.subjects[id] ?? [])
  if (all.length === 0) return
  const named = (list: readonly { id: string; on: string }[]) =>
    list.map(({ id: subject, on: commit }) => ({ subject, commit }))
  const approved = all.filter(({ status }) => status === 'approved')
  const choices = new Map(
    [
      named(approved),
      named(approved.slice(0, 1)),
      named(all),
      [{ subject: all[0]!.id, commit: `${all[0]!.id}1` }],
      named([all[0]!, all[0]!]),
    ].map((changes) => [JSON.stringify(changes), changes]),
  )
  for (const changes of choices.values()) {
    const commit = `${base}+${changes.map((one) => `${task.id}/${one.commit}`).join('+')}`
    const bytes = { base, commit, tree: `tree of ${commit}`, changes }
    if (count < scope.candidates)
      asking.leader({ type: 'BuildCandidate', task: task.id, candidate: `k${count + 1}`, ...bytes })
    if (count > 0) asking.leader({ type: 'BuildCandidate', task: task.id, candidate: 'k1', ...bytes })
  }
}
