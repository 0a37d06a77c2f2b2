import { z } from 'codeband'
import type { AdfNode } from './adf.ts'
import type { JiraClient } from './client.ts'

/** The part of Jira Cloud's REST API v3 that the tools use, in the shapes it documents; fields that are not named are left alone.
 *  https://developer.atlassian.com/cloud/jira/platform/rest/v3/ */

export const IssueKey = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,63}-[1-9]\d{0,9}$/, 'an issue key such as ACME-7')
  .describe('Key of the issue, such as ACME-7')

const Document: z.ZodType<AdfNode> = z.custom<AdfNode>((value) => typeof (value as AdfNode | null)?.type === 'string')
const Named = z.looseObject({ name: z.string() })
const Person = z.looseObject({ displayName: z.string() })

const Issue = z.looseObject({
  key: z.string(),
  fields: z.looseObject({
    summary: z.string(),
    status: Named,
    issuetype: Named.nullish(),
    priority: Named.nullish(),
    labels: z.array(z.string()).nullish(),
    reporter: Person.nullish(),
    assignee: Person.nullish(),
    parent: z.looseObject({ key: z.string(), fields: z.looseObject({ summary: z.string() }).nullish() }).nullish(),
    description: Document.nullish(),
  }),
})
export type Issue = z.output<typeof Issue>

const Comment = z.looseObject({
  id: z.string(),
  author: Person.nullish(),
  created: z.string().nullish(),
  body: Document.nullish(),
  properties: z.array(z.looseObject({ key: z.string(), value: z.unknown() })).nullish(),
})
export type Comment = z.output<typeof Comment>

const Comments = z.looseObject({ total: z.number(), comments: z.array(Comment) })
const ListedComments = z.looseObject({ values: z.array(Comment) })
const Transition = z.looseObject({ id: z.string(), name: z.string(), to: Named })
const Transitions = z.looseObject({ transitions: z.array(Transition) })

const fields = Object.keys(Issue.shape.fields.shape).join(',')

/** A key is checked by the tool's input; what goes into a path is escaped all the same. */
const pathOf = (issue: string): string => `/rest/api/3/issue/${encodeURIComponent(issue)}`

export const getIssue = (jira: JiraClient, issue: string): Promise<Issue> =>
  jira.sendRequest({ method: 'GET', url: pathOf(issue), searchParams: { fields }, schema: Issue })

/** The newest first; `total` counts all. */
export const getComments = (
  jira: JiraClient,
  issue: string,
  { startAt = 0, maxResults }: { startAt?: number; maxResults: number },
): Promise<z.output<typeof Comments>> =>
  jira.sendRequest({
    method: 'GET',
    url: `${pathOf(issue)}/comment`,
    searchParams: { orderBy: '-created', startAt, maxResults },
    schema: Comments,
  })

/** The same comments with their properties, which no other endpoint gives. */
export async function withProperties(jira: JiraClient, comments: readonly Comment[]): Promise<Comment[]> {
  if (comments.length === 0) return []
  const { values } = await jira.sendRequest({
    method: 'POST',
    url: '/rest/api/3/comment/list',
    searchParams: { expand: 'properties' },
    body: { ids: comments.map(({ id }) => Number(id)) },
    schema: ListedComments,
  })
  return values
}

export const addComment = (
  jira: JiraClient,
  issue: string,
  comment: { body: AdfNode; properties: readonly { key: string; value: unknown }[] },
): Promise<Comment> =>
  jira.sendRequest({ method: 'POST', url: `${pathOf(issue)}/comment`, body: comment, schema: Comment })

export async function getTransitions(jira: JiraClient, issue: string): Promise<z.output<typeof Transition>[]> {
  const request = { method: 'GET' as const, url: `${pathOf(issue)}/transitions`, schema: Transitions }
  return (await jira.sendRequest(request)).transitions
}

export const doTransition = (
  jira: JiraClient,
  issue: string,
  { id, resolution }: { id: string; resolution?: string | undefined },
): Promise<void> =>
  jira.sendRequest({
    method: 'POST',
    url: `${pathOf(issue)}/transitions`,
    body: { transition: { id }, ...(resolution !== undefined && { fields: { resolution: { name: resolution } } }) },
  })
