/** One word, string or mark of a TypeScript source, comments left out. */
export interface Token {
  readonly kind: 'name' | 'string' | 'template' | 'number' | 'regex' | 'mark'
  /** A string without its quotes and escapes, a template as it is written, else the source itself. */
  readonly value: string
  /** Offsets in the source. */
  readonly start: number
  readonly end: number
}

const plain =
  /(?<gap>\s+|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<name>[\p{ID_Start}$_][\p{ID_Continue}$]*)|(?<string>"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?)|(?<number>\d[\w.]*)|(?<mark>\.\.\.|=>|\?\.|[\s\S])/uy
const regex = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
const beforeRegex = new Set(['return', 'typeof', 'case', 'in', 'of', 'yield', 'await', 'void', 'new', 'else', 'do'])
const deepest = 50

/** The tokens of a source. Tolerant: it never throws, and what it cannot read is a mark. */
export function tokensOf(source: string): Token[] {
  return scan(source, 0, 0).tokens
}

/** Reads to the end of the source, or inside a template (`depth` above 0) to the brace that ends the substitution. */
function scan(source: string, from: number, depth: number): { tokens: Token[]; end: number } {
  const tokens: Token[] = []
  let open = 0
  for (let at = from; at < source.length; ) {
    if (source[at] === '`') {
      const end = endOfTemplate(source, at, depth)
      tokens.push({ kind: 'template', value: cooked(source.slice(at + 1, end - 1)), start: at, end })
      at = end
      continue
    }
    if (source[at] === '/' && mayBeRegex(tokens.at(-1))) {
      regex.lastIndex = at
      const [value] = regex.exec(source) ?? []
      if (value !== undefined && !/^\/[/*]/.test(value)) {
        tokens.push({ kind: 'regex', value, start: at, end: at + value.length })
        at += value.length
        continue
      }
    }
    plain.lastIndex = at
    const { 0: text, groups } = plain.exec(source)!
    const end = at + text.length
    if (depth > 0 && text === '}' && open === 0) return { tokens, end }
    if (text === '{') open++
    else if (text === '}') open--
    if (groups!.gap === undefined) {
      const kind = groups!.name ? 'name' : groups!.string ? 'string' : groups!.number ? 'number' : 'mark'
      const value = kind === 'string' ? cooked(text.slice(1, text.length > 1 ? -1 : 1)) : text
      tokens.push({ kind, value, start: at, end })
    }
    at = end
  }
  return { tokens, end: source.length }
}

function mayBeRegex(last: Token | undefined): boolean {
  if (last === undefined) return true
  if (last.kind === 'name') return beforeRegex.has(last.value)
  return last.kind === 'mark' && !/^[)\]}]$/.test(last.value)
}

function endOfTemplate(source: string, start: number, depth: number): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === '`') return at + 1
    else if (source[at] === '$' && source[at + 1] === '{' && depth < deepest) {
      at = scan(source, at + 2, depth + 1).end - 1
    }
  }
  return source.length
}

const simple: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', 0: '\0' }

function cooked(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r?\n)|([\s\S]))/g,
    (all, long?: string, short?: string, byte?: string, line?: string, one?: string) => {
      const hex = long ?? short ?? byte
      if (hex !== undefined) return codePoint(Number.parseInt(hex, 16)) ?? all
      return line !== undefined ? '' : (simple[one!] ?? one!)
    },
  )
}

const codePoint = (code: number): string | undefined => (code <= 0x10ffff ? String.fromCodePoint(code) : undefined)
