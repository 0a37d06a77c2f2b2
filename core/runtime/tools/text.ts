import type { FileRead } from './tree.ts'

/** Most bytes of one file that a model sees, and that a search looks at. */
export const readLimit = 1024 * 1024
/** Most bytes of a file that can be edited. */
export const editLimit = 8 * 1024 * 1024

/** The text of a file as it is, or undefined when an edit could not give its bytes back. */
export function exactText({ bytes }: Pick<FileRead, 'bytes'>): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // Not UTF-8 is an answer here, not a failure.
    return undefined
  }
}

export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8000).includes(0)
}

/** As text for reading; a character cut at the end is dropped, foreign bytes become the replacement character. */
export function readableText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true })
}

/** Keeps the head and the tail of a text when it is longer than `limit` characters. */
export function headAndTail(text: string, limit: number): string {
  if (text.length <= limit) return text
  const half = Math.floor(limit / 2)
  return `${text.slice(0, half)}\n[... ${text.length - 2 * half} characters left out ...]\n${text.slice(-half)}`
}

/** Cuts after `limit` characters and says so. */
export function cut(text: string, limit: number, advice: string): string {
  return text.length <= limit
    ? text
    : `${text.slice(0, limit)}\n[cut: ${text.length - limit} more characters. ${advice}]`
}
