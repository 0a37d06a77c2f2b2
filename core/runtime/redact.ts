/** Takes secrets out of a JSON value: every place where one of them stands becomes `[redacted NAME]`. */
export type Redact = <T>(value: T) => T

/** Values shorter than this are words, not secrets. */
const shortest = 8
const secretName = /KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|_(PASS|PAT|AUTH)$/i
const passwordInUrl = /^[a-z][\w+.-]*:\/\/[^\s/@:]*:([^\s/@]+)@/i
/** A line break, and how JSON writes it. */
const lineBreak = /[\r\n]|\\+[rn]/g

/** What this process knows to be secret: variables whose name says so, and passwords in URLs. Each is found as it is, as it stands inside
 *  JSON and inside URLs, and in base64 and hex, also where lines break it. Not found: what is written in another way, in part, or in
 *  several values. */
export function redactor(env: Readonly<Record<string, string | undefined>>): Redact {
  const spellings = [...secretsIn(env)].flatMap(([name, secret]) => spellingsOf(secret, `[redacted ${name}]`))
  if (spellings.length === 0) return (value) => value
  // The longest first: one secret may begin like another.
  spellings.sort((a, b) => b.text.length - a.text.length)
  const clean = (text: string): string => spellings.reduce(without, text)
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return clean(value)
    if (Array.isArray(value)) return value.map(walk)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [clean(key), walk(one)]))
  }
  return <T>(value: T): T => {
    const json = JSON.stringify(value) ?? ''
    const unbroken = json.replace(lineBreak, '')
    const held = spellings.some(({ inJson, encoded }) => (encoded ? unbroken : json).includes(inJson))
    return held ? (walk(value) as T) : value
  }
}

function* secretsIn(env: Readonly<Record<string, string | undefined>>): Iterable<[name: string, secret: string]> {
  for (const [name, value = ''] of Object.entries(env)) {
    const password = passwordInUrl.exec(value)?.[1] ?? ''
    if (secretName.test(name) && value.length >= shortest) yield [name, value]
    else if (password.length >= shortest) yield [name, password]
  }
}

interface Spelling {
  text: string
  /** The same as a JSON string holds it. */
  inJson: string
  /** In an alphabet without white space: programs that write it break its lines. */
  encoded: boolean
  mark: string
}

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)

function spellingsOf(secret: string, mark: string): Spelling[] {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  // Of a longer text base64 has three alignments; the characters at either end also depend on what stands beside the secret.
  const base64 = [0, 1, 2].map((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    return whole.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + bytes.length) * 4) / 3))
  })
  const base64url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  const plain = [secret, escaped(secret), escaped(escaped(secret)), encodeURIComponent(bytes.toString())]
  const of = (encoded: boolean) => (text: string) => ({ text, inJson: escaped(text), encoded, mark })
  return [
    ...[...new Set(plain)].map(of(false)),
    ...[...new Set([hex, hex.toUpperCase(), ...base64, ...base64url])].map(of(true)),
  ]
}

function without(text: string, { text: spelling, encoded, mark }: Spelling): string {
  if (!encoded || text.search(lineBreak) === -1) return text.replaceAll(spelling, () => mark)
  const breaks = [...text.matchAll(lineBreak)].map((match) => ({ at: match.index, length: match[0].length }))
  const unbroken = text.replace(lineBreak, '')
  /** Where in the text the nth character of the unbroken one stands. */
  const place = (at: number): number => {
    let left = at
    for (const one of breaks) {
      if (one.at > left) break
      left += one.length
    }
    return left
  }
  let result = ''
  let from = 0
  for (let at = unbroken.indexOf(spelling); at !== -1; at = unbroken.indexOf(spelling, at + spelling.length)) {
    result += text.slice(from, place(at)) + mark
    from = place(at + spelling.length - 1) + 1
  }
  return result + text.slice(from)
}
