import { deny, shown } from '../../boundary/denial.ts'
import type { FilePatch, Hunk, HunkLine } from './hunks.ts'
import { hunkLine, type PatchReading, patchLines, refuseBomb } from './patch-reading.ts'

interface Header {
  old?: string
  new?: string
  renameFrom?: string
  renameTo?: string
  git?: string
  added?: boolean
  deleted?: boolean
}

/** Reads a unified diff, as git writes it or as plain `---`/`+++` pairs. */
export function readUnifiedDiff(patch: string): PatchReading {
  const lines = patchLines(patch)
  const files: FilePatch[] = []
  let header: Header | undefined
  let hunks: Hunk[] = []
  let problem: string | undefined

  function finish(): void {
    if (header) {
      const file = fileOf(header, hunks)
      if (typeof file === 'string') problem ??= file
      else files.push(file)
    }
    header = undefined
    hunks = []
  }

  for (let at = 0; at < lines.length && problem === undefined; at++) {
    const { text } = lines[at]!
    const mode = /^(?:new file mode|new mode|old mode|deleted file mode) (\d+)$/.exec(text)?.[1]
    if (text.startsWith('GIT binary patch') || /^Binary files .* differ$/.test(text)) {
      return deny('payload', 'A binary patch is not taken; only text can be edited.')
    }
    if (mode?.startsWith('12') || mode?.startsWith('16')) {
      return deny('symlink', 'A patch may not make or change a symbolic link or a submodule.')
    }
    if (text.startsWith('diff --git ')) {
      finish()
      header = { git: text.slice('diff --git '.length) }
    } else if (text.startsWith('--- ') && lines[at + 1]?.text.startsWith('+++ ')) {
      if (header?.old !== undefined || hunks.length > 0) finish()
      header = { ...header, old: nameIn(text), new: nameIn(lines[++at]!.text) }
    } else if (header && /^rename from /.test(text)) header.renameFrom = unquote(text.slice('rename from '.length))
    else if (header && /^rename to /.test(text)) header.renameTo = unquote(text.slice('rename to '.length))
    else if (/^copy (from|to) /.test(text)) problem = 'it copies a file; write the new file instead'
    else if (/^new file mode 100755|^new mode /.test(text))
      problem = 'it changes the mode of a file, which no tool does'
    else if (header && text.startsWith('new file mode')) header.added = true
    else if (header && text.startsWith('deleted file mode')) header.deleted = true
    else if (text.startsWith('@@')) {
      if (header?.old === undefined)
        return { problem: `line ${at + 1} is a hunk without '---' and '+++' lines before it` }
      const hunk = readHunk(lines, at)
      if ('problem' in hunk) return hunk
      hunks.push(hunk.hunk)
      at = hunk.last
    } else if (/^[+-]/.test(text))
      return { problem: `line ${at + 1} belongs to no hunk: '${shown(text)}'. Do the counts in '@@' fit?` }
  }
  finish()
  if (problem !== undefined) return { problem }
  if (files.length === 0) return { problem: "it holds no '---' and '+++' lines" }
  return refuseBomb(files) ?? { files }
}

function readHunk(
  lines: ReturnType<typeof patchLines>,
  start: number,
): { hunk: Hunk; last: number } | { problem: string } {
  const counts = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@/.exec(lines[start]!.text)
  if (!counts) return { problem: `line ${start + 1} is not of the form '@@ -1,2 +1,2 @@'` }
  const first = Number(counts[1])
  const oldCount = Number(counts[2] ?? 1)
  let oldLeft = oldCount
  let newLeft = Number(counts[3] ?? 1)
  const body: HunkLine[] = []
  let at = start
  while (oldLeft > 0 || newLeft > 0) {
    const next = lines[++at]
    if (next?.text.startsWith('\\')) {
      markBare(body)
      continue
    }
    const line = next && hunkLine(next)
    if (!line) return { problem: `the hunk at line ${start + 1} has fewer lines than its '@@' says` }
    if (line.kind !== '+') oldLeft--
    if (line.kind !== '-') newLeft--
    if (oldLeft < 0 || newLeft < 0)
      return { problem: `the hunk at line ${start + 1} has other lines than its '@@' says` }
    body.push(line)
  }
  if (lines[at + 1]?.text.startsWith('\\')) {
    markBare(body)
    at++
  }
  return { hunk: { at: oldCount === 0 ? first : first - 1, lines: body }, last: at }
}

/** `\ No newline at end of file` speaks of the line before it. */
function markBare(body: HunkLine[]): void {
  const last = body.at(-1)
  if (last) last.bare = true
}

function fileOf(
  { old, new: now, renameFrom, renameTo, git, added, deleted }: Header,
  hunks: readonly Hunk[],
): FilePatch | string {
  if (renameFrom !== undefined && renameTo !== undefined) {
    return { kind: 'update', path: renameFrom, to: renameTo, hunks }
  }
  if (old === undefined || now === undefined) {
    if (!added && !deleted) return `'diff --git ${shown(git ?? '')}' is followed by no change`
    const name = /^a\/(.*) b\/\1$/.exec(git ?? '')?.[1]
    if (name === undefined) return `'diff --git ${shown(git ?? '')}' does not name one file`
    return { kind: added ? 'add' : 'delete', path: name, hunks }
  }
  const prefixed = (old === devNull || old.startsWith('a/')) && (now === devNull || now.startsWith('b/'))
  const strip = (name: string) => (prefixed ? name.slice(2) : name)
  if (old === devNull && now === devNull) return 'it names no file'
  if (old === devNull) return { kind: 'add', path: strip(now), hunks }
  if (now === devNull) return { kind: 'delete', path: strip(old), hunks }
  if (hunks.length === 0) return `'${shown(now)}' has no hunk`
  return strip(old) === strip(now)
    ? { kind: 'update', path: strip(now), hunks }
    : { kind: 'update', path: strip(old), to: strip(now), hunks }
}

const devNull = '/dev/null'

/** The name in a `---` or `+++` line: without the time stamp that may follow a tab. */
function nameIn(line: string): string {
  return unquote(line.slice(4).split('\t')[0]!.trimEnd())
}

/** Git quotes names with unusual characters, byte by byte in octal. */
function unquote(name: string): string {
  if (!/^".*"$/.test(name)) return name
  const bytes: number[] = []
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' }
  for (const [, octal, escaped, plain] of name.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8))
    else bytes.push(...Buffer.from(escaped === undefined ? plain! : (escapes[escaped] ?? escaped)))
  }
  return Buffer.from(bytes).toString('utf8')
}
