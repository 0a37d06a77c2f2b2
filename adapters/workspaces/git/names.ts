// A file's name is bytes. What is not UTF-8 travels as lone surrogates U+DC80 to U+DCFF, which survive JSON and turn back exactly.
// Source: M. von Löwis, PEP 383, 2009.

export function nameOf(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!text.includes('\ufffd') || Buffer.from(text).equals(bytes)) return text
  let name = ''
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]!
    const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
    const piece = bytes.subarray(at, at + size)
    const character = piece.toString('utf8')
    const whole = Buffer.from(character).equals(piece)
    name += whole ? character : String.fromCharCode(0xdc00 + lead)
    at += whole ? size : 1
  }
  return name
}

export function bytesOf(name: string): Buffer {
  if (!/\p{Surrogate}/u.test(name)) return Buffer.from(name)
  return Buffer.concat(
    [...name].map((character) => {
      const code = character.codePointAt(0)!
      return code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character)
    }),
  )
}

/** The parts of an answer of `git ... -z`. */
export function split(answer: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let from = 0
  for (let end = answer.indexOf(0); end >= 0; end = answer.indexOf(0, from)) {
    parts.push(answer.subarray(from, end))
    from = end + 1
  }
  if (from < answer.length) parts.push(answer.subarray(from))
  return parts
}

/** The input of `git ... -z --stdin`. */
export const join = (names: Iterable<string>): Buffer =>
  Buffer.concat([...names].flatMap((name) => [bytesOf(name), Buffer.of(0)]))

export const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('/')))

/** `a/b/c` -> `a`, `a/b`. */
export function foldersOf(name: string): string[] {
  const folders: string[] = []
  for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) folders.push(name.slice(0, at))
  return folders
}

/** Code points that HFS+ leaves out when it compares names. */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g

/** Whether some file system takes a part of the path for `.git`; git neither lists nor commits such a path. */
export const leadsIntoGit = (name: string): boolean =>
  name.split('/').some((part) => /^(\.git|git~1)[ .]*(:.*)?$/i.test(part.replace(ignoredByHfs, '')))
