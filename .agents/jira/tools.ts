import { defineTool, z } from 'codeband'
import { documentOf, textOf } from './adf.ts'
import { JiraError, openJira, variables } from './client.ts'
import {
  addComment,
  type Comment,
  doTransition,
  getComments,
  getIssue,
  getTransitions,
  type Issue,
  IssueKey,
  withProperties,
} from './issues.ts'

/** Property of a comment that says which call wrote it. */
const property = 'codeband'
const pageSize = 100

/** The tools of one Jira Cloud site. `site` is its host name, such as `acme.atlassian.net`: the only host that they reach. */
export function jiraTools({ site }: { site: string }) {
  const needs = { network: [site], env: variables }

  const readIssue = defineTool({
    name: 'jira_read_issue',
    description: 'Reads a Jira issue as text: its fields, its description and its newest comments.',
    input: z.strictObject({
      issue: IssueKey,
      comments: z.number().int().min(0).max(50).default(10).describe('How many of the newest comments'),
    }),
    needs,
    repeat: 'safe',
    async run({ issue, comments: maxResults }, context) {
      const jira = openJira(site, context)
      const found = await getIssue(jira, issue)
      const { comments, total } = maxResults > 0 ? await getComments(jira, issue, { maxResults }) : nothing
      return [headOf(found), textOf(found.fields.description), commentsOf(comments, total)].filter(Boolean).join('\n\n')
    },
  })

  const comment = defineTool({
    name: 'jira_comment',
    description: 'Adds a comment to a Jira issue. Paragraphs, "- " lists, fenced code and links are kept.',
    input: z.strictObject({ issue: IssueKey, text: z.string().min(1).max(32_000) }),
    needs,
    // The call looks for its own comment before it writes one.
    repeat: 'safe',
    async run({ issue, text }, context) {
      const { key } = context
      const jira = openJira(site, context)
      const known = await commentOf(jira, issue, key)
      if (known) return `The comment is on ${issue} already (comment ${known.id}).`
      try {
        const properties = [{ key: property, value: { key } }]
        const { id } = await addComment(jira, issue, { body: documentOf(text), properties })
        return `Commented on ${issue} (comment ${id}).`
      } catch (error) {
        // No answer, or a broken one: the comment may be there all the same.
        const unsure = error instanceof JiraError && (error.status < 400 || error.status >= 500)
        const there = unsure ? await commentOf(jira, issue, key) : undefined
        if (there === undefined) throw error
        return `Commented on ${issue} (comment ${there.id}).`
      }
    },
  })

  const move = defineTool({
    name: 'jira_move',
    description:
      'Moves a Jira issue to another status, such as "In Progress" or "Done", by a transition of its workflow.',
    input: z.strictObject({
      issue: IssueKey,
      to: z.string().min(1).max(255).describe('Name of the status, or of the transition that leads there'),
      resolution: z.string().min(1).max(255).optional().describe('Only where the workflow asks for one'),
    }),
    needs,
    // An issue that is there already is not moved again.
    repeat: 'safe',
    async run({ issue, to, resolution }, context) {
      const jira = openJira(site, context)
      const from = (await getIssue(jira, issue)).fields.status.name
      if (same(from, to)) return `${issue} is '${from}' already.`
      const transitions = await getTransitions(jira, issue)
      const way = transitions.find((one) => same(one.to.name, to)) ?? transitions.find(({ name }) => same(name, to))
      if (way === undefined) {
        const ways = transitions.map((one) => `'${one.to.name}' (by '${one.name}')`).join(', ') || 'nowhere'
        throw new JiraError(409, `${issue} is '${from}' and cannot go to '${to}'; from there it can go to ${ways}.`)
      }
      try {
        await doTransition(jira, issue, { id: way.id, resolution })
      } catch (error) {
        // Somebody else's move, or our own whose answer was lost, may have brought it there.
        if (!(error instanceof JiraError)) throw error
        const now = (await getIssue(jira, issue)).fields.status.name
        if (!same(now, way.to.name)) throw error
      }
      return `${issue} went from '${from}' to '${way.to.name}'.`
    },
  })

  return { readIssue, comment, move }
}

type Jira = ReturnType<typeof openJira>

/** The comment that a call with this key has written. */
async function commentOf(jira: Jira, issue: string, key: string): Promise<Comment | undefined> {
  for (let startAt = 0; ; startAt += pageSize) {
    const { comments, total } = await getComments(jira, issue, { startAt, maxResults: pageSize })
    const found = (await withProperties(jira, comments)).find(({ properties }) =>
      properties?.some((one) => one.key === property && (one.value as { key?: unknown } | null)?.key === key),
    )
    if (found || comments.length === 0 || startAt + pageSize >= total) return found
  }
}

const nothing = { comments: [], total: 0 }
const same = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase()

function headOf({ key, fields }: Issue): string {
  const { summary, status, issuetype, priority, labels, reporter, assignee, parent } = fields
  const facts = [
    ['Status', status.name],
    ['Type', issuetype?.name],
    ['Priority', priority?.name],
    ['Labels', labels?.join(', ')],
    ['Reporter', reporter?.displayName],
    ['Assignee', assignee?.displayName],
    ['Parent', parent && [parent.key, parent.fields?.summary].filter(Boolean).join(': ')],
  ]
  const known = facts.flatMap(([name, value]) => (value ? [`${name}: ${value}`] : []))
  return `${key}: ${summary}\n${known.join('\n')}`
}

function commentsOf(comments: readonly Comment[], total: number): string {
  if (comments.length === 0) return ''
  const said = [...comments]
    .reverse()
    .map(
      ({ author, created, body }) => `${author?.displayName ?? 'Somebody'}, ${created?.slice(0, 10)}:\n${textOf(body)}`,
    )
  return [`Comments (${comments.length} of ${total}, oldest first):`, ...said].join('\n\n')
}
