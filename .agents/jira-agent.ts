import { defineRole, z } from 'codeband'
import { IssueKey } from './jira/issues.ts'

export default defineRole({
  id: 'jira-agent',
  description: 'Words a Jira issue as a task; given something to report, comments on the issue and moves it.',
  input: z.object({ issue: IssueKey, comment: z.string().optional(), moveTo: z.string().optional() }),
  output: z.object({ text: z.string().min(1).describe('The task, or what was done') }),
  tools: ['jira_read_issue', 'jira_comment', 'jira_move'],
  systemPrompt: `You bring work from Jira to people who write code and see no Jira. Read the issue, then hand over the task: what must be true when it is done, what is out of scope, and every detail of the issue that decides how; in its words where they are exact. Begin with the key of the issue.
Leave out what is only talk. Add nothing that the issue does not say; where it contradicts itself, the newest comment counts, and you say so.`,
  userPrompt: 'Word issue {{issue}} as a task.',
  *steps({ issue, comment, moveTo, band }) {
    if (comment === undefined && moveTo === undefined) return yield* band.stepAll()
    // The program writes to Jira, not the model: a call of the program keeps its key when it is repeated after a crash.
    const done: string[] = []
    if (comment !== undefined) done.push(yield* band.tool('jira_comment', { issue, text: comment }))
    if (moveTo !== undefined) done.push(yield* band.tool('jira_move', { issue, to: moveTo }))
    return { text: done.join('\n') }
  },
})
