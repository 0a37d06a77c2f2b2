import { jiraTools } from './tools.ts'

/** The Jira of this project: the one line to change. */
export const jira = jiraTools({ site: 'your-company.atlassian.net' })
