import { type Denied, deny, shown } from '../../boundary/denial.ts'

const maxBytes = 8 * 1024 * 1024
const maxDepth = 32
const maxValues = 100_000

/** In the place of an input that is refused here: the log could not hold it. A replay reads it again, and refuses the same. */
const mark = 'codeband: not recorded'

/** The input as the log can hold it. */
export function recordable(input: unknown): unknown {
  const problem = refusePayload(input)
  return problem ? { [mark]: problem.code, reason: problem.reason } : input
}

const tooMany = deny('payload', `The input holds more than ${maxValues} values.`)

/** Refuses an input that is too large or too deep before anything else looks at it. Iterative: depth cannot overflow the stack. */
export function refusePayload(input: unknown): Denied | undefined {
  if (input !== null && typeof input === 'object' && Object.hasOwn(input, mark)) {
    const { [mark]: code, reason } = input as Record<string, unknown>
    // A model may send the mark too, with anything in it.
    const why = typeof reason === 'string' ? shown(reason, 200) : 'The input is not recorded.'
    return deny(code === 'schema' ? 'schema' : 'payload', why)
  }
  let bytes = 0
  let values = 0
  const waiting: { value: unknown; depth: number }[] = [{ value: input, depth: 0 }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, depth } = next
    values++
    if (typeof value === 'string') bytes += Buffer.byteLength(value)
    if (typeof value === 'function' || typeof value === 'symbol') return deny('schema', 'The input is not plain data.')
    if (value !== null && typeof value === 'object') {
      if (!isPlain(value)) return deny('schema', 'The input is not plain data.')
      if (Array.isArray(value) && value.length > maxValues) return tooMany
      if (depth >= maxDepth) return deny('payload', `The input is nested deeper than ${maxDepth} levels.`)
      for (const key of Object.keys(value)) {
        if (key === '__proto__') return deny('schema', "The input holds the key '__proto__'.")
        const property = Object.getOwnPropertyDescriptor(value, key)
        // A getter could say one thing to the gate and another to the tool.
        if (!property || property.get || property.set) return deny('schema', 'The input is not plain data.')
        bytes += key.length
        waiting.push({ value: property.value, depth: depth + 1 })
        if (waiting.length > maxValues) return tooMany
      }
    }
    if (values > maxValues) return tooMany
    if (bytes > maxBytes) return deny('payload', `The input is larger than ${maxBytes / 1024 / 1024} MiB.`)
  }
  return undefined
}

/** Lists and records, of any realm. A text as an object would be looked at letter by letter. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null
}
