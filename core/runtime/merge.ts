import type { MergeItem } from '../ports/workspace.ts'
import { isRejection } from '../protocol/commands.ts'
import { approvedChanges, type Candidate, type Subject, type Task, taskOf } from '../protocol/state.ts'
import { entries } from '../protocol/table.ts'
import type { MergeReport } from '../role/products.ts'
import { assess } from './assess.ts'
import { inconclusiveWords } from './checks/judge.ts'
import { runChecks } from './checks/run-checks.ts'
import { type EffectAnswer, Halt } from './journal.ts'
import type { Runtime } from './runtime.ts'

/** The branch may move under a candidate this often before the task gives up. */
const attempts = 20

/** Lands what is approved: candidate in memory, checks on exactly its tree, risk, a person where the policy says so, then the branch by
 *  compare-and-swap. Every step is in the log, and a crash between two of them is taken up by looking. */
export async function merge(runtime: Runtime, taskId: string): Promise<EffectAnswer> {
  const { log } = runtime
  const task = (): Task => taskOf(log.state, taskId)!

  async function giveBack(subject: Subject, reason: 'conflict' | 'checks' | 'refused', detail: string): Promise<void> {
    await log.must({ type: 'ReturnChange', task: taskId, subject: subject.id, commit: subject.on, reason, detail })
  }

  for (let attempt = 0; attempt < attempts; attempt++) {
    const changes = approvedChanges(task()).slice(0, runtime.config.merge.batch)
    if (changes.length === 0) return { ok: true, result: reportOf(task()) }
    const refusal = refusalOf(task(), changes)
    if (refusal) {
      for (const change of refusal.changes) await giveBack(change, 'refused', refusal.why)
      continue
    }
    const candidate = await candidateFor(runtime, task(), changes, giveBack)
    if (candidate === undefined) continue
    if (candidate.checks === undefined) await check(runtime, task(), candidate)
    const culprit = await culpritOf(runtime, task(), candidate.id, changes)
    if (culprit) {
      await giveBack(culprit.subject, 'checks', culprit.detail)
      continue
    }
    if (task().candidates[candidate.id]!.risk === undefined) await assess(runtime, task(), candidate)
    if (await mayLand(runtime, taskId, candidate)) await land(runtime, taskId, candidate)
  }
  return {
    ok: false,
    outcome: 'escalate',
    reason: `the branch moved ${attempts} times while a candidate was made ready`,
  }
}

/** What no merge has told the program yet, from the log alone: some of it may have come about in an earlier life of this one. */
function reportOf({ journal, landings, subjects }: Task): MergeReport {
  const told = entries(journal).flatMap(([, { effect, end }]) =>
    effect.kind === 'merge' && end?.ok ? (end.result as MergeReport).landed : [],
  )
  const returned = Object.values(subjects).filter(({ status }) => status === 'returned')
  return {
    landed: landings.flatMap(({ to }) => (told.includes(to) ? [] : [to])),
    returned: returned.map(({ role, input, feedback }) => ({ role, input, reason: feedback })),
  }
}

/** The open candidate of exactly these changes on the branch as it is now, or a new one. Undefined where the world changed: look again. */
async function candidateFor(
  runtime: Runtime,
  task: Task,
  changes: readonly Subject[],
  giveBack: (subject: Subject, reason: 'conflict', detail: string) => Promise<void>,
): Promise<Candidate | undefined> {
  const { workspaces, log } = runtime
  const landing = Object.values(task.candidates).find(({ status }) => status === 'landing')
  if (landing) {
    // The intent is in the log: the ref tells whether it happened.
    await land(runtime, task.id, landing)
    return undefined
  }
  const base = await workspaces.tip(task.policy.target)
  const same = (one: Candidate): boolean =>
    one.status === 'open' &&
    one.base === base &&
    one.changes.length === changes.length &&
    one.changes.every(({ commit }, index) => commit === changes[index]!.on)
  const open = Object.values(task.candidates).find(same)
  if (open) return open
  const merged = await workspaces.merge(
    base,
    changes.map((change) => itemOf(runtime, task, change)),
  )
  if ('conflict' in merged) {
    const { index, files } = merged.conflict
    const detail = `It conflicts with the branch '${task.policy.target}' at ${base.slice(0, 8)} in ${files.join(', ')}. Make the change again on top of what is there now.`
    await giveBack(changes[index]!, 'conflict', detail)
    return undefined
  }
  await workspaces.keep(merged.commit)
  const id = `c${Object.keys(task.candidates).length + 1}`
  const named = changes.map(({ id: subject, on: commit }) => ({ subject, commit }))
  await log.must({ type: 'BuildCandidate', task: task.id, candidate: id, base, ...merged, changes: named })
  return taskOf(log.state, task.id)!.candidates[id]
}

/** One merge commit of a change; its message says who made it, who approved it, and where the law was relaxed. */
function itemOf(
  { sandbox }: Runtime,
  task: Task,
  { id, on, message, worker, family, verdict, at }: Subject,
): MergeItem {
  const trailers = [
    `Codeband-Task: ${task.id}`,
    `Codeband-Change: ${id} at ${on}`,
    `Codeband-Author: ${worker} (${family})`,
    verdict &&
      `Codeband-Approved-By: ${verdict.worker} (${verdict.family})${verdict.sameFamily ? ', same family' : ''}`,
    task.policy.opposition === 'waived' && 'Codeband-Opposition: waived',
    sandbox.kind === 'none' && 'Codeband-Sandbox: unsandboxed',
  ].filter(Boolean)
  // Only core says who approved: a message that a role wrote may not look like it.
  const own = (message ?? id).replace(/^codeband-/gim, 'Not-Codeband-').trimEnd()
  return { commit: on, message: `${own}\n\n${trailers.join('\n')}\n`, at }
}

