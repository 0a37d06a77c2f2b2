/** Lets so many things run at once, and only things of one kind together; the others wait in order. */
export interface Slots {
  run<T>(kind: string, work: () => Promise<T>): Promise<T>
}

export function openSlots(most: number): Slots {
  let running = 0
  let current = ''
  const waiting: { kind: string; start(): void }[] = []

  function next(): void {
    for (;;) {
      const first = waiting[0]
      if (first === undefined || running >= most || (running > 0 && first.kind !== current)) return
      waiting.shift()
      running++
      current = first.kind
      first.start()
    }
  }

  return {
    async run(kind, work) {
      await new Promise<void>((start) => {
        waiting.push({ kind, start })
        next()
      })
      try {
        return await work()
      } finally {
        running--
        next()
      }
    },
  }
}
