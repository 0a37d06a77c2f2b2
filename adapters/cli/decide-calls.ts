import { type Boundary, compileBoundary } from '../../core/boundary/boundary.ts'
import type { Check } from '../../core/config.ts'
import type { Worktree } from '../../core/ports/workspace.ts'
import { impliedTools } from '../../core/role/granted-tools.ts'
import type { Role } from '../../core/role/role.ts'
import type { Tool } from '../../core/role/tool.ts'
import { withChecks, withServed } from '../../core/runtime/seat.ts'
import { type Toolbox, toolbox } from '../../core/runtime/tools/toolbox.ts'

export interface DecidingRole {
  boundary: Boundary
  /** What the gate says to a call of this role. Contract: never throws and has no effect. */
  decide: Toolbox['decide']
}

/** The gate of a role as it is played, at the files of `worktree` (an absolute path), with nothing behind it. The problems where the
 *  role has no boundary. Without the input of a playing, a subtask narrows nothing. */
export function decidingRole(
  role: Role,
  options: { worktree: string; checks: readonly Check[]; tools: readonly Tool[] },
): DecidingRole | { problems: readonly string[] } {
  const { worktree, checks, tools } = options
  const compiled = compileBoundary(withServed(withChecks(role, checks)), { worker: `${role.id}-0`, input: undefined })
  if ('problems' in compiled) return compiled
  const { boundary } = compiled
  const { decide } = toolbox({
    boundary,
    worktree: { path: worktree } as Worktree,
    writable: role.produces === 'change',
    sandbox: undefined,
    home: worktree,
    env: {},
    store: worktree,
    commandTimeoutMs: 0,
    custom: [...tools, ...servedTools(role)],
    outputSchema: role.output,
    submit: nothing,
    spawn: nothing,
    ask: nothing,
    say: nothing,
    changes: async () => undefined,
  })
  return { boundary, decide }
}

/** Tools of servers that are not started: what they take is theirs to check. */
function servedTools(role: Role): Tool[] {
  return impliedTools(role).flatMap((name) =>
    name.startsWith('mcp/')
      ? [{ name, description: name, input: { type: 'object', additionalProperties: true }, run: nothing }]
      : [],
  )
}

const nothing = async () => ({ ok: false, output: 'only decided' })
