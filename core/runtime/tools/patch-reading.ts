import { type Denied, deny } from '../../boundary/denial.ts'
import type { FilePatch, HunkLine } from './hunks.ts'

/** A patch as files and hunks, what is wrong with its spelling, or why such a patch is never taken. */
export type PatchReading = { files: readonly FilePatch[] } | { problem: string } | Denied

const maxHunks = 2000
const maxFiles = 200

export function refuseBomb(files: readonly FilePatch[]): Denied | undefined {
  const hunks = files.reduce((sum, file) => sum + file.hunks.length, 0)
  if (files.length <= maxFiles && hunks <= maxHunks) return undefined
  return deny('payload', `A patch may hold at most ${maxFiles} files and ${maxHunks} hunks; send it in parts.`)
}

/** A line of a patch without its end. */
export function patchLines(patch: string): { text: string; windows: boolean }[] {
  const lines = patch.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line) =>
    line.endsWith('\r') ? { text: line.slice(0, -1), windows: true } : { text: line, windows: false },
  )
}

/** One line of a hunk; an empty one is an empty line of context whose blank got lost. */
export function hunkLine({ text, windows }: { text: string; windows: boolean }): HunkLine | undefined {
  if (text === '') return { kind: ' ', text: '', windows }
  const kind = text[0]
  if (kind !== ' ' && kind !== '+' && kind !== '-') return undefined
  return { kind, text: text.slice(1), windows }
}
