import { allowed, type Decision, type Denied, deny, shown } from './denial.ts'

/** Only https, and only to a host that is granted exactly: `example.com` means port 443 of that name and no other. */
export function decideHost(url: string, hosts: readonly string[]): Decision {
  const parsed = URL.parse(url)
  if (parsed === null) return deny('schema', `'${shown(url)}' is not a URL.`)
  if (parsed.protocol !== 'https:')
    return deny('url-scheme', `'${shown(parsed.protocol)}' is not allowed; only https is.`)
  if (parsed.username !== '' || parsed.password !== '') {
    return deny('host-not-allowed', 'A URL with a user or password in it is not allowed.')
  }
  if (hosts.includes(parsed.host)) return allowed
  return deny(
    'host-not-allowed',
    `The host '${shown(parsed.host)}' is not granted. Granted: ${hosts.join(', ') || 'none'}.`,
  )
}

/** A server by name or address. */
export interface Target {
  /** In the one spelling that a URL has for it: lower case, punycode, IPv6 in brackets. */
  host: string
  /** 1 to 65535. */
  port: number
}

/** One entry of `network`: a target, or with `below` every name under `host`, which itself is not meant. */
export interface NamedHost extends Target {
  below: boolean
}

const HTTPS = 443

/** What an entry of `network` means: `example.com`, `example.com:8080`, `*.example.com`, `127.0.0.1:8080`, `[::1]:8080`. Without a
 *  port 443 is meant. Text: what is wrong with it. */
export function readHost(entry: string): NamedHost | string {
  if (/[/?#@\\]/.test(entry)) return 'is not a host: leave out the scheme, the user and the path'
  const below = entry.startsWith('*.')
  const [, name = '', digits] = /^(.*?)(?::([0-9]+))?$/s.exec(below ? entry.slice(2) : entry) ?? []
  if (name.includes('*')) return "may have a '*' only as its first part: *.example.com"
  if (name.includes(':') && !/^\[[^\]]*\]$/.test(name)) return 'is an IPv6 address without its brackets, or has no port'
  const port = digits === undefined ? HTTPS : portOf(digits)
  if (port === undefined) return 'has a port that is none'
  const host = canonical(name)
  if (host === undefined || /[%\p{Cc}\s]/u.test(name)) return 'is not the name or the address of a host'
  if (isAddress(host) && host !== name.toLowerCase()) return `is an address in an odd spelling: write ${host}`
  if (below && (isAddress(host) || !host.includes('.'))) return 'means more names than one can trust'
  return { host, port, below }
}

/** Whether what a program wants (`example.com:443`, as it stands in the request) is among `hosts`. Names are compared in their one
 *  spelling, and what is asked for in another one is not looked at further: what it would mean is for others to guess. */
export function decideTarget(
  authority: string,
  hosts: readonly string[],
): ({ readonly allowed: true } & Target) | Denied {
  const [, spelled = '', digits = ''] = /^([a-z0-9._-]+|\[[0-9a-f:]+\]):([0-9]+)$/i.exec(authority) ?? []
  const host = spelled.toLowerCase()
  const port = portOf(digits)
  if (port === undefined || canonical(host) !== host) {
    return deny('host-not-allowed', `'${shown(authority)}' is not the plain name of a host with its port.`)
  }
  const means = (one: NamedHost): boolean =>
    one.port === port && (one.below ? host.endsWith(`.${one.host}`) : one.host === host)
  for (const entry of hosts) {
    const one = readHost(entry)
    if (typeof one !== 'string' && means(one)) return { allowed: true, host, port }
  }
  return deny('host-not-allowed', `'${showTarget({ host, port })}' is not in \`network\`.`)
}

/** The registry that the environment of a machine names in the place of npm's, as an entry of `network`. */
export function ownRegistry(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const url = URL.parse(env.npm_config_registry ?? env.NPM_CONFIG_REGISTRY ?? '')
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  const entry = `${url.hostname}:${url.port || (url.protocol === 'https:' ? HTTPS : 80)}`
  return typeof readHost(entry) === 'string' ? undefined : entry
}

/** As it is written in `network`. */
export function showTarget({ host, port }: Target): string {
  return port === HTTPS ? host : `${host}:${port}`
}

/** The one spelling of a name or an address; undefined where it is neither. */
function canonical(name: string): string | undefined {
  const host = URL.parse(`https://${name}/`)?.host
  // A URL may also hold empty labels, and more than a name may be long.
  if (host === undefined || host.length > 253) return undefined
  return isAddress(host) || /^([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/.test(host) ? host : undefined
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(host)
}

function portOf(digits: string): number | undefined {
  const port = /^[1-9][0-9]{0,4}$/.test(digits) ? Number(digits) : 0
  return port >= 1 && port <= 65535 ? port : undefined
}
