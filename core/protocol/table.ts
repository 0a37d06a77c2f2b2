/** Values by key, sharing what does not change: one more costs the same in a large table as in a small one. Plain data; the same
 *  entries make equal tables, in whatever order they came. Nothing is ever removed. */
export type Table<T> = Leaf<T> | Branch<T>

interface Leaf<T> {
  readonly size: number
  readonly own: Readonly<Record<string, T>>
}
interface Branch<T> {
  /** 16, by four bits of the key's hash. */
  readonly children: readonly Table<T>[]
}

const FULL = 8
const DEEPEST = 8

export const emptyTable: Table<never> = { size: 0, own: {} }

export function get<T>(table: Table<T>, key: string): T | undefined {
  let node = table
  for (let bits = hash(key); 'children' in node; bits >>>= 4) node = node.children[bits & 15]!
  return Object.hasOwn(node.own, key) ? node.own[key] : undefined
}

export function set<T>(table: Table<T>, key: string, value: T): Table<T> {
  return put(table, key, value, 0)
}

export function size(table: Table<unknown>): number {
  return 'children' in table ? table.children.reduce((sum, child) => sum + size(child), 0) : table.size
}

/** In an order that means nothing. */
export function entries<T>(table: Table<T>): [string, T][] {
  return 'children' in table ? table.children.flatMap((child) => entries(child)) : Object.entries(table.own)
}

function put<T>(table: Table<T>, key: string, value: T, depth: number): Table<T> {
  if ('children' in table) {
    const at = (hash(key) >>> (4 * depth)) & 15
    return { children: table.children.with(at, put(table.children[at]!, key, value, depth + 1)) }
  }
  const { size, own } = table
  const known = Object.hasOwn(own, key)
  if (known || size < FULL || depth === DEEPEST) return { size: known ? size : size + 1, own: { ...own, [key]: value } }
  const branch: Table<T> = { children: Array.from({ length: 16 }, () => emptyTable) }
  return [...Object.entries(own), [key, value] as const].reduce(
    (all: Table<T>, [one, its]) => put(all, one, its, depth),
    branch,
  )
}

/** Source: FNV-1a, and the mixing of MurmurHash3, without which the low bits of similar keys are alike. */
function hash(key: string): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < key.length; i++) sum = Math.imul(sum ^ key.charCodeAt(i), 0x01000193)
  sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b)
  return (sum ^ (sum >>> 13)) >>> 0
}
