import type { Workspaces } from '../ports/workspace.ts'
import type { AssignmentStart } from '../protocol/events.ts'
import type { Task } from '../protocol/state.ts'
import { EffectError } from '../role/steps.ts'
import type { Runtime } from './runtime.ts'

/** Where a product begins or goes on. A change that conflicts with what the branch is by now begins anew on top of it: from its old
 *  base no edit could take the conflict away. */
export async function startOf(
  { workspaces }: Runtime,
  task: Task,
  subject: string,
  input: unknown,
  start: AssignmentStart,
): Promise<{ base: string; commit: string }> {
  const last = task.subjects[subject]
  const now = task.assignments[subject]
  if (last?.base !== undefined && (start === 'afresh' || (now?.start === 'afresh' && now.fresh)))
    return { base: last.base, commit: last.base }
  if (last?.kind === 'change' && last.base !== undefined) {
    const tip = last.status === 'returned' ? await workspaces.tip(task.policy.target) : undefined
    const again = tip && (await workspaces.merge(tip, [{ commit: last.on, message: last.on, at: last.at }]))
    if (!tip || !again || !('conflict' in again)) return { base: last.base, commit: last.on }
    const base = await baseOf(workspaces, task, input, tip)
    return { base, commit: base }
  }
  const base = await baseOf(workspaces, task, input, task.base!)
  return { base, commit: base }
}

/** `onto`, with the approved changes that this one depends on merged in. */
async function baseOf(workspaces: Workspaces, { subjects }: Task, input: unknown, onto: string): Promise<string> {
  const { subtask } = (input ?? {}) as { subtask?: { dependsOn?: readonly string[] } }
  const needed = (subtask?.dependsOn ?? []).flatMap((id) => subjects[`change/${id}`] ?? [])
  if (needed.length === 0) return onto
  const items = needed.map(({ on, message, at }) => ({ commit: on, message: message ?? on, at }))
  const merged = await workspaces.merge(onto, items)
  if ('conflict' in merged)
    throw new EffectError('escalate', `the changes it builds on conflict in ${merged.conflict.files.join(', ')}`)
  await workspaces.keep(merged.commit)
  return merged.commit
}
