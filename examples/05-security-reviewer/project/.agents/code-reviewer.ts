import { defineRole } from 'codeband'
import { codeReviewer } from 'codeband/roles'
import securityReviewer from './security-reviewer.ts'

// The review that ships, and a second one of the same commit. What is returned makes the verdict stricter, never milder.
export default defineRole({
  ...codeReviewer,
  spawnableRoles: ['security-reviewer'],
  *steps({ band, subtask, commit, base, files, message, diff }) {
    yield* band.stepAll() // its own verdict
    return yield* band.spawn(securityReviewer, { subtask, commit, base, files, message, diff })
  },
})
