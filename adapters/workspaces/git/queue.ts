/** Runs one piece of work after the other, in the order they came. */
export interface Queue {
  <T>(work: () => Promise<T>): Promise<T>
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>
}

export function queue(): Queue {
  let last: Promise<unknown> = Promise.resolve()
  function add<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work)
    // Whoever asked for it sees its failure; the next in line does not.
    last = next.catch(() => undefined)
    return next
  }
  return Object.assign(add, { idle: async () => void (await last) })
}
