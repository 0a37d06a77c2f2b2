import { setTimeout as sleep } from 'node:timers/promises'
import { type ToolContext, z } from 'codeband'

/** Names of the variables that the tools are given; values never stand in a file. */
export const variables = ['JIRA_EMAIL', 'JIRA_API_TOKEN', 'JIRA_BASE_URL'] as const

const timeoutSeconds = 20
/** Seconds that a call waits for a rate limit before it gives up. */
const patience = 30
const attempts = 3

export interface JiraRequest<T> {
  url: string
  /** Default: GET. */
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** Of a list, each value; undefined is left out. */
  searchParams?: Readonly<Record<string, unknown>>
  headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  body?: unknown
  /** Shape of the answer; without one the answer is not read. */
  schema?: z.ZodType<T>
}

/** The way to one Jira site, through the capability of a tool. It has the form of the `Client` of the package jira.js, whose functions
 *  for every other endpoint take it as it is. */
export interface JiraClient {
  sendRequest<T>(request: JiraRequest<T>): Promise<T>
}

/** An answer that was no success, in words for the one who called. `status` 0: there was no answer. */
export class JiraError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'JiraError'
    this.status = status
  }
}

/** A client of `site`, a host name. Throws JiraError where a variable is missing or leads elsewhere. */
export function openJira(site: string, context: Pick<ToolContext, 'fetch' | 'env' | 'signal'>): JiraClient {
  const { fetch, env, signal } = context
  const base = baseOf(site, env)
  const always = { accept: 'application/json', authorization: authorizationOf(env) }

  async function answerTo(request: JiraRequest<unknown>): Promise<Response> {
    const { url, method = 'GET', searchParams = {}, headers = {}, body } = request
    const target = new URL(`${base}${url}`)
    for (const [name, given] of Object.entries(searchParams)) {
      for (const value of [given].flat()) if (value !== undefined) target.searchParams.append(name, String(value))
    }
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    for (let attempt = 1; ; attempt++) {
      const limit = AbortSignal.timeout(timeoutSeconds * 1000)
      const response = await fetch(target, {
        method,
        headers: { ...headers, ...type, ...always },
        ...content,
        signal: AbortSignal.any([signal, limit]),
      }).catch((error: unknown) => {
        const why = limit.aborted ? `it did not answer within ${timeoutSeconds} s` : reasonOf(error)
        throw new JiraError(0, `Jira at '${site}' was not reached: ${why}`)
      })
      const seconds = pauseAfter(response, method, attempt)
      if (seconds === undefined) return response
      await response.body?.cancel()
      if (attempt === attempts || seconds > patience) {
        throw new JiraError(response.status, `Jira takes no more calls for now; try again in ${seconds} s`)
      }
      await sleep(seconds * 1000, undefined, { signal })
    }
  }

  return {
    async sendRequest(request) {
      const { schema, method = 'GET', url } = request
      const response = await answerTo(request)
      const text = await response.text()
      if (!response.ok) throw new JiraError(response.status, explain(response.status, text, site))
      if (schema === undefined) return undefined as never
      const parsed = schema.safeParse(jsonOf(text))
      if (parsed.success) return parsed.data
      const [issue] = parsed.error.issues
      const where = issue?.path.join('.') || 'the answer'
      throw new JiraError(response.status, `'${site}' answered ${method} ${url} in a form that is not Jira's: ${where}`)
    },
  }
}

function baseOf(site: string, { JIRA_BASE_URL }: ToolContext['env']): string {
  const base = JIRA_BASE_URL?.replace(/\/+$/, '') || `https://${site}`
  if (URL.parse(base)?.host === site) return base
  throw new JiraError(0, `JIRA_BASE_URL is '${base}', but these tools may only reach '${site}': correct one of them`)
}

function authorizationOf({ JIRA_EMAIL, JIRA_API_TOKEN }: ToolContext['env']): string {
  if (!JIRA_EMAIL || !JIRA_API_TOKEN) {
    throw new JiraError(0, 'JIRA_EMAIL and JIRA_API_TOKEN must be set where codeband runs; a person has to do that')
  }
  return `Basic ${Buffer.from(`${JIRA_EMAIL}:${JIRA_API_TOKEN}`).toString('base64')}`
}

/** Seconds to wait before the same call again; undefined: it was answered. A 429 was not carried out; of a 503 nobody knows. */
function pauseAfter({ status, headers }: Response, method: string, attempt: number): number | undefined {
  const after = headers.get('retry-after')
  if (status !== 429 && !(status === 503 && after !== null && method === 'GET')) return undefined
  const seconds = Number(after ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : 2 ** attempt
}

const Problem = z
  .object({ errorMessages: z.array(z.string()).catch([]), errors: z.record(z.string(), z.string()).catch({}) })
  .catch({ errorMessages: [], errors: {} })

function explain(status: number, text: string, site: string): string {
  const { errorMessages, errors } = Problem.parse(jsonOf(text))
  const said = [...errorMessages, ...Object.entries(errors).map(([field, problem]) => `${field}: ${problem}`)].join(
    '; ',
  )
  const because = said === '' ? '' : ` Jira says: ${said}`
  switch (status) {
    case 401:
      return `Jira at '${site}' did not accept JIRA_EMAIL with JIRA_API_TOKEN; a person has to correct them.${because}`
    case 403:
      return `The account of JIRA_EMAIL may not do this; do not try again.${because}`
    case 404:
      return `There is no such issue, or the account of JIRA_EMAIL may not see it.${because}`
    case 409:
      return `Somebody changed the issue at the same time; read it again, then decide again.${because}`
    default:
      return `Jira answered ${status}.${because}`
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A page of a proxy or of a login: the shape that was asked for will be missed.
    return undefined
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
