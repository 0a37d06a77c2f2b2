import { optionalToolsOf, toolsOf, writingTools } from './granted-tools.ts'
import type { Role } from './role.ts'

/** Something a role cannot do itself but can cause. */
export interface Reached {
  tool: string
  /** Whom it goes through, the one that has the tool last. */
  via: readonly string[]
}

/** These end in what the role itself hands over or says, so they reach nothing. */
const ownAffairs = new Set(['submit_plan', 'submit_verdict', 'set_output', 'spawn_roles', 'send_message', 'ask_human'])

/** What a role can cause through those it may spawn, whoever reviews them included: each tool once, by the shortest way. Tools that a
 *  generator may add count: this says what is possible, not what is usual. */
export function reachOf(role: Role, roles: ReadonlyMap<string, Role>): Reached[] {
  const own = new Set(usable(role))
  const reached = new Map<string, Reached>()
  const seen = new Set([role.id])
  let front: { id: string; via: readonly string[] }[] = (role.spawnableRoles ?? []).map((id) => ({ id, via: [id] }))
  while (front.length > 0) {
    const next: typeof front = []
    for (const { id, via } of front) {
      const one = roles.get(id)
      if (one === undefined || seen.has(id)) continue
      seen.add(id)
      for (const tool of usable(one)) {
        if (!own.has(tool) && !reached.has(tool) && !ownAffairs.has(tool)) reached.set(tool, { tool, via })
      }
      const further = [...(one.spawnableRoles ?? []), ...(one.reviewedBy === undefined ? [] : [one.reviewedBy])]
      for (const other of further) next.push({ id: other, via: [...via, other] })
    }
    front = next
  }
  return [...reached.values()].sort((a, b) => (a.tool < b.tool ? -1 : 1))
}

function usable(role: Role): string[] {
  const all = [...new Set([...toolsOf(role), ...optionalToolsOf(role)])]
  return role.produces === 'change' ? all : all.filter((tool) => !writingTools.includes(tool))
}

/** 'file-picker can reach run_tests via planner > coder', a line a way. */
export function showReach(role: string, reached: readonly Reached[]): string[] {
  const byWay = new Map<string, string[]>()
  for (const { tool, via } of reached) {
    const way = via.join(' > ')
    byWay.set(way, [...(byWay.get(way) ?? []), tool])
  }
  return [...byWay].map(([way, tools]) => `${role} can reach ${tools.join(', ')} via ${way}`)
}
