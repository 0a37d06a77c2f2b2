import type { Clock } from '../ports/clock.ts'

/** Milliseconds that a client may take to stop once it is told. The port's contract says two seconds; a client is not ours to trust. */
export const graceMs = 10_000

/** Waits for the end of something that may have none; whatever it gives or throws later, nobody hears. */
export async function withinGrace(clock: Clock, work: Promise<unknown> | undefined): Promise<void> {
  const done = new AbortController()
  try {
    await Promise.race([work, clock.sleep(graceMs, done.signal)])
  } finally {
    done.abort()
  }
}

export interface Hearing<T> {
  readonly events: AsyncIterable<T>
  /** It was told to stop, and went on, or said nothing more, until the grace was over. */
  readonly deaf: boolean
}

/** The events of a client to their end; once `told` aborts, as long as the grace lasts at most. */
export function hearing<T>(client: AsyncIterable<T>, told: AbortSignal, clock: Clock): Hearing<T> {
  const iterator = client[Symbol.asyncIterator]()
  const done = new AbortController()
  let deaf = false
  let giveUp = (): void => undefined

  async function wait(): Promise<void> {
    await clock.sleep(graceMs, done.signal)
    if (done.signal.aborted) return
    deaf = true
    giveUp()
  }

  /** Undefined where it is given up. */
  function next(): Promise<IteratorResult<T> | undefined> {
    return new Promise((resolve, reject) => {
      giveUp = () => resolve(undefined)
      iterator.next().then(resolve, reject)
    })
  }

  async function* events(): AsyncGenerator<T> {
    const begin = (): void => void wait()
    if (told.aborted) begin()
    else told.addEventListener('abort', begin, { once: true })
    let ended = false
    try {
      while (!deaf) {
        const one = await next()
        ended = one?.done === true
        if (one === undefined || one.done) return
        yield one.value
      }
    } finally {
      done.abort()
      told.removeEventListener('abort', begin)
      // A generator that hangs would let its return wait for ever behind what it hangs at.
      const left = ended ? undefined : iterator.return?.()
      left?.catch(() => undefined)
      if (!deaf) await withinGrace(clock, left)
    }
  }

  return {
    events: events(),
    get deaf() {
      return deaf
    },
  }
}
