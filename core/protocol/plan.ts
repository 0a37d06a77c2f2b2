import { commonPath } from './write-set.ts'

/** A plan as the protocol holds it; `core/role/products.ts` has its schema. */
export interface Plan {
  summary: string
  subtasks: readonly Subtask[]
}

export interface Subtask {
  id: string
  title: string
  description: string
  /** Paths the subtask may write, relative to the repository; globs allowed. */
  files: readonly string[]
  /** Ids of subtasks whose changes it builds on. */
  dependsOn: readonly string[]
}

/** Why a plan cannot be carried out, or undefined: it has no subtask, an id twice, a dangling dependency, a circle, or two subtasks that
 *  may write the same file at the same time. Source of the order: A. B. Kahn, Topological sorting of large networks, 1962. */
export function planProblem(plan: Plan): string | undefined {
  if (plan.subtasks.length === 0) return 'the plan has no subtask'
  const ids = new Set<string>()
  for (const { id } of plan.subtasks) {
    if (ids.has(id)) return `two subtasks have the id '${id}'`
    ids.add(id)
  }
  for (const { id, dependsOn } of plan.subtasks) {
    const unknown = dependsOn.find((one) => !ids.has(one))
    if (unknown !== undefined) return `subtask '${id}' depends on '${unknown}', which is not in the plan`
  }
  // Of each subtask in order: all that it builds on, near and far.
  const before = new Map<string, ReadonlySet<string>>()
  let left = [...plan.subtasks]
  for (;;) {
    const ready = left.filter(({ dependsOn }) => dependsOn.every((one) => before.has(one)))
    if (ready.length === 0) break
    for (const { id, dependsOn } of ready) {
      before.set(id, new Set(dependsOn.flatMap((one) => [one, ...before.get(one)!])))
    }
    left = left.filter(({ id }) => !before.has(id))
  }
  if (left.length > 0)
    return `the subtasks ${left.map(({ id }) => `'${id}'`).join(', ')} depend on each other in a circle`
  return overlap(plan.subtasks, before)
}

/** Each after all that it builds on; otherwise as they were written. A circle is left out. */
export function inOrder(subtasks: readonly Subtask[]): Subtask[] {
  const ordered: Subtask[] = []
  for (;;) {
    const next = subtasks.find(
      (one) => !ordered.includes(one) && one.dependsOn.every((needed) => ordered.some(({ id }) => id === needed)),
    )
    if (next === undefined) return ordered
    ordered.push(next)
  }
}

function overlap(subtasks: readonly Subtask[], before: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  for (const [index, one] of subtasks.entries()) {
    for (const other of subtasks.slice(index + 1)) {
      if (before.get(one.id)!.has(other.id) || before.get(other.id)!.has(one.id)) continue
      const both = commonPath(one.files, other.files)
      if (both === undefined) continue
      const [a, b] = both
      const what = a === b ? `'${a}'` : `'${a}' and '${b}', which meet`
      return `the subtasks '${one.id}' and '${other.id}' may run side by side and both write ${what}: part their files, or let one depend on the other`
    }
  }
  return undefined
}
