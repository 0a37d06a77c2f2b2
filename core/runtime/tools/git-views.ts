import { z } from 'zod'
import { shown } from '../../boundary/denial.ts'
import { invisibleNote } from '../../role/visible.ts'
import { done, entry } from './entry.ts'
import { cut } from './text.ts'

const maxText = 256 * 1024

export const gitStatus = entry({
  description: 'Lists what the worktree changed since the commit it started from.',
  input: z.strictObject({}),
  works: 'worktree',
  prepare: (_, { scene }) => ({
    uses: [],
    async run() {
      const changes = await scene.worktree!.changes()
      if (changes.length === 0) {
        const underReview = (await scene.changes()) ?? ''
        return done(underReview === '' ? 'Nothing changed.' : 'All is committed; git_diff shows the change.')
      }
      const lines = changes.map(({ status, path, tracked }) => `${tracked ? status : 'new'} ${shown(path, 4096)}`)
      return done(cut(lines.join('\n'), maxText, 'Look at single files.'))
    },
  }),
})

export const gitDiff = entry({
  description: 'Shows the changes under work or review as a unified diff. Up to 256 KiB.',
  input: z.strictObject({}),
  works: 'worktree',
  prepare: (_, { scene }) => ({
    uses: [],
    async run() {
      const diff = (await scene.changes()) ?? (await scene.worktree!.patch(maxText + 1))
      if (diff === '') return done('Nothing changed.')
      const hidden = invisibleNote(diff.slice(0, maxText), (line) => `line ${line} of this diff`)
      return done(cut(diff, maxText, 'Read single files for the rest.') + (hidden && `\n[${hidden}]`))
    },
  }),
})

export const gitLog = entry({
  description: 'Shows the last commits, newest last.',
  input: z.strictObject({ count: z.number().int().min(1).max(100).default(10) }),
  works: 'worktree',
  prepare: ({ count }, { scene }) => ({
    uses: [],
    run: async () => done(cut(await scene.worktree!.log(count), maxText, 'Ask for fewer commits.')),
  }),
})
