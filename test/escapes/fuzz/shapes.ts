import fc from 'fast-check'
import { spelled, type Twist, twist } from './spellings.ts'

/** One change of an input's shape, or of the spelling of one text in it. */
export type Bend =
  | { readonly kind: 'spell'; readonly leaf: number; readonly twist: Twist }
  | { readonly kind: 'shape'; readonly leaf: number; readonly pick: number }
  | { readonly kind: 'key'; readonly pick: number; readonly value: number }

export const bends = (shapes: boolean): fc.Arbitrary<Bend[]> => {
  const leaf = fc.nat(7)
  const spell = fc.record({ kind: fc.constant('spell' as const), leaf, twist: twist('all') })
  const shape = fc.record({ kind: fc.constant('shape' as const), leaf, pick: fc.nat(63) })
  const key = fc.record({ kind: fc.constant('key' as const), pick: fc.nat(63), value: fc.nat(63) })
  return fc.array(shapes ? fc.oneof({ weight: 1, arbitrary: spell }, { weight: 3, arbitrary: shape }, key) : spell, {
    minLength: 1,
    maxLength: 4,
  })
}

const keys =
  'cwd root dir workDir worktree home env ENV environment as by author role worker family timeoutMs sandbox network shell uid paths tools depth maxDepth __proto__ constructor prototype toString then path Path PATH argv command args'
    .split(' ')
    .concat('codeband: not recorded')
const values: readonly (() => unknown)[] = [
  () => '/',
  () => '..',
  () => '.git',
  () => 'npm test',
  () => ['npm', 'test'],
  () => ({}),
  () => ({ NODE_OPTIONS: '--require ./p.cjs' }),
  () => 1e308,
  () => -1,
  () => Number.NaN,
  () => null,
  () => true,
  () => [],
  () => '',
]

/** What may stand where a text was. */
const forms: readonly ((was: unknown) => unknown)[] = [
  (was) => [was],
  (was) => [[was]],
  (was) => ({ toString: was }),
  (was) => ({ path: was }),
  (was) => ({ 0: was, length: 1 }),
  (was) => ({ argv: [was], command: was }),
  (was) => [was, was],
  (was) => written(was),
  (was) => JSON.parse(`{"__proto__":${written(was)}}`),
  (was) => ({ 'codeband: not recorded': was, reason: { toString: was } }),
  (was) => JSON.parse(`{"constructor":{"prototype":${written(was)}}}`),
  (was) => nested(was, 31),
  (was) => nested(was, 33),
  (was) => nested(was, 5000),
  () => Array.from({ length: 1001 }, () => 'x'),
  () => many,
  () => huge,
  () => null,
  () => undefined,
  () => 0,
  () => -0,
  () => 2 ** 53,
  () => Number.POSITIVE_INFINITY,
  () => true,
  () => '',
  () => [],
  () => ({}),
  // What only code in the same process can send.
  (was) => Object.assign(Object.create(null), { path: was }),
  (was) => new String(typeof was === 'string' ? was : typeof was),
  (was) => ({ toJSON: () => was }),
  (was) => ({ valueOf: () => was }),
  () => Symbol('x'),
  () => 10n,
  () => new Date(Number.NaN),
  () => new Map([['path', '.git']]),
  () => () => '.git',
  () => circle(),
  (was) => fickle(was),
  () => ({
    get path() {
      throw new Error('a getter that throws')
    },
  }),
]

const many: unknown[] = Array.from({ length: 100_001 }, () => 0)
const huge = 'x'.repeat(8 * 1024 * 1024 + 1)

function written(what: unknown): string {
  try {
    return JSON.stringify(what) ?? 'null'
  } catch {
    // A circle and what throws when it is asked cannot be written down.
    return 'null'
  }
}

function nested(what: unknown, depth: number): unknown {
  let value = what
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { path: value }
  return value
}

function circle(): unknown {
  const one: Record<string, unknown> = {}
  one.path = one
  return one
}

/** Says something else each time it is asked. */
function fickle(first: unknown): unknown {
  let asked = 0
  return {
    get path() {
      return asked++ === 0 ? first : '.git/config'
    },
  }
}

/** `fill` puts the words of the room into what a twist has added. */
export function bent(input: unknown, all: readonly Bend[], fill: (text: string) => string): unknown {
  return all.reduce((now, bend) => apply(now, bend, fill), input)
}

function apply(input: unknown, bend: Bend, fill: (text: string) => string): unknown {
  if (bend.kind === 'key') {
    if (!isPlain(input) || Array.isArray(input)) return input
    const key = keys[bend.pick % keys.length]!
    const made = Object.fromEntries(Object.entries(input))
    // Assigning would set the prototype instead.
    const value = values[bend.value % values.length]!()
    return Object.defineProperty(made, key, { value, enumerable: true, writable: true, configurable: true })
  }
  const total = leaves(input)
  if (total === 0) return bend.kind === 'shape' ? forms[bend.pick % forms.length]!(input) : input
  let left = bend.leaf % total
  const walk = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') {
      if (left-- !== 0) return value
      return bend.kind === 'spell' ? fill(spelled(value, [bend.twist])) : forms[bend.pick % forms.length]!(value)
    }
    if (!isPlain(value) || depth > deepest) return value
    if (Array.isArray(value)) return value.map((one) => walk(one, depth + 1))
    const made: Record<string, unknown> = {}
    for (const [key, one] of Object.entries(value)) {
      Object.defineProperty(made, key, {
        value: walk(one, depth + 1),
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
    return made
  }
  return walk(input, 0)
}

/** Deeper than this, and in circles, nothing is bent any more. */
const deepest = 40

function leaves(value: unknown, depth = 0): number {
  if (typeof value === 'string') return 1
  if (!isPlain(value) || depth > deepest) return 0
  return Object.values(value).reduce<number>((sum, one) => sum + leaves(one, depth + 1), 0)
}

/** Lists, not too long, and records without getters: the ones that can be walked without asking them anything. */
function isPlain(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false
  if (Array.isArray(value) && value.length > 2000) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false
  return Object.values(Object.getOwnPropertyDescriptors(value)).every(({ get }) => get === undefined)
}