async function check(runtime: Runtime, task: Task, { id, base, commit }: Candidate): Promise<void> {
  const { passed, checks } = await runChecks(runtime, base, commit, { compare: true })
  await runtime.log.must({
    type: 'RecordChecks',
    task: task.id,
    candidate: id,
    passed,
    checks,
    sandbox: runtime.sandbox.kind,
  })
}

/** The first change with which the checks fail, found by halving the candidate. */
async function culpritOf(
  runtime: Runtime,
  task: Task,
  id: string,
  changes: readonly Subject[],
): Promise<{ subject: Subject; detail: string } | undefined> {
  const { base, checks } = task.candidates[id]!
  if (checks === undefined || checks.passed) return undefined
  let failing = checks.checks
  let good = 0
  let bad = changes.length
  while (bad - good > 1) {
    const half = Math.floor((good + bad) / 2)
    const merged = await runtime.workspaces.merge(
      base,
      changes.slice(0, half).map((change) => itemOf(runtime, task, change)),
    )
    if ('conflict' in merged) break
    const result = await runChecks(runtime, base, merged.commit, { compare: false })
    if (result.passed) good = half
    else {
      bad = half
      failing = result.checks
    }
  }
  const red = failing.at(-1)
  const words = red && inconclusiveWords(red)
  const detail = red
    ? `On the merged tree \`${red.argv.join(' ')}\` ended with ${red.exitCode ?? 'a signal'}${words && `, ${words}`}:\n${red.output.slice(-6000)}`
    : 'the checks failed'
  return { subject: changes[bad - 1]!, detail }
}

/** The changes among these that a person refused, and why. Their no is about the change: it holds wherever the branch is by now. */
function refusalOf(
  { approvals, candidates }: Task,
  changes: readonly Subject[],
): { changes: Subject[]; why: string } | undefined {
  for (const { status, candidate, why } of Object.values(approvals)) {
    if (status !== 'refused') continue
    const asked = candidates[candidate]?.changes ?? []
    const refused = changes.filter(({ id, on }) => asked.some(({ subject, commit }) => subject === id && commit === on))
    if (refused.length > 0) return { changes: refused, why: `A person refused it: ${why}` }
  }
  return undefined
}

/** Waits for a person where the candidate needs one. False when they refuse; parks when nobody waits. */
async function mayLand(runtime: Runtime, taskId: string, { id }: Candidate): Promise<boolean> {
  const { log, wait, stopping } = runtime
  const mine = () =>
    Object.values(taskOf(log.state, taskId)!.approvals)
      .filter(({ candidate }) => candidate === id)
      .at(-1)
  const asked = mine()
  if (asked === undefined) return true
  if (asked.status === 'waiting' && !wait) throw new Halt({ reason: 'approval', detail: asked.id })
  const done = new AbortController()
  void remind(runtime, taskId, asked.id, AbortSignal.any([stopping, done.signal]))
  const answered = await log.until(() => (mine()?.status === 'waiting' ? undefined : mine()), stopping)
  done.abort()
  if (answered === undefined) throw new Halt()
  return answered.status !== 'refused'
}

/** Reminds a person again and again. When the next time is, the log tells: a restart does not begin to count anew. */
async function remind(
  { log, clock, config }: Runtime,
  task: string,
  approval: string,
  signal: AbortSignal,
): Promise<void> {
  const every = config.limits.remindMinutes * 60_000
  for (;;) {
    const waits = taskOf(log.state, task)?.approvals[approval]
    if (waits?.status !== 'waiting') return
    const due = waits.requestedAt + every * (waits.reminders + 1)
    await clock.sleep(Math.max(0, due - clock.now()), signal)
    if (signal.aborted || log.failure !== undefined) return
    await log.dispatch({ type: 'RemindPerson', task, approval }).catch(() => undefined)
  }
}

/** Takes a landing to its end whose intent is in the log: whether the branch moved is found by looking. */
export async function finishLanding(runtime: Runtime, task: string): Promise<void> {
  const landing = Object.values(taskOf(runtime.log.state, task)!.candidates).find(({ status }) => status === 'landing')
  if (landing) await land(runtime, task, landing)
}

async function land({ workspaces, log }: Runtime, taskId: string, { id }: Candidate): Promise<void> {
  const begun = await log.dispatch({ type: 'BeginLanding', task: taskId, candidate: id })
  if (isRejection(begun) && begun.code === 'cancelled') throw new Halt()
  if (isRejection(begun)) throw new Halt({ reason: 'approval', detail: `${begun.code}: ${begun.reason}` })
  const { base, commit } = taskOf(log.state, taskId)!.candidates[id]!
  const { target } = taskOf(log.state, taskId)!.policy
  const result = await workspaces.land(target, base, commit)
  if (result.status === 'landed') {
    await log.must({ type: 'FinishLanding', task: taskId, candidate: id })
    return
  }
  if (result.status === 'moved') {
    await log.must({
      type: 'RefuseLanding',
      task: taskId,
      candidate: id,
      reason: 'moved',
      detail: `'${target}' is at ${result.tip}`,
    })
    return
  }
  const detail = `'${result.checkout}' has changes of its own (${result.files.slice(0, 5).join(', ')}): commit or stash them, then \`codeband resume\``
  await log.must({ type: 'RefuseLanding', task: taskId, candidate: id, reason: 'dirty', detail })
  throw new Halt({ reason: 'dirty', detail })
}
