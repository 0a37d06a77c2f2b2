import type { Caps, Spend } from '../protocol/budget.ts'
import { isRejection } from '../protocol/commands.ts'
import { taskOf } from '../protocol/state.ts'
import { get } from '../protocol/table.ts'
import type { Limits } from '../role/role.ts'
import type { Log } from './log.ts'

/** Caps of the budget tree from what a person or a role writes. */
export function capsOf({ turns, tokens, usd, minutes }: Pick<Limits, 'turns' | 'tokens' | 'usd' | 'minutes'>): Caps {
  const caps: { -readonly [K in keyof Caps]: Caps[K] } = {}
  if (turns !== undefined) caps.turns = turns
  if (tokens !== undefined) caps.tokens = tokens
  if (usd !== undefined) caps.usd = usd
  if (minutes !== undefined) caps.ms = minutes * 60_000
  return caps
}

/** What a running turn spends, against what is set aside for it in the log. */
export interface Meter {
  /** Adds what came in, and sets more aside where it has run out. */
  spend(tokens: number, usd: number): Promise<void>
  stop(): void
}

/** Calls `usedUp` once, with the words for it, when the budget has nothing more to set aside. */
export function openMeter(
  log: Log,
  { task, turn }: { task: string; turn: string },
  usedUp: (why: string) => void,
): Meter {
  const reserved = (): Partial<Spend> => get(taskOf(log.state, task)!.turns, turn)?.reserved ?? {}
  const spent: Spend = { turns: 0, tokens: 0, usd: 0, ms: 0 }
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  async function more(kinds: readonly (keyof Spend)[]): Promise<boolean> {
    const answer = await log.dispatch({ type: 'ReserveMore', task, turn, kinds })
    if (!isRejection(answer)) return true
    if (!stopped && answer.code === 'budget') usedUp(answer.reason)
    return false
  }

  const isOver = (kind: keyof Spend): boolean => spent[kind] >= (reserved()[kind] ?? Number.POSITIVE_INFINITY)

  function wait(): void {
    const { ms } = reserved()
    if (ms === undefined || stopped) return
    // A timer holds at most 24 days.
    const part = Math.min(ms - spent.ms, 2 ** 31 - 1)
    timer = setTimeout(() => {
      spent.ms += part
      if (!isOver('ms')) return wait()
      void more(['ms']).then(
        (got) => (got ? wait() : undefined),
        () => undefined,
      )
    }, part)
  }

  wait()
  return {
    async spend(tokens, usd) {
      spent.tokens += tokens
      spent.usd += usd
      for (;;) {
        const over = (['tokens', 'usd'] as const).filter(isOver)
        if (over.length === 0 || !(await more(over))) return
      }
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
