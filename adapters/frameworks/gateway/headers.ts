import { maskText } from './mask.ts'

type Distinct = Readonly<Record<string, readonly string[] | undefined>>

/** Where clients put their key. */
export const credentialHeaders: readonly string[] = ['authorization', 'x-api-key']

/** Of one connection only, or about it. */
const hop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
const neverUp = new Set([
  ...hop,
  ...credentialHeaders,
  'host',
  'expect',
  'cookie',
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  // Set anew: what frames the body is not for others to name, and the answer is to be read.
  'content-length',
  'accept-encoding',
])
const neverDown = new Set([...hop, 'set-cookie', 'set-cookie2', 'alt-svc', 'strict-transport-security', 'location'])

const named = (connection: readonly string[] = []) =>
  new Set(connection.flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase())))

function passed(headers: Distinct, never: ReadonlySet<string>): [string, string[]][] {
  const listed = named(headers.connection)
  return Object.entries(headers).flatMap(([name, values]): [string, string[]][] =>
    values === undefined || never.has(name) || listed.has(name) ? [] : [[name, [...values]]],
  )
}

/** What goes to the API: what the client said, and the credential that it does not have. */
export function headersUp(
  headers: Distinct,
  own: Readonly<Record<string, string>>,
  host: string,
): Record<string, string | string[]> {
  const length = headers['content-length']?.[0]
  return Object.fromEntries<string | string[]>([
    ...passed(headers, neverUp),
    ...Object.entries(own).filter(([name]) => !neverUp.has(name) || credentialHeaders.includes(name)),
    ['host', host],
    ['accept-encoding', 'identity'],
    ...(length === undefined ? [] : [['content-length', length] as const]),
  ])
}

/** What comes back: status and limits as they are, nothing that is kept or followed. */
export function headersDown(headers: Distinct, secrets: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(
    passed(headers, neverDown).map(([name, values]) => [name, values.map((value) => maskText(value, secrets))]),
  )
}
