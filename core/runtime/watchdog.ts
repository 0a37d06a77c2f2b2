import type { StallKind } from '../protocol/events.ts'
import { hashOf } from './hash.ts'

/** Watches one turn. Progress is text, a call, its result or usage, never how recently somebody chatted. */
export interface Watchdog {
  /** A sign of life. */
  progress(): void
  /** A call goes out: the command it runs has a limit of its own, so silence does not count until it is back. */
  calling(): void
  called(tool: string, input: unknown, result: { ok: boolean }): void
  stop(): void
}

export interface Stall {
  kind: StallKind
  detail: string
}

/** `writes` tells whether a call that worked may have changed the worktree: then what failed before may work now. */
export function openWatchdog(
  { silentMs, repeats, writes }: { silentMs: number; repeats: number; writes(tool: string): boolean },
  stalled: (stall: Stall) => void,
): Watchdog {
  const failures = new Map<string, number>()
  let out = 0
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function progress(): void {
    clearTimeout(timer)
    if (out > 0 || stopped) return
    timer = setTimeout(
      () => stalled({ kind: 'silent', detail: `nothing came for ${Math.round(silentMs / 6000) / 10} minutes` }),
      silentMs,
    )
  }

  progress()
  return {
    progress,
    calling() {
      out++
      progress()
    },
    called(tool, input, { ok }) {
      out--
      progress()
      if (ok) {
        if (writes(tool)) failures.clear()
        return
      }
      const key = hashOf({ tool, input })
      const count = (failures.get(key) ?? 0) + 1
      failures.set(key, count)
      if (count < repeats) return
      stalled({ kind: 'loop', detail: `'${tool}' failed ${count} times with the same input, and nothing changed` })
    },
    stop() {
      // A call that comes back late starts nothing.
      stopped = true
      clearTimeout(timer)
    },
  }
}
