import { z } from 'zod'
import type { Denied } from '../../boundary/denial.ts'
import { decidePath } from '../../boundary/path.ts'
import { invisibleNote } from '../../role/visible.ts'
import { denied, entry } from './entry.ts'
import { isBinary, readableText, readLimit } from './text.ts'

const lines = z.number().int().min(1)
const wanted = z.union([
  z.string(),
  z.strictObject({
    path: z.string(),
    from: lines.optional().describe('First line, from 1'),
    to: lines.optional().describe('Last line, included'),
  }),
])

export const readFiles = entry({
  description: `Reads files of the repository as text, whole or by line range: { "paths": ["src/a.ts", { "path": "src/b.ts", "from": 10, "to": 60 }] }. Up to 50 files and ${readLimit / 1024} KiB a call.`,
  input: z.strictObject({ paths: z.array(wanted).min(1).max(50) }),
  works: 'worktree',
  prepare({ paths }, { tree, scene }) {
    const items = paths.map((item) => (typeof item === 'string' ? { path: item } : item))
    return {
      uses: items.map(({ path }) => ({ kind: 'read', path })),
      run() {
        let left = readLimit
        let found = 0
        const parts: string[] = []
        for (const item of items) {
          const spelled = decidePath(item.path, 'read', scene.worktree?.path)
          if (!spelled.allowed) return denied(spelled)
          const shown = left <= 0 ? 'left' : readOne(item, spelled.path)
          if (typeof shown === 'object' && 'allowed' in shown) return denied(shown)
          if (shown === 'left') parts.push(`=== ${item.path}\n[left out: the call is full; ask for it in another one]`)
          else {
            parts.push(`=== ${item.path}${shown.note}\n${shown.text}`)
            left -= Buffer.byteLength(shown.text)
            if (shown.found) found++
          }
        }
        return { ok: found > 0, output: parts.join('\n') }

        function readOne({ from, to }: { from?: number; to?: number }, path: string): Shown | Denied {
          const file = path === '' ? 'directory' : tree.read(path, readLimit)
          if (file === 'missing') return { found: false, note: '', text: '[no such file]' }
          if (file === 'directory') return { found: false, note: '', text: '[a folder; use list_files]' }
          if (!file.allowed) return file
          if (isBinary(file.bytes)) return { found: true, note: '', text: `[a binary file of ${file.size} bytes]` }
          const ranged = cutLines(readableText(file.bytes), from, to)
          const text = ranged.text.slice(0, left)
          const whole = text.length === ranged.text.length && file.size <= readLimit
          const mark = `\n[cut here: the file has ${file.size} bytes, ${readLimit} are shown at most; ask for a line range]`
          // The text is exact, since edits need it so; a model reads past what it cannot see.
          const hidden = invisibleNote(text, (line) => `line ${(from ?? 1) + line - 1}`)
          const shown = whole ? text : text + mark
          return { found: true, note: ranged.note, text: hidden ? `${shown}\n[${hidden}]` : shown }
        }
      },
    }
  },
})

interface Shown {
  found: boolean
  note: string
  text: string
}

function cutLines(text: string, from: number | undefined, to: number | undefined): { text: string; note: string } {
  if (from === undefined && to === undefined) return { text, note: '' }
  const all = text.split('\n')
  const first = from ?? 1
  const last = Math.min(to ?? all.length, all.length)
  return { text: all.slice(first - 1, last).join('\n'), note: ` (lines ${first} to ${last} of ${all.length})` }
}
