import type { Report } from './problem.ts'
import type { Role } from './role.ts'

/** A role that is asked for reviews but gives no verdict. */
export function lintReviewer(role: Role, roles: ReadonlyMap<string, Role>, report: Report): void {
  if (role.reviewedBy === undefined) return
  const reviewer = roles.get(role.reviewedBy)
  if (reviewer === undefined || reviewer.produces === 'verdict') return
  const self = role.reviewedBy === role.id ? 'itself' : `'${role.reviewedBy}'`
  report(
    'not-a-reviewer',
    `'reviewedBy' names ${self}, which gives no verdict: a reviewer has \`produces: 'verdict'\``,
    {
      path: ['reviewedBy'],
    },
  )
}

/** Circles of spawning in which no role says how deep it may go. Each is reported once, at its first role. */
export function lintCycles(roles: ReadonlyMap<string, Role>, reportOn: (role: Role) => Report): void {
  const edges = (id: string): string[] => (bounded(id) ? [] : (roles.get(id)?.spawnableRoles ?? []).filter(isOpen))
  const bounded = (id: string): boolean => roles.get(id)?.limits?.depth !== undefined
  const isOpen = (id: string): boolean => roles.has(id) && !bounded(id)
  const told = new Set<string>()
  for (const role of roles.values()) {
    if (told.has(role.id)) continue
    const circle = shortestCircle(role.id, edges)
    if (circle === undefined) continue
    for (const id of circle) told.add(id)
    reportOn(role)(
      'spawn-cycle',
      `${[...circle, role.id].join(' > ')} can go round without a bound of its own; only the depth of the whole band ends it. Say how deep: \`limits: { depth: 2 }\` in one of them, or take an edge out.`,
      { path: ['spawnableRoles'], text: circle[1] ?? role.id },
      'warning',
    )
  }
}

/** The roles of the shortest way from a role back to itself. */
function shortestCircle(start: string, edges: (id: string) => string[]): string[] | undefined {
  const seen = new Set<string>()
  let front = [[start]]
  while (front.length > 0) {
    const next: string[][] = []
    for (const way of front) {
      for (const id of edges(way.at(-1)!)) {
        if (id === start) return way
        if (seen.has(id)) continue
        seen.add(id)
        next.push([...way, id])
      }
    }
    front = next
  }
  return undefined
}
