import { Transform } from 'node:stream'

/** Of headers that hold a credential; other values are words that a model may say. */
const credentialName = /authorization|key|token|secret|password/
const shortest = 16

/** What must not come back from an API: some tell a refused key in full. */
export function secretsOf(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const secret = value.replace(/^(bearer|basic) +/i, '')
    return credentialName.test(name) && secret.length >= shortest ? [secret] : []
  })
}

const stars = (secret: string) => '*'.repeat(secret.length)

export const maskText = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((left, secret) => left.replaceAll(secret, stars(secret)), text)

/** Puts as many stars where a secret stands, also where it comes in two chunks; the length stays what it was announced to be. Bytes are
 *  held back only while they could be the beginning of one. */
export function masked(secrets: readonly string[]): Transform {
  const all = secrets.map((secret) => Buffer.from(secret))
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      for (const secret of all) {
        for (let at = bytes.indexOf(secret); at !== -1; at = bytes.indexOf(secret, at + secret.length)) {
          bytes.fill('*', at, at + secret.length)
        }
      }
      const free = bytes.length - Math.max(0, ...all.map((secret) => begun(bytes, secret)))
      held = bytes.subarray(free)
      done(null, bytes.subarray(0, free))
    },
    flush(done) {
      done(null, held)
    },
  })
}

/** How many bytes at the end are the beginning of the secret. */
function begun(bytes: Buffer, secret: Buffer): number {
  for (let length = Math.min(secret.length - 1, bytes.length); length > 0; length--) {
    if (bytes.compare(secret, 0, length, bytes.length - length) === 0) return length
  }
  return 0
}
