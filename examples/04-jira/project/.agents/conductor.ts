import { defineRole } from 'codeband'
import { conductor } from 'codeband/roles'
import jiraAgent from './jira-agent.ts'

// A task such as 'ACME-7' is what that issue says; when it has landed, the issue hears of it and moves on.
export default defineRole({
  ...conductor,
  spawnableRoles: [...(conductor.spawnableRoles ?? []), 'jira-agent'],
  *steps({ task: asked, band }) {
    const issue = /\b[A-Z][A-Z0-9_]*-[1-9]\d*\b/.exec(asked)?.[0]
    const task = issue ? (yield* band.spawn(jiraAgent, { issue })).text : asked
    const files = yield* band.spawn('file-picker', { task })
    const plan = yield* band.reviewed('planner', { task, files })
    yield* band.each(plan.subtasks, function* (subtask) {
      yield* band.reviewed('coder', { subtask, files })
    })
    const { landed } = yield* band.spawn('mergemaster', {})
    if (!issue) return
    const commits = landed.map((commit) => `- ${commit.slice(0, 12)}`).join('\n')
    yield* band.spawn(jiraAgent, { issue, comment: `Done: ${plan.summary}\n\n${commits}`, moveTo: 'Done' })
  },
})
