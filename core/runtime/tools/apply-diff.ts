import { z } from 'zod'
import { type Denied, deny } from '../../boundary/denial.ts'
import type { Use } from '../../boundary/gate.ts'
import { decidePath } from '../../boundary/path.ts'
import { isApplyPatch, readApplyPatch } from './apply-patch.ts'
import { type Context, denied, entry, failed, type Prepared } from './entry.ts'
import { applyHunks, type FilePatch } from './hunks.ts'
import type { CallOutcome } from './scene.ts'
import { editLimit, exactText } from './text.ts'
import { readUnifiedDiff } from './unified-diff.ts'
import { type Change, put, refuseContents } from './write-files.ts'

const maxPatch = 2 * 1024 * 1024

export const applyDiff = entry({
  description:
    'Edits text files in one of three forms. Replacement: { path, old, new }, where old is in the file exactly once (or all: true). Unified diff: { patch: "--- a/x\\n+++ b/x\\n@@ ..." }. apply_patch: { patch: "*** Begin Patch\\n*** Update File: x\\n@@\\n-old\\n+new\\n*** End Patch" }. Old lines must match exactly. All of a patch is done, or nothing.',
  input: z
    .strictObject({
      path: z.string().optional().describe('For a replacement: the file'),
      old: z.string().min(1).optional().describe('For a replacement: the text as it is now'),
      new: z.string().optional().describe('For a replacement: the text as it will be'),
      all: z.boolean().optional().describe('For a replacement: every place, not just one'),
      patch: z.string().min(1).optional().describe('A unified diff or an apply_patch patch; may touch several files'),
    })
    .refine(
      ({ path, old, new: now, all, patch }) =>
        patch === undefined
          ? path !== undefined && old !== undefined && now !== undefined
          : [path, old, now, all].every((part) => part === undefined),
      { message: "give either 'patch' alone, or 'path', 'old' and 'new'" },
    ),
  works: 'writes',
  prepare({ path, old, new: now, all = false, patch }, context) {
    return patch === undefined
      ? edit([{ kind: 'write', path: path! }], () => replace(path!, old!, now!, all, context), context)
      : preparePatch(patch, context)
  },
})

function preparePatch(patch: string, context: Context): Prepared | Denied | CallOutcome {
  if (patch.length > maxPatch) {
    return deny('payload', `A patch may have at most ${maxPatch / 1024 / 1024} MiB; send it in parts.`)
  }
  const reading = isApplyPatch(patch) ? readApplyPatch(patch) : readUnifiedDiff(patch)
  if ('code' in reading) return reading
  if ('problem' in reading) return failed(`The patch was not taken: ${reading.problem}.`)
  const { files } = reading
  const uses = files.flatMap(({ kind, path, to }): Use[] => [
    { kind: kind === 'delete' ? 'delete' : 'write', path },
    ...(to === undefined ? [] : [{ kind: 'write' as const, path: to }]),
  ])
  return edit(uses, () => stageAll(files, context), context)
}

/** Nothing is written before everything is worked out and looked at. */
function edit(uses: readonly Use[], stage: () => readonly Change[] | CallOutcome, context: Context): Prepared {
  return {
    uses,
    refuse() {
      const staged = stage()
      if (!('ok' in staged)) return refuseContents(staged, context)
      return staged.denied && deny(staged.denied.code, staged.denied.reason)
    },
    run() {
      const staged = stage()
      return 'ok' in staged ? staged : put(staged, context)
    },
  }
}

function stageAll(files: readonly FilePatch[], context: Context): readonly Change[] | CallOutcome {
  const staged = new Map<string, string | undefined>()
  const name = (path: string) => {
    const spelled = decidePath(path, 'write', context.scene.worktree?.path)
    return spelled.allowed ? spelled.path : path
  }
  const current = (path: string) => (staged.has(path) ? staged.get(path) : readText(path, context))
  for (const { kind, hunks, ...file } of files) {
    const path = name(file.path)
    const to = file.to === undefined ? undefined : name(file.to)
    const before = current(path)
    if (typeof before === 'object') return before
    const there = before !== undefined
    if (kind === 'add' && there) return failed(`Nothing was changed: '${path}' is there already; update it instead.`)
    if (kind !== 'add' && !there) return failed(`Nothing was changed: there is no file '${path}'.`)
    if (to !== undefined && current(to) !== undefined) {
      return failed(`Nothing was changed: '${path}' cannot move to '${to}', which is there already.`)
    }
    const applied = applyHunks(before ?? '', hunks)
    if ('problem' in applied) return failed(`Nothing was changed: in '${path}' ${applied.problem}.`)
    if (kind === 'delete' && hunks.length > 0 && applied.content !== '') {
      return failed(`Nothing was changed: the deletion of '${path}' does not remove all of its lines.`)
    }
    if (to !== undefined) staged.set(path, undefined)
    staged.set(to ?? path, kind === 'delete' ? undefined : applied.content)
  }
  for (const [path, content] of staged) {
    // Made and taken away again within the patch.
    if (content === undefined && readText(path, context) === undefined) staged.delete(path)
  }
  if (staged.size === 0) return failed('Nothing was changed: the patch takes away all that it makes.')
  return changesOf(staged)
}

/** Writes come first: a move that breaks half-way leaves both files, not none. */
function changesOf(staged: ReadonlyMap<string, string | undefined>): Change[] {
  const changes = [...staged].map(([path, content]) => ({ path, content }))
  return [
    ...changes.filter(({ content }) => content !== undefined),
    ...changes.filter(({ content }) => content === undefined),
  ]
}

function replace(
  path: string,
  old: string,
  now: string,
  all: boolean,
  context: Context,
): readonly Change[] | CallOutcome {
  const spelled = decidePath(path, 'write', context.scene.worktree?.path)
  if (!spelled.allowed) return denied(spelled)
  const before = readText(spelled.path, context)
  if (before === undefined) return failed(`There is no file '${path}'; create it with write_file.`)
  if (typeof before === 'object') return before
  const windows = (text: string) => text.replace(/\r?\n/g, '\r\n')
  // Models write plain newlines whatever the file has.
  const [from, to] = !before.includes(old) && before.includes('\r\n') ? [windows(old), windows(now)] : [old, now]
  const pieces = before.split(from)
  if (pieces.length === 1) return failed(`'old' is not in '${path}'. Read the file again and copy the text exactly.`)
  if (pieces.length > 2 && !all) {
    return failed(`'old' is in '${path}' ${pieces.length - 1} times. Give more lines around it, or all: true.`)
  }
  const size = before.length + (pieces.length - 1) * to.length
  if (size > editLimit) return failed(`'${path}' would become larger than ${editLimit / 1024 / 1024} MiB.`)
  return [{ path, content: pieces.join(to) }]
}

function readText(path: string, { tree }: Context): string | undefined | CallOutcome {
  const file = tree.readPlain(path, editLimit)
  if (file === 'missing') return undefined
  if (file === 'directory') return failed(`'${path}' is a folder.`)
  if (!file.allowed) return denied(file)
  const text = file.size > editLimit ? undefined : exactText(file)
  return (
    text ??
    failed(`'${path}' is not a text file (UTF-8, up to ${editLimit / 1024 / 1024} MiB), so it cannot be edited.`)
  )
}
