import { type Pass, processGateway } from '../gateway/gateway.ts'
import { credentialHeaders } from '../gateway/headers.ts'
import { networkVariables, upstream } from '../gateway/upstream.ts'
import { accessVariables } from './login.ts'

const customHeaders = 'ANTHROPIC_CUSTOM_HEADERS'

const anthropic = 'https://api.anthropic.com'
/** All that the client asks of its API, apart from looks around that are switched off. */
const routes = ['/v1/messages', '/v1/messages/count_tokens']

export interface AccessParts {
  framework: string
  worker: string
  /** What the session was given. */
  given: Readonly<Record<string, string>>
  apiKey?: string
  baseUrl?: string
  /** The person's own variables for the client. */
  more: Readonly<Record<string, string>>
}

export interface Access {
  /** Added to the client's environment. */
  variables: Readonly<Record<string, string>>
  /** The person's variables that the client still gets. */
  more: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** How the client reaches its API: by the gateway, with a token for every variable that holds a key. Without any key there is nothing to keep,
 *  and a cloud's own login (CLAUDE_CODE_USE_BEDROCK, ...) signs each request, so the client keeps what `env` names. */
export async function openAccess({ framework, worker, given, apiKey, baseUrl, more }: AccessParts): Promise<Access> {
  const source: Readonly<Record<string, string | undefined>> = {
    ...Object.fromEntries(accessVariables.map((name) => [name, given[name]])),
    ...(baseUrl !== undefined && { ANTHROPIC_BASE_URL: baseUrl }),
    ...(apiKey !== undefined && { ANTHROPIC_API_KEY: apiKey }),
    ...more,
  }
  const url = source.ANTHROPIC_BASE_URL || undefined
  const direct = { ...(url !== undefined && { ANTHROPIC_BASE_URL: url }) }
  const nothing = async () => undefined
  if (Object.entries(more).some(([name, value]) => name.startsWith('CLAUDE_CODE_USE_') && isOn(value)))
    return { variables: direct, more, close: nothing }
  const credentials = credentialsOf(source)
  if (credentials === undefined) return { variables: direct, more, close: nothing }

  const { headers, instead } = credentials
  const up = upstream({ framework, baseUrl: url ?? anthropic, routes, headers, network: more })
  const pass = await processGateway.open(up, { framework, worker })
  return { variables: behind(pass, instead, up.base.origin === anthropic), more: kept(more), close: pass.close }
}

const isOn = (value: string) => value !== '' && !/^(0|false|no|off)$/i.test(value)

/** The client's variables, of which none is a key. */
export function behind({ url, token }: Pick<Pass, 'url' | 'token'>, instead: readonly string[], vendors: boolean) {
  return {
    ...Object.fromEntries(instead.map((name) => [name, token])),
    ANTHROPIC_BASE_URL: url,
    // Else it takes the gateway for somebody else's and leaves out what only its vendor understands, such as the scope of its caches.
    ...(vendors && { _CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL: '1' }),
  }
}

const kept = (more: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(more).filter(([name]) => ![...accessVariables, ...networkVariables, customHeaders].includes(name)),
  )

/** What the client would send, and the variables that make it send something in that place; undefined where it would send nothing. */
export function credentialsOf(
  source: Readonly<Record<string, string | undefined>>,
): { headers: Record<string, string>; instead: string[] } | undefined {
  const { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: token, CLAUDE_CODE_OAUTH_TOKEN: oauth } = source
  const own = headersIn(source[customHeaders] ?? '')
  const headers: Record<string, string> = {}
  const instead: string[] = []
  if (key) {
    headers['x-api-key'] = key
    instead.push('ANTHROPIC_API_KEY')
  }
  if (token) {
    headers.authorization = `Bearer ${token}`
    instead.push('ANTHROPIC_AUTH_TOKEN')
  }
  if (oauth && instead.length === 0) {
    headers.authorization = `Bearer ${oauth}`
    instead.push('CLAUDE_CODE_OAUTH_TOKEN')
  }
  if (instead.length === 0 && credentialHeaders.some((name) => own[name] !== undefined))
    instead.push('ANTHROPIC_AUTH_TOKEN')
  return instead.length === 0 ? undefined : { headers: { ...headers, ...own }, instead }
}

/** `Name: value`, one a line; names in lower case. */
function headersIn(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const [, name, value] = /^\s*([!#$%&'*+.^`|~\w-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? []
      return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value]]
    }),
  )
}
