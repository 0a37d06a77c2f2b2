import { z } from 'zod'
import { deny } from '../../boundary/denial.ts'
import { decidePath } from '../../boundary/path.ts'
import { changesBandKey } from '../../boundary/protected.ts'
import { type Context, denied, done, entry, failed } from './entry.ts'
import type { CallOutcome } from './scene.ts'
import { editLimit, exactText } from './text.ts'

export const writeFile = entry({
  description:
    'Creates a file, or replaces it whole, with the folders above it. To change a part of a file use apply_diff. Up to 8 MiB.',
  input: z.strictObject({ path: z.string(), content: z.string() }),
  works: 'writes',
  prepare: ({ path, content }, context) => ({
    uses: [{ kind: 'write', path }],
    run: () => put([{ path, content }], context),
  }),
})

export const deleteFile = entry({
  description: 'Deletes one file.',
  input: z.strictObject({ path: z.string() }),
  works: 'writes',
  prepare: ({ path }, context) => ({
    uses: [{ kind: 'delete', path }],
    run: () => put([{ path, content: undefined }], context),
  }),
})

/** What a file is to become; undefined: gone. */
export interface Change {
  path: string
  content: string | undefined
}

/** Makes the changes in order, after all of them were looked at. */
export function put(changes: readonly Change[], { tree, scene }: Context): CallOutcome {
  const planned: Change[] = []
  for (const { path, content } of changes) {
    const spelled = decidePath(path, 'write', scene.worktree?.path)
    if (!spelled.allowed) return denied(spelled)
    const problem = bandKeyProblem(spelled.path, content, tree)
    if (problem) return denied(problem)
    planned.push({ path: spelled.path, content })
  }
  const report: string[] = []
  for (const { path, content } of planned) {
    const result = content === undefined ? tree.remove(path) : tree.write(path, content)
    const before = report.length > 0 ? ` Done before that: ${report.join(' ')}` : ''
    if (result === 'missing') return failed(`There is no file '${path}'.${before}`)
    if (result !== undefined) return denied({ ...result, reason: result.reason + before })
    report.push(content === undefined ? `Deleted ${path}.` : `Wrote ${path} (${Buffer.byteLength(content)} bytes).`)
  }
  return done(report.join('\n'))
}

function bandKeyProblem(path: string, content: string | undefined, tree: Context['tree']) {
  const file = /package\.json$/i.test(path) ? tree.readPlain(path, editLimit) : 'missing'
  const before = typeof file === 'string' || !file.allowed ? undefined : (exactText(file) ?? '')
  if (!/package/i.test(path.normalize('NFKC')) || !changesBandKey(path, before, content)) return undefined
  return deny(
    'protected-path',
    `'${path}' must stay valid JSON, and its 'codeband' key, which configures codeband, must stay as it is.`,
  )
}
