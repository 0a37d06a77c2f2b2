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

/** Why a plan cannot be carried out, or undefined: it has no subtask, an id twice, a dangling dependency or a cycle.
 *  Source of the order: A. B. Kahn, Topological sorting of large networks, 1962. */
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
  let left = [...plan.subtasks]
  const done = new Set<string>()
  for (;;) {
    const ready = left.filter(({ dependsOn }) => dependsOn.every((one) => done.has(one)))
    if (ready.length === 0) break
    for (const { id } of ready) done.add(id)
    left = left.filter(({ id }) => !done.has(id))
  }
  return left.length > 0
    ? `the subtasks ${left.map(({ id }) => `'${id}'`).join(', ')} depend on each other in a circle`
    : undefined
}
