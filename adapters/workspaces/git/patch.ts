import type { FileDiff } from '../../../core/ports/workspace.ts'
import type { Git } from '../../git.ts'
import { nameOf, split } from './names.ts'

/** No program of anybody draws a diff. */
const options = ['--patch', '--no-ext-diff', '--no-textconv', '--find-renames', '--full-index', '--submodule=short']

/** A unified diff. Cut after a whole line, and it says so: a reader must not take the half for the whole. */
export async function patchOf(
  own: Git,
  [command, ...args]: readonly [string, ...string[]],
  maxBytes?: number,
): Promise<string> {
  const call = [command, ...options, ...args]
  if (maxBytes === undefined) return (await own.bytes(call)).toString('utf8')
  const answer = await own.bytes(call, { limit: maxBytes + 1 })
  if (answer.length <= maxBytes) return answer.toString('utf8')
  const end = answer.lastIndexOf(10, maxBytes - 1) + 1
  return `${answer.toString('utf8', 0, end)}[... cut at ${maxBytes} bytes ...]\n`
}

const words = { A: 'added', M: 'modified', D: 'deleted', R: 'renamed', T: 'type-changed' } as const

/** Reads `diff-tree -r -z --raw --numstat`: a line of modes and one of counts for each file. */
export function fileDiffs(answer: Buffer): FileDiff[] {
  const parts = split(answer)
  const files = new Map<string, FileDiff>()
  for (let at = 0; at < parts.length; at++) {
    const text = parts[at]!.toString('latin1')
    if (text.startsWith(':')) {
      const [oldMode = '', newMode = '', , , letter = ''] = text.slice(1).split(' ')
      const status = words[letter[0] as keyof typeof words] ?? 'modified'
      const first = nameOf(parts[++at]!)
      const renamed = status === 'renamed' ? { from: first } : {}
      const path = status === 'renamed' ? nameOf(parts[++at]!) : first
      files.set(path, { path, ...renamed, status, oldMode, newMode })
      continue
    }
    const [plus = '', minus = ''] = text.split('\t')
    const inline = parts[at]!.subarray(plus.length + minus.length + 2)
    // A rename has its two names in parts of their own.
    if (inline.length === 0) at += 2
    const path = nameOf(inline.length > 0 ? inline : parts[at]!)
    const file = files.get(path)
    if (file && plus !== '-') files.set(path, { ...file, added: Number(plus), deleted: Number(minus) })
  }
  return [...files.values()]
}
