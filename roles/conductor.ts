import { defineRole } from 'codeband'

export default defineRole({
  id: 'conductor',
  description: 'Takes a task from plan to merge.',
  spawnableRoles: ['file-picker', 'planner', 'coder', 'mergemaster'],
  *steps({ task, band }) {
    const files = yield* band.spawn('file-picker', { task })
    const plan = yield* band.reviewed('planner', { task, files }) // produce, opposite review, revise, bounded
    yield* band.each(plan.subtasks, function* (subtask) {
      // in dependency order, in parallel
      yield* band.reviewed('coder', { subtask, files })
    })
    yield* band.spawn('mergemaster', {})
  },
})
