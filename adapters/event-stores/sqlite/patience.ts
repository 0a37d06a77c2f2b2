import { setTimeout as delay } from 'node:timers/promises'
import { isBusy } from './driver.ts'

/** How long a write waits for another process, in milliseconds. */
export const PATIENCE_MS = 5000

/** An uneven pause, so that two who wait do not meet again. In milliseconds. */
export function pause(): number {
  return 1 + Math.random() * 9
}

/** Tries again while another process holds the lock; between the tries this process does other things. */
export async function patiently<T>(work: () => T): Promise<T> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw error
      await delay(pause())
    }
  }
}

/** The same for a read, which waits only while another process recovers or closes the log: microseconds. */
export function briefly<T>(work: () => T): T {
  for (let until: number | undefined; ; ) {
    try {
      return work()
    } catch (error) {
      // The clock is asked only when it matters: a replay comes here for each event.
      until ??= performance.now() + PATIENCE_MS
      if (!isBusy(error) || performance.now() > until) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause())
    }
  }
}
