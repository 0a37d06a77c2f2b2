import { defineRole, EffectError } from 'codeband'
import { coder } from 'codeband/roles'
import committer from './committer.ts'

export default defineRole({
  ...coder,
  spawnableRoles: [...(coder.spawnableRoles ?? []), 'committer'],
  *steps({ subtask, band }) {
    yield* band.stepAll() // the model works until its change is there
    try {
      return yield* band.spawn(committer, { subtask })
    } catch (error) {
      if (!(error instanceof EffectError)) throw error
      // The change is made and has a title; no wording of it is worth losing it for.
      return { message: subtask.title }
    }
  },
})
