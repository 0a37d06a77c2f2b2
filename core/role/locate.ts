import { type Token, tokensOf } from './source-tokens.ts'

/** A part of what a definition file gives as its default. */
export interface At {
  /** Keys and indexes from the default export down. */
  readonly path: readonly (string | number)[]
  /** The last key itself is meant, not its value. */
  readonly key?: boolean
  /** A string in there, or a part of one. */
  readonly text?: string
}

/** Both from 1; the column counts UTF-16 units, as editors do. */
export interface Position {
  line: number
  column: number
}

/** Where a part of the default export stands in the source of its file. What is spread in from elsewhere or computed is not found:
 *  then it is the nearest thing around it that is, at worst the first character. */
export function locate(source: string, { path, key = false, text }: At): Position {
  const text0 = source.replace(/^\ufeff/, '')
  const found = find(sourceTree(text0), path)
  const offset = (text === undefined ? undefined : found.search(text)) ?? found.offset(key)
  const before = text0.slice(0, offset).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

/** Tokens `from` up to, not with, `to`. */
interface Range {
  readonly from: number
  readonly to: number
}

interface Entry {
  /** undefined: an item of an array, or a spread. */
  readonly key: string | undefined
  readonly spread: boolean
  readonly keyAt: number
  readonly value: Range
}

interface SourceTree {
  readonly source: string
  readonly tokens: readonly Token[]
  /** Place of the closing bracket by that of the opening one. */
  readonly partner: ReadonlyMap<number, number>
}

function sourceTree(source: string): SourceTree {
  const tokens = tokensOf(source)
  const partner = new Map<number, number>()
  const open: number[] = []
  for (const [at, { kind, value }] of tokens.entries()) {
    if (kind !== 'mark') continue
    if (/^[([{]$/.test(value)) open.push(at)
    else if (/^[)\]}]$/.test(value)) {
      const from = open.pop()
      if (from !== undefined) partner.set(from, at)
    }
  }
  return { source, tokens, partner }
}

function find(tree: SourceTree, path: readonly (string | number)[]) {
  const { tokens, source } = tree
  const start = defaultExport(tree)
  const ranges: Range[] = [{ from: 0, to: tokens.length }]
  let keyAt = start?.from
  let reached = 0
  if (start) {
    ranges.push(start)
    for (const step of path) {
      const entry = entryOf(tree, ranges.at(-1)!, step)
      if (!entry) break
      ranges.push(entry.value)
      keyAt = entry.keyAt
      reached++
    }
  }
  const inner = ranges.at(-1)!
  return {
    offset: (key: boolean): number => {
      const at = key && reached === path.length ? keyAt : start && inner.from
      return tokens[at ?? 0]?.start ?? 0
    },
    /** The innermost range that holds the text, as a whole string before as a part of one. */
    search(text: string): number | undefined {
      for (const range of [...ranges].reverse()) {
        const strings = tokens
          .slice(range.from, range.to)
          .filter(({ kind, value }) => (kind === 'string' || kind === 'template') && value.includes(text))
        const token = strings.find(({ value }) => value === text) ?? strings[0]
        if (token === undefined) continue
        const inside = source.slice(token.start, token.end).indexOf(text)
        return token.value === text || inside < 0 ? token.start : token.start + inside
      }
      return undefined
    },
  }
}

/** The value of `export default`, or of what is exported under that name. */
function defaultExport(tree: SourceTree): Range | undefined {
  const { tokens } = tree
  const is = (at: number, value: string): boolean => tokens[at]?.kind === 'name' && tokens[at].value === value
  // A file of data (JSON) is its own value.
  if (tokens[0]?.value === '{') return { from: 0, to: tokens.length }
  for (let at = tokens.length - 2; at >= 0; at--) {
    if (is(at, 'export') && is(at + 1, 'default')) return expression(tree, at + 2)
    if (is(at, 'as') && is(at + 1, 'default')) return expression(tree, at - 1)
  }
  return undefined
}

/** From here to the end of a name, a call, an object, a list or a literal. */
function expression({ tokens, partner }: SourceTree, from: number): Range {
  let to = from
  if (tokens[from]?.kind === 'mark') to = (partner.get(from) ?? from) + 1
  else {
    to = from + 1
    while (/^(\.|\?\.)$/.test(tokens[to]?.value ?? '')) to += 2
    // Type arguments of a call.
    if (tokens[to]?.value === '<') {
      const call = tokens.findIndex(({ value }, at) => at > to && value === '(')
      if (call > 0 && tokens[call - 1]?.value === '>') to = call
    }
    if (tokens[to]?.value === '(') to = (partner.get(to) ?? to) + 1
  }
  return { from, to: Math.min(to, tokens.length) }
}

/** What an expression comes down to: through parentheses, the first argument of a call and names of constants. */
function resolve(tree: SourceTree, range: Range, seen: ReadonlySet<string> = new Set()): Range {
  const { tokens, partner } = tree
  const first = tokens[range.from]
  if (first === undefined || range.from >= range.to) return range
  if (first.kind === 'mark') {
    return first.value === '(' ? resolve(tree, { from: range.from + 1, to: range.to }, seen) : range
  }
  if (first.kind !== 'name') return range
  const whole = expression(tree, range.from)
  const last = whole.to - 1
  if (tokens[last]?.value === ')') {
    const open = [...partner].find(([, close]) => close === last)![0]
    return last > open + 1 ? resolve(tree, { from: open + 1, to: last }, seen) : range
  }
  if (whole.to !== range.from + 1 || seen.has(first.value)) return range
  const declared = tokens.findIndex(
    ({ kind, value }, at) =>
      kind === 'name' && /^(const|let|var)$/.test(value) && tokens[at + 1]?.value === first.value,
  )
  if (declared < 0) return range
  const equals = tokens.findIndex(({ value }, at) => at > declared && value === '=')
  return equals < 0 ? range : resolve(tree, expression(tree, equals + 1), new Set([...seen, first.value]))
}

function entryOf(tree: SourceTree, given: Range, step: string | number): Entry | undefined {
  const entries = entriesOf(tree, resolve(tree, given))
  if (typeof step === 'number') {
    const before = entries.slice(0, step + 1)
    return before.some(({ spread }) => spread) ? undefined : entries[step]
  }
  const own = entries.findLast(({ key }) => key === step)
  if (own) return own
  for (const { spread, value } of [...entries].reverse()) {
    const found = spread ? entryOf(tree, value, step) : undefined
    if (found) return found
  }
  return undefined
}

function entriesOf({ tokens, partner }: SourceTree, { from }: Range): Entry[] {
  const first = tokens[from]
  const close = partner.get(from)
  if (first?.kind !== 'mark' || !/^[{[]$/.test(first.value) || close === undefined) return []
  const ranges: Range[] = []
  let start = from + 1
  for (let at = start; at <= close; at++) {
    if (at === close || (tokens[at]!.kind === 'mark' && tokens[at]!.value === ',')) {
      if (at > start) ranges.push({ from: start, to: at })
      start = at + 1
    } else at = partner.get(at) ?? at
  }
  return ranges.map((range) => entry(tokens, range, first.value === '{'))
}

function entry(tokens: readonly Token[], { from, to }: Range, keyed: boolean): Entry {
  if (tokens[from]!.value === '...' && tokens[from]!.kind === 'mark') {
    return { key: undefined, spread: true, keyAt: from, value: { from: from + 1, to } }
  }
  if (!keyed) return { key: undefined, spread: false, keyAt: from, value: { from, to } }
  let at = from
  while (/^(async|get|set|\*)$/.test(tokens[at]!.value) && at + 1 < to && /^[\w$*'"]/.test(tokens[at + 1]!.value)) at++
  const { kind, value } = tokens[at]!
  const key = kind === 'name' || kind === 'string' || kind === 'number' ? value : undefined
  const valueFrom = tokens[at + 1]?.value === ':' && at + 1 < to ? at + 2 : at
  return { key, spread: false, keyAt: at, value: { from: Math.min(valueFrom, to - 1), to } }
}
