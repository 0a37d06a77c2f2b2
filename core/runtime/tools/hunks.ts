/** One place of a patch, in whatever grammar it came. */
export interface Hunk {
  /** Index of its first old line as the patch says; undefined: the first place after the hunk before. */
  at?: number
  /** Lines to be found first, in this order, before the search begins. */
  after?: readonly string[]
  /** Its old lines are the last ones of the file. */
  endOfFile?: boolean
  lines: readonly HunkLine[]
}

export interface HunkLine {
  kind: ' ' | '+' | '-'
  /** Without its end. */
  text: string
  /** The patch says that no newline follows. */
  bare?: boolean
  /** The line of the patch itself ended in CR LF. */
  windows?: boolean
}

/** What a patch does to one file. */
export interface FilePatch {
  kind: 'add' | 'update' | 'delete'
  path: string
  /** New path of a moved file. */
  to?: string
  hunks: readonly Hunk[]
}

interface Line {
  text: string
  end: '' | '\n' | '\r\n'
}

/** Comparisons of lines in one file; more means a patch made to be slow. */
const maxWork = 20_000_000

/** The content with every hunk applied, or the first hunk that does not fit. Old lines must be there exactly; only their place may
 *  have moved. Line ends stay as the file has them. */
export function applyHunks(content: string, hunks: readonly Hunk[]): { content: string } | { problem: string } {
  const lines = splitLines(content)
  const end = lineEnd(lines, hunks)
  const result: Line[] = []
  const work = { left: maxWork }
  let cursor = 0
  let offset = 0
  for (const [index, hunk] of hunks.entries()) {
    const old = hunk.lines.filter(({ kind }) => kind !== '+')
    const found = place(lines, hunk, old, cursor, offset, work)
    if (typeof found === 'string') return { problem: `hunk ${index + 1} ${found}` }
    result.push(...lines.slice(cursor, found))
    let at = found
    for (const line of hunk.lines) {
      if (line.kind === '+') result.push({ text: line.text, end: line.bare ? '' : end })
      else {
        if (line.kind === ' ') result.push(lines[at]!)
        at++
      }
    }
    const last = result.at(-1)
    // Without the marker for a missing newline, a replaced last line keeps what the file had.
    if (at === lines.length && at > found && lines[at - 1]!.end === '' && !old.at(-1)?.bare && last) last.end = ''
    if (hunk.at !== undefined) offset = found - hunk.at
    cursor = at
  }
  result.push(...lines.slice(cursor))
  const joined = result.map(({ text, end: own }, index) => text + (own === '' && index < result.length - 1 ? end : own))
  return { content: joined.join('') }
}

function place(
  lines: readonly Line[],
  { at, after = [], endOfFile }: Hunk,
  old: readonly HunkLine[],
  cursor: number,
  offset: number,
  work: { left: number },
): number | string {
  let from = cursor
  for (const header of after) {
    const found = lines.findIndex(({ text }, index) => index >= from && text.trim() === header.trim())
    if (found < 0) return `names '${header}', which does not come ${from > 0 ? 'after the hunk before' : 'in the file'}`
    from = found + 1
  }
  const last = lines.length - old.length
  const fits = (start: number) =>
    start >= from &&
    start <= last &&
    (!endOfFile || start === last) &&
    old.every((line, index) => {
      work.left--
      const there = lines[start + index]!
      return line.text === there.text && !(line.bare && there.end !== '')
    })
  if (at !== undefined) {
    const start = at + offset
    if (old.length === 0) return start >= from && start <= lines.length ? start : 'adds lines where the file has none'
    for (let away = 0; away <= lines.length && work.left > 0; away++) {
      if (fits(start - away)) return start - away
      if (fits(start + away)) return start + away
    }
  } else if (old.length === 0) return after.length > 0 ? from : lines.length
  else for (let start = from; start <= last && work.left > 0; start++) if (fits(start)) return start
  if (work.left <= 0) return 'has too many places where it could belong'
  const first = old[0]!.text
  return `does not fit: its old lines, from '${first.slice(0, 200)}' on, are not in the file in this order. Read the file again`
}

function splitLines(content: string): Line[] {
  const lines: Line[] = []
  for (let at = 0; at < content.length; ) {
    const newline = content.indexOf('\n', at)
    if (newline < 0) {
      lines.push({ text: content.slice(at), end: '' })
      break
    }
    const windows = newline > at && content[newline - 1] === '\r'
    lines.push({ text: content.slice(at, windows ? newline - 1 : newline), end: windows ? '\r\n' : '\n' })
    at = newline + 1
  }
  return lines
}

/** What most lines of the file end with; a new file takes what the patch has. */
function lineEnd(lines: readonly Line[], hunks: readonly Hunk[]): '\n' | '\r\n' {
  if (lines.length === 0) {
    const added = hunks.flatMap((hunk) => hunk.lines)
    return added.length > 0 && added.every((line) => line.windows) ? '\r\n' : '\n'
  }
  const windows = lines.filter(({ end }) => end === '\r\n').length
  return windows * 2 >= lines.length ? '\r\n' : '\n'
}
