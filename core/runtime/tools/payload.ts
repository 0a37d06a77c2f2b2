import { type Denied, deny } from '../../boundary/denial.ts'

const maxBytes = 8 * 1024 * 1024
const maxDepth = 32
const maxValues = 100_000

/** Refuses an input that is too large or too deep before anything else looks at it. Iterative: depth cannot overflow the stack. */
export function refusePayload(input: unknown): Denied | undefined {
  let bytes = 0
  let values = 0
  const waiting: { value: unknown; depth: number }[] = [{ value: input, depth: 0 }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, depth } = next
    values++
    if (typeof value === 'string') bytes += Buffer.byteLength(value)
    if (typeof value === 'function' || typeof value === 'symbol') return deny('schema', 'The input is not plain data.')
    if (value !== null && typeof value === 'object') {
      if (depth >= maxDepth) return deny('payload', `The input is nested deeper than ${maxDepth} levels.`)
      for (const key of Object.keys(value)) {
        if (key === '__proto__') return deny('schema', "The input holds the key '__proto__'.")
        bytes += key.length
        waiting.push({ value: (value as Record<string, unknown>)[key], depth: depth + 1 })
        if (waiting.length > maxValues) return deny('payload', `The input holds more than ${maxValues} values.`)
      }
    }
    if (values > maxValues) return deny('payload', `The input holds more than ${maxValues} values.`)
    if (bytes > maxBytes) return deny('payload', `The input is larger than ${maxBytes / 1024 / 1024} MiB.`)
  }
  return undefined
}
