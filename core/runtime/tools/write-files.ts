import { z } from 'zod'
import { type Denied, deny } from '../../boundary/denial.ts'
import { decidePath } from '../../boundary/path.ts'
import { changesBandKey, isManifest } from '../../boundary/protected.ts'
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
    refuse: () => refuseContents([{ path, content }], context),
    run: () => put([{ path, content }], context),
  }),
})

export const deleteFile = entry({
  description: 'Deletes one file.',
  input: z.strictObject({ path: z.string() }),
  works: 'writes',
  prepare: ({ path }, context) => ({
    uses: [{ kind: 'delete', path }],
    refuse: () => refuseContents([{ path, content: undefined }], context),
    run: () => put([{ path, content: undefined }], context),
  }),
})

/** What a file is to become; undefined: gone. */
export interface Change {
  path: string
  content: string | undefined
}

/** Makes the changes in order, after all of them were looked at. */
export function put(changes: readonly Change[], context: Context): CallOutcome {
  const { tree, scene } = context
  const refused = refuseContents(changes, context)
  if (refused) return denied(refused)
  const report: string[] = []
  for (const { path: given, content } of changes) {
    const spelled = decidePath(given, 'write', scene.worktree?.path)
    if (!spelled.allowed) return denied(spelled)
    const { path } = spelled
    const result = content === undefined ? tree.remove(path) : tree.write(path, content)
    const before = report.length > 0 ? ` Done before that: ${report.join(' ')}` : ''
    if (result === 'missing') return failed(`There is no file '${path}'.${before}`)
    if (result !== undefined) return denied({ ...result, reason: result.reason + before })
    report.push(content === undefined ? `Deleted ${path}.` : `Wrote ${path} (${Buffer.byteLength(content)} bytes).`)
  }
  return done(report.join('\n'))
}

/** The first change whose spelling or contents the gate refuses. */
export function refuseContents(changes: readonly Change[], { tree, scene }: Context): Denied | undefined {
  for (const { path, content } of changes) {
    const spelled = decidePath(path, 'write', scene.worktree?.path)
    if (!spelled.allowed) return spelled
    if (!isManifest(spelled.path)) continue
    const file = tree.readPlain(spelled.path, editLimit)
    const before = typeof file === 'string' || !file.allowed ? undefined : (exactText(file) ?? '')
    if (changesBandKey(before, content)) {
      return deny(
        'protected-path',
        `'${path}' must stay valid JSON, and its 'codeband' key, which configures codeband, must stay as it is.`,
      )
    }
  }
  return undefined
}
