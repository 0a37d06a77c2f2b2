import type { SessionOptions, ToolResult } from '../ports/framework.ts'
import { isRejection } from '../protocol/commands.ts'
import { hashOf } from './hash.ts'
import type { Log, Request } from './log.ts'
import { recordable } from './tools/payload.ts'

type Call = SessionOptions['call']

/** The door through which the client of one session calls tools: the turn that runs is behind it, and after it what answers late calls. */
export interface Door {
  readonly call: Call
  lead(behind: Call): void
}

/** Before its first turn a call reaches nothing, and nobody can be blamed for it. */
export function openDoor(): Door {
  let behind: Call = async () => ({ ok: false, output: 'denied (stale-epoch): no turn is running' })
  return {
    call: (...call) => behind(...call),
    lead(next) {
      behind = next
    },
  }
}

/** Whose turn a call belongs to. */
export interface Caller {
  task: string
  turn: string
  worker: string
  role: string
}

export const violationOf = (
  caller: Caller,
  tool: string,
  input: unknown,
  { code, reason }: { code: string; reason: string },
): Request => ({ type: 'RecordViolation', ...caller, tool, code, reason, inputHash: hashOf(input) })

/** Longest name of a tool that is recorded as it came; only a hostile client has longer ones. */
const longestName = 200

/** Refuses the calls of a turn that has ended. Each is one violation, the first `most` of them: what comes after those is refused and not
 *  recorded, so that a hostile client cannot fill the log. */
export function lateCalls(
  log: Log,
  caller: Caller,
  most: number,
): (tool: string, input: unknown) => Promise<ToolResult> {
  const denied = { code: 'stale-epoch', reason: `the turn '${caller.turn}' has ended` }
  let count = 0
  return async (tool, input) => {
    if (count++ < most) {
      const violation = violationOf(caller, tool.slice(0, longestName), recordable(input), denied)
      // A log that is closed or led by another process takes no more; the call is refused all the same.
      await log.dispatch(violation).catch(() => undefined)
    }
    return { ok: false, output: `denied (${denied.code}): ${denied.reason}` }
  }
}

/** Records of a turn; false where the turn has ended meanwhile, or its product has become somebody else's. */
export async function recordInTurn(log: Log, ...requests: readonly Request[]): Promise<boolean> {
  const answer = await log.dispatch(...requests)
  if (!isRejection(answer)) return true
  if (answer.code === 'stale-epoch' || answer.code === 'task-ended') return false
  await log.must(...requests)
  return true
}
