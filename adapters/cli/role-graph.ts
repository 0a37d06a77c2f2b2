import type { RoleSummary } from '../definitions/role-summary.ts'

type Graphed = Pick<RoleSummary, 'id' | 'spawnableRoles' | 'reviewedBy'>

/** Mermaid: solid edges spawn, dotted ones review. */
export function mermaidOf(roles: readonly Graphed[]): string {
  const all = [
    ...new Set(
      roles.flatMap(({ id, spawnableRoles, reviewedBy }) => [
        id,
        ...spawnableRoles,
        ...(reviewedBy ? [reviewedBy] : []),
      ]),
    ),
  ]
  // An id such as `end` is a word of Mermaid's own, so nodes are numbered.
  const node = (id: string): string => `r${all.indexOf(id)}`
  const known = new Set(roles.map(({ id }) => id))
  return [
    'flowchart LR',
    ...all.map((id) => `  ${node(id)}["${id}${known.has(id) ? '' : ' (missing)'}"]`),
    ...roles.flatMap(({ id, spawnableRoles, reviewedBy }) => [
      ...spawnableRoles.map((other) => `  ${node(id)} --> ${node(other)}`),
      ...(reviewedBy ? [`  ${node(id)} -. reviewed by .-> ${node(reviewedBy)}`] : []),
    ]),
  ].join('\n')
}

/** A tree from each role that nobody spawns or is reviewed by; what was drawn above is not drawn again. */
export function treeOf(roles: readonly Graphed[]): string {
  const byId = new Map(roles.map((role) => [role.id, role]))
  const below = new Set(
    roles.flatMap(({ id, spawnableRoles, reviewedBy }) => [...spawnableRoles, reviewedBy].filter((one) => one !== id)),
  )
  const drawn = new Set<string>()
  const lines: string[] = []

  function draw(id: string, prefix: string, label: string): void {
    const role = byId.get(id)
    const children: { id: string; label: string }[] = [
      ...(role?.spawnableRoles ?? []).map((other) => ({ id: other, label: other })),
      ...(role?.reviewedBy ? [{ id: role.reviewedBy, label: `${role.reviewedBy} (reviews)` }] : []),
    ]
    const again = drawn.has(id) && children.length > 0
    lines.push(`${label}${role ? '' : ' (missing)'}${again ? ' ...' : ''}`)
    if (again) return
    drawn.add(id)
    for (const [index, child] of children.entries()) {
      const last = index === children.length - 1
      draw(child.id, `${prefix}${last ? '   ' : '│  '}`, `${prefix}${last ? '└─ ' : '├─ '}${child.label}`)
    }
  }

  for (const { id } of roles) if (!below.has(id)) draw(id, '', id)
  // What is left goes round in circles that nothing leads into.
  for (const { id } of roles) if (!drawn.has(id)) draw(id, '', id)
  return lines.join('\n')
}
