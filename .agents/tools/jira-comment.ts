import { jira } from '../jira/project.ts'

export default jira.comment
