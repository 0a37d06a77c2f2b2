/** Values by key, sharing what does not change: one more costs the same in a large table as in a small one. Plain data; the same
 *  entries make equal tables, in whatever order they came. Nothing is ever removed. */
export type Table<T> = Leaf<T> | Branch<T>

/** Two lists and not an object: each new key would give an object a new hidden class. */
interface Leaf<T> {
  /** Sorted. */
  readonly keys: readonly string[]
  readonly values: readonly T[]
}
interface Branch<T> {
  /** 16, by four bits of the key's hash. */
  readonly children: readonly Table<T>[]
}

const FULL = 8
const DEEPEST = 8

export const emptyTable: Table<never> = { keys: [], values: [] }

export function get<T>(table: Table<T>, key: string): T | undefined {
  let node = table
  if ('children' in node) for (let bits = hash(key); 'children' in node; bits >>>= 4) node = node.children[bits & 15]!
  const at = node.keys.indexOf(key)
  return at < 0 ? undefined : node.values[at]
}

export function set<T>(table: Table<T>, key: string, value: T): Table<T> {
  return put(table, key, value, 0)
}

export function size(table: Table<unknown>): number {
  return 'children' in table ? table.children.reduce((sum, child) => sum + size(child), 0) : table.keys.length
}

/** In an order that means nothing. */
export function entries<T>(table: Table<T>): [string, T][] {
  if ('children' in table) return table.children.flatMap((child) => entries(child))
  return table.keys.map((key, at) => [key, table.values[at]!])
}

function put<T>(table: Table<T>, key: string, value: T, depth: number): Table<T> {
  if ('children' in table) {
    const at = (hash(key) >>> (4 * depth)) & 15
    const children = table.children.slice()
    children[at] = put(children[at]!, key, value, depth + 1)
    return { children }
  }
  const { keys, values } = table
  const known = keys.indexOf(key)
  if (known >= 0) return { keys, values: values.with(known, value) }
  if (keys.length < FULL || depth === DEEPEST) {
    const after = keys.findIndex((one) => one > key)
    const at = after < 0 ? keys.length : after
    return { keys: keys.toSpliced(at, 0, key), values: values.toSpliced(at, 0, value) }
  }
  let branch: Table<T> = { children: Array.from({ length: 16 }, () => emptyTable) }
  for (const [at, one] of keys.entries()) branch = put(branch, one, values[at]!, depth)
  return put(branch, key, value, depth)
}

/** Source: FNV-1a, and the mixing of MurmurHash3, without which the low bits of similar keys are alike. */
function hash(key: string): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < key.length; i++) sum = Math.imul(sum ^ key.charCodeAt(i), 0x01000193)
  sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b)
  return (sum ^ (sum >>> 13)) >>> 0
}
