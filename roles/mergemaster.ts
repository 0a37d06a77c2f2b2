import { defineRole } from 'codeband'

export default defineRole({
  id: 'mergemaster',
  description: 'Lands what is approved; sends conflicts and red candidates back to their authors.',
  spawnableRoles: ['coder'],
  *steps({ band }) {
    for (;;) {
      const { landed, returned } = yield* band.merge()
      if (returned.length === 0) return { landed }
      for (const { role, input } of returned) {
        // Only core moves the branch; here the author gets its change back, with the reason as feedback.
        yield* band.reviewed(role as 'coder', input as never)
      }
    }
  },
})
