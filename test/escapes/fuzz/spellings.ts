import fc from 'fast-check'

/** One way to spell a text otherwise. `at` is a place in it between 0 and 1, `pick` chooses among what the kind knows. */
export interface Twist {
  readonly kind: (typeof kinds)[number]
  readonly at: number
  readonly pick: number
}

const invisible = [
  ...'\u200b\u200c\u200d\u200e\u202a\u202e\u2060\u2066\ufeff\u00ad\u180e',
  ...'\u034f\u115f\u1160\u17b4\u3164\uffa0\ufe0f\u061c',
  '\u{e0001}',
  '\u{e0100}',
]
const control = ['\0', '\n', '\r', '\t', '\x1b', '\x7f', '\u0085', '\u2028', '\ud800', '\udc00']
const blanks = [' ', '\u00a0', '\u2003', '\u3000', '.', '..', '...', '. .']
const quotes = ["''", '""', '\\', '`', '$@', '$\x7bx}', '$()', '*', '?', '^', '"', "'", '%', '!', '{,}', '~']
const prefixes = [
  './',
  '/',
  '//',
  '../',
  'x/../',
  './/',
  '~/',
  '~root/',
  '%2e%2e/',
  '%2e/',
  'C:',
  'C:\\',
  '\\\\?\\',
  '\\',
  'file://',
  '$HOME/',
  '$\x7bPWD}/',
  '%CD%/',
  '..\\',
  '{ROOT}/',
  '{ROOT}//',
  '{ROOT}/../repo/',
  '{ROOT}/../outside/',
  '{ROOT}-evil/',
  '/proc/self/cwd/',
  '/proc/self/root{ROOT}/',
  'out/',
  'link-git/',
  'src/link-inside.ts/',
  'bare/',
  '.git/',
  '.config/',
]
const suffixes = [
  '/',
  '/.',
  '/..',
  '/../.git',
  '.',
  ' ',
  '. .',
  '\0',
  '\0.ts',
  '::$DATA',
  '::$INDEX_ALLOCATION',
  ':x',
  '~',
  '~1',
  '\n',
  ' --',
  '; x',
  ' #',
  '/x',
  '\\..\\x',
  '%00',
  '\u202e',
]
const separators = ['//', '/./', '\\', '\u2215', '\u2044', '\uff0f', '%2f', '/../', '/x/../', '\u29f8', ':']
const wrappers = [
  'env ',
  'env -S ',
  'sudo ',
  'nohup ',
  'timeout 9 ',
  'sh -c ',
  'command ',
  'exec ',
  'FOO=1 ',
  'PATH=. ',
  'NODE_OPTIONS=--require=./p.cjs ',
  '( ',
  '! ',
  'npx ',
  'npm --prefix ./evil ',
  '\u0000',
  '-- ',
]
const trailers = [
  ' --prefix ./evil',
  ' --',
  ' -- --require ./p.cjs',
  ' && x',
  ' | x',
  ' > x',
  '\nx',
  ' $(x)',
  ' `x`',
  ' <(x)',
  ' & x',
  ' --script-shell=./p.sh',
  '=',
  '=x',
]

/** Letters that look like, or fold to, an ASCII one. */
const lookalikes: Readonly<Record<string, string>> = {
  a: '\u0430\uff41\u1d43',
  c: '\u0441\uff43\u217d',
  d: '\uff44\u217e',
  e: '\u0435\uff45\u212f',
  g: '\u0261\uff47',
  h: '\u04bb\uff48\u210e',
  i: '\u0131\u0456\uff49\u2170\u0130',
  k: '\u212a\uff4b',
  l: '\u217c\uff4c\u2113',
  m: '\uff4d\u217f',
  n: '\uff4e\u207f',
  o: '\u043e\uff4f\u2134',
  p: '\u0440\uff50',
  r: '\uff52',
  s: '\u017f\uff53',
  t: '\uff54',
  v: '\uff56\u2174',
  x: '\u0445\uff58\u2179',
  '.': '\u2024\uff0e\u3002',
  '/': '\u2215\u2044\uff0f',
  '-': '\u2010\u2212\uff0d\u2013',
  ' ': '\u00a0\u2002\u3000',
  '~': '\uff5e',
  ':': '\uff1a',
}

const kinds = [
  'invisible',
  'control',
  'blank',
  'quote',
  'lookalike',
  'upper',
  'lower',
  'form',
  'percent',
  'prefix',
  'suffix',
  'separator',
  'wrapper',
  'trailer',
  'equals',
  'shorten',
  'repeat',
  'reverse',
  'drop',
] as const

/** Kinds that make a path another spelling, and those for commands. */
const forPaths = kinds.filter((kind) => !['wrapper', 'trailer', 'equals', 'shorten'].includes(kind))

export const twist = (of: 'paths' | 'all'): fc.Arbitrary<Twist> =>
  fc.record({
    kind: fc.constantFrom(...(of === 'paths' ? forPaths : kinds)),
    at: fc.integer({ min: 0, max: 40 }).map((part) => part / 40),
    pick: fc.nat(63),
  })

export function spelled(text: string, twists: readonly Twist[]): string {
  return twists.reduce((now, one) => apply(now, one), text).slice(0, 60_000)
}

function apply(text: string, { kind, at, pick }: Twist): string {
  const chars = [...text]
  const place = Math.min(chars.length, Math.floor(at * (chars.length + 1)))
  const one = (list: readonly string[]): string => list[pick % list.length]!
  const insert = (what: string): string => [...chars.slice(0, place), what, ...chars.slice(place)].join('')
  const replace = (what: (char: string) => string): string =>
    chars.map((char, index) => (index === Math.min(place, chars.length - 1) ? what(char) : char)).join('')
  switch (kind) {
    case 'invisible':
      return insert(one(invisible))
    case 'control':
      return insert(one(control))
    case 'blank':
      return insert(one(blanks))
    case 'quote':
      return insert(one(quotes))
    case 'lookalike':
      return replace((char) => {
        const like = [...(lookalikes[char.toLowerCase()] ?? char)]
        return like[pick % like.length]!
      })
    case 'upper':
      return pick % 2 === 0 ? text.toUpperCase() : replace((char) => char.toUpperCase())
    case 'lower':
      return text.toLowerCase()
    case 'form':
      return text.normalize(one(['NFC', 'NFD', 'NFKC', 'NFKD']))
    case 'percent':
      return replace((char) => encodeURIComponent(char.isWellFormed() ? char : '').replace(/^(\w|[-_.!~*'()])$/, hex))
    case 'prefix':
      return one(prefixes) + text
    case 'suffix':
      return text + one(suffixes)
    case 'separator':
      return text.includes('/') ? text.replaceAll('/', one(separators)) : insert(one(separators))
    case 'wrapper':
      return one(wrappers) + text
    case 'trailer':
      return text + one(trailers)
    case 'equals':
      return text.includes('=') ? text.replace('=', ' ') : text.replace(' ', '=')
    case 'shorten':
      return chars.slice(0, Math.max(1, place)).join('')
    case 'repeat':
      return text.repeat(Math.min(2 + (pick % 40), Math.ceil(20_000 / Math.max(1, text.length))))
    case 'reverse':
      return `\u202e${chars.toReversed().join('')}`
    case 'drop':
      return chars.filter((_, index) => index !== place).join('')
  }
}

const hex = (char: string): string => `%${char.codePointAt(0)!.toString(16)}`
