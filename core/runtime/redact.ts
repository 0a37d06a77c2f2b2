/** Takes secrets out of a JSON value: every place where one of them stands becomes `[redacted NAME]`. */
export type Redact = <T>(value: T) => T

/** Values shorter than this are words, not secrets. */
const shortest = 8
const secretName = /KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL/i

/** What this process knows to be secret: variables whose name says so. */
export function redactor(env: Readonly<Record<string, string | undefined>>): Redact {
  const secrets = Object.entries(env).flatMap(([name, value]) =>
    secretName.test(name) && value !== undefined && value.length >= shortest
      ? [[value, `[redacted ${name}]`] as const]
      : [],
  )
  if (secrets.length === 0) return (value) => value
  // The longest first: one secret may begin like another.
  secrets.sort(([a], [b]) => b.length - a.length)
  const clean = (text: string): string => secrets.reduce((left, [secret, mark]) => left.replaceAll(secret, mark), text)
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return clean(value)
    if (Array.isArray(value)) return value.map(walk)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [clean(key), walk(one)]))
  }
  return <T>(value: T): T => {
    const text = JSON.stringify(value) ?? ''
    return secrets.some(([secret]) => text.includes(JSON.stringify(secret).slice(1, -1))) ? (walk(value) as T) : value
  }
}
