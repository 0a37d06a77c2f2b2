import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { localhostCertificate } from '../scene/certificate.ts'

export const account = { JIRA_EMAIL: 'band@example.com', JIRA_API_TOKEN: 'token-of-the-band' }
const authorization = `Basic ${Buffer.from(`${account.JIRA_EMAIL}:${account.JIRA_API_TOKEN}`).toString('base64')}`

export interface StandInComment {
  id: string
  body: unknown
  properties: { key: string; value: unknown }[]
}

export interface Asked {
  method: string
  /** Path and query. */
  url: string
  body: unknown
}

/** What happens to a call instead of its answer; `after`: once it was carried out. */
export interface Trouble {
  when: RegExp
  /** Default: once. */
  times?: number
  status?: number
  headers?: Record<string, string>
  body?: string
  after?: boolean
  /** The connection ends without an answer. */
  cut?: boolean
  /** Is called before that. */
  meanwhile?: () => void
}

export interface StandIn {
  /** `localhost:12345` */
  site: string
  /** The certificate to trust, PEM. */
  cert: string
  asked: Asked[]
  comments: StandInComment[]
  issue: { key: string; status: string; resolution?: string; fields: Record<string, unknown> }
  trouble: Trouble[]
}

const workflow: Readonly<Record<string, readonly { id: string; name: string; to: string }[]>> = {
  'To Do': [{ id: '11', name: 'Start', to: 'In Progress' }],
  'In Progress': [
    { id: '21', name: 'Back', to: 'To Do' },
    { id: '31', name: 'Finish', to: 'Done' },
  ],
  Done: [{ id: '41', name: 'Reopen', to: 'To Do' }],
}

const paragraph = (text: string) => ({ type: 'paragraph', content: [{ type: 'text', text }] })

/** A Jira Cloud site with one issue, over https on this machine: the endpoints that the tools use, in their documented shapes. */
export async function jiraSite(): Promise<StandIn> {
  const { key, cert } = localhostCertificate()
  const issue: StandIn['issue'] = {
    key: 'ACME-7',
    status: 'In Progress',
    fields: {
      summary: 'Prices lose a digit',
      issuetype: { id: '1', name: 'Bug', subtask: false },
      priority: { id: '2', name: 'High' },
      labels: ['shop'],
      reporter: { accountId: '5b10', displayName: 'Ada', active: true },
      assignee: null,
      description: {
        type: 'doc',
        version: 1,
        content: [
          paragraph('1250 cents are shown as 12.5.'),
          { type: 'codeBlock', attrs: { language: 'js' }, content: [{ type: 'text', text: "price(1250) // '12.50'" }] },
        ],
      },
    },
  }
  const stand: StandIn = { site: '', cert, asked: [], comments: [], issue, trouble: [] }

  function carryOut({ method, url, body }: Asked): { status: number; body?: unknown } {
    const { pathname, searchParams } = new URL(url, 'https://localhost')
    if (pathname === '/rest/api/3/comment/list' && method === 'POST') {
      const { ids } = body as { ids: number[] }
      const found = stand.comments.filter(({ id }) => ids.includes(Number(id)))
      const values = found.map((one) => shown(one, searchParams.get('expand') === 'properties'))
      return { status: 200, body: { startAt: 0, maxResults: 1000, total: values.length, isLast: true, values } }
    }
    const [, named, rest] = /^\/rest\/api\/3\/issue\/([^/]+)(\/\w+)?$/.exec(pathname) ?? []
    if (named !== issue.key) {
      const errorMessages = ['Issue does not exist or you do not have permission to see it.']
      return { status: 404, body: { errorMessages, errors: {} } }
    }
    if (rest === undefined) {
      return {
        status: 200,
        body: { id: '10002', key: issue.key, fields: { ...issue.fields, status: statusOf(issue.status) } },
      }
    }
    if (rest === '/comment' && method === 'POST') {
      const { properties = [], ...given } = body as Omit<StandInComment, 'id'>
      const comment = { id: String(10_000 + stand.comments.length), ...given, properties }
      stand.comments.push(comment)
      return { status: 201, body: shown(comment, false) }
    }
    if (rest === '/comment') {
      const startAt = Number(searchParams.get('startAt'))
      const maxResults = Number(searchParams.get('maxResults'))
      const all = searchParams.get('orderBy') === '-created' ? [...stand.comments].reverse() : stand.comments
      const comments = all.slice(startAt, startAt + maxResults).map((one) => shown(one, false))
      return { status: 200, body: { startAt, maxResults, total: all.length, comments } }
    }
    const ways = workflow[issue.status]!
    if (method === 'GET') {
      const transitions = ways.map(({ id, name, to }) => ({ id, name, to: statusOf(to), hasScreen: false }))
      return { status: 200, body: { expand: 'transitions', transitions } }
    }
    const { transition, fields } = body as { transition: { id: string }; fields?: { resolution?: { name: string } } }
    const way = ways.find(({ id }) => id === transition.id)
    if (!way) {
      const errorMessages = [`Transition id '${transition.id}' is not valid for this issue.`]
      return { status: 400, body: { errorMessages, errors: {} } }
    }
    issue.status = way.to
    if (fields?.resolution) issue.resolution = fields.resolution.name
    return { status: 204 }
  }

  const server = createServer({ key, cert }, async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const asked: Asked = {
      method: request.method ?? '',
      url: request.url ?? '',
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
    stand.asked.push(asked)
    const trouble = stand.trouble.find(({ when, times = 1 }) => times > 0 && when.test(`${asked.method} ${asked.url}`))
    if (trouble) trouble.times = (trouble.times ?? 1) - 1
    if (trouble && !trouble.after) return makeTrouble(response, trouble)
    if (request.headers.authorization !== authorization) {
      return answer(response, 401, { errorMessages: ['Client must be authenticated to access this resource.'] })
    }
    const { status, body } = carryOut(asked)
    if (trouble) return makeTrouble(response, trouble)
    answer(response, status, body)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  stand.site = `localhost:${(server.address() as AddressInfo).port}`
  return stand
}

const statusOf = (name: string) => ({ id: name.length.toString(), name, statusCategory: { key: 'indeterminate' } })

function shown({ id, body, properties }: StandInComment, withProperties: boolean): object {
  const author = { accountId: '5b10', displayName: 'The band' }
  const created = '2026-01-02T03:04:05.000+0000'
  return { id, author, body, created, updated: created, ...(withProperties && { properties }) }
}

function makeTrouble(
  response: ServerResponse,
  { status = 500, headers = {}, body = '', cut, meanwhile }: Trouble,
): void {
  meanwhile?.()
  if (cut) response.destroy()
  else response.writeHead(status, headers).end(body)
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}
