/** Runs it in a world without clock and chance: what asks for either throws. Of a function that waits for nothing. */
export function sealed<T>(act: () => T): T {
  const { Date: RealDate } = globalThis
  const { random } = Math
  const now = performance.now
  const no = (): never => {
    throw new Error('the law asked for the time, or for chance')
  }
  try {
    globalThis.Date = new Proxy(RealDate, { construct: no, apply: no, get: no }) as DateConstructor
    Math.random = no
    performance.now = no
    return act()
  } finally {
    globalThis.Date = RealDate
    Math.random = random
    performance.now = now
  }
}
