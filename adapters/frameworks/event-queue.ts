/** Events pushed by callbacks and read by one reader, in order. Unbounded: a turn is. */
export function eventQueue<T>(): { push(event: T): void; end(): void; read(): AsyncGenerator<T> } {
  const waiting: T[] = []
  let ended = false
  let wake: () => void = () => undefined
  return {
    push(event) {
      if (!ended) waiting.push(event)
      wake()
    },
    end() {
      ended = true
      wake()
    },
    async *read() {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift()!
        if (ended) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
