import { shown } from '../../boundary/denial.ts'
import type { FilePatch, Hunk, HunkLine } from './hunks.ts'
import { hunkLine, type PatchReading, patchLines, refuseBomb } from './patch-reading.ts'

const begin = '*** Begin Patch'
const finish = '*** End Patch'

export function isApplyPatch(patch: string): boolean {
  return patch.trimStart().startsWith(begin)
}

/** Reads the apply_patch grammar: Add, Delete and Update File sections between Begin and End Patch. */
export function readApplyPatch(patch: string): PatchReading {
  const lines = patchLines(patch.trim())
  if (lines[0]?.text.trim() !== begin || lines.at(-1)?.text.trim() !== finish) {
    return { problem: `it must begin with '${begin}' and end with '${finish}'` }
  }
  const files: FilePatch[] = []
  const body = lines.slice(1, -1)
  for (let at = 0; at < body.length; ) {
    const section = /^\*\*\* (Add|Delete|Update) File: (.+)$/.exec(body[at]!.text.trimEnd())
    if (!section) return { problem: `line ${at + 2} is not a section: '${shown(body[at]!.text)}'` }
    const path = section[2]!
    let end = at + 1
    while (end < body.length && !/^\*\*\* (Add|Delete|Update) File: /.test(body[end]!.text)) end++
    const file = readSection(section[1]!, path, body.slice(at + 1, end))
    if (typeof file === 'string') return { problem: `'${shown(path)}': ${file}` }
    files.push(file)
    at = end
  }
  if (files.length === 0) return { problem: 'it holds no section' }
  return refuseBomb(files) ?? { files }
}

function readSection(kind: string, path: string, lines: ReturnType<typeof patchLines>): FilePatch | string {
  if (kind === 'Delete') return lines.length === 0 ? { kind: 'delete', path, hunks: [] } : 'a deletion has no lines'
  if (kind === 'Add') {
    const added = lines.map(hunkLine)
    if (!added.every((line) => line?.kind === '+')) return "every line of a new file starts with '+'"
    return { kind: 'add', path, hunks: added.length === 0 ? [] : [{ lines: added as HunkLine[] }] }
  }
  const to = /^\*\*\* Move to: (.+)$/.exec(lines[0]?.text.trimEnd() ?? '')?.[1]
  const hunks = readHunks(to === undefined ? lines : lines.slice(1))
  if (typeof hunks === 'string') return hunks
  if (hunks.length === 0 && to === undefined) return 'there is no change in it'
  return { kind: 'update', path, ...(to === undefined ? {} : { to }), hunks }
}

function readHunks(lines: ReturnType<typeof patchLines>): Hunk[] | string {
  const hunks: { after: string[]; lines: HunkLine[]; endOfFile?: boolean }[] = []
  for (const line of lines) {
    const last = hunks.at(-1)
    if (line.text.startsWith('@@')) {
      const header = line.text.slice(2).trim()
      const after = header === '' ? [] : [header]
      // Several @@ lines in a row lead to one place, from the outside in.
      if (last && last.lines.length === 0) last.after.push(...after)
      else hunks.push({ after, lines: [] })
    } else if (line.text.trimEnd() === '*** End of File') {
      if (!last || last.lines.length === 0) return "'*** End of File' follows no line"
      last.endOfFile = true
    } else {
      const read = hunkLine(line)
      if (!read) return `a line starts with none of ' ', '+', '-': '${shown(line.text)}'`
      if (last && !last.endOfFile) last.lines.push(read)
      else hunks.push({ after: [], lines: [read] })
    }
  }
  if (hunks.some((hunk) => hunk.lines.every(({ kind }) => kind === ' '))) return 'a hunk changes nothing'
  return hunks
}
