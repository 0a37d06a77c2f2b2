import { defineRole } from 'codeband'
import { planReviewer } from 'codeband/roles'

// Reads the issue itself: what the jira-agent made of it is one family's word.
export default defineRole({
  ...planReviewer,
  tools: [...(planReviewer.tools ?? []), 'jira_read_issue'],
  systemPrompt: `${planReviewer.systemPrompt}\nWhere the task names a Jira issue, read it first with jira_read_issue, and judge by what it says.`,
})
