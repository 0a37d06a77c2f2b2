import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { getCACertificates } from 'node:tls'
import { CodebandError } from '../../../core/errors.ts'

/** The one API that a session may reach, and what it is reached with. */
export interface Upstream {
  /** http or https; its path stands before every route. */
  readonly base: URL
  /** Paths that may be posted to, such as `/v1/messages`. There is nothing else: no other method, no other path. */
  readonly routes: ReadonlySet<string>
  /** Sent with every request, whatever the client sent under these names (in lower case). The key is one of them. */
  readonly headers: Readonly<Record<string, string>>
  readonly agent: HttpAgent
}

export interface UpstreamOptions {
  framework: string
  baseUrl: string
  routes: readonly string[]
  headers: Readonly<Record<string, string>>
  /** Where the network is behind a proxy: HTTPS_PROXY, HTTP_PROXY, NO_PROXY (either case), and NODE_EXTRA_CA_CERTS, a file. */
  network?: Readonly<Record<string, string>>
}

const proxies = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy']
/** Variables that say how to get out; a client that only speaks to the gateway has no use for them. */
export const networkVariables: readonly string[] = [...proxies, 'ALL_PROXY', 'all_proxy', 'NODE_EXTRA_CA_CERTS']

/** CB_USAGE for a base URL that is none or a certificate file that cannot be read, CB_NODE_VERSION for a proxy on a Node without them. */
export function upstream({ framework, baseUrl, routes, headers, network = {} }: UpstreamOptions): Upstream {
  const base = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (base === undefined || !/^https?:$/.test(base.protocol) || base.username || base.password || base.search) {
    // The value is not told: it may hold a password.
    const detail = `The base URL of framework '${framework}' must be http:// or https:// with a host, and without a user, a password or a query. Correct it.`
    throw new CodebandError('CB_USAGE', { detail })
  }
  const proxyEnv = Object.fromEntries(proxies.flatMap((name) => (network[name] ? [[name, network[name]]] : [])))
  const proxied = Object.keys(proxyEnv).some((name) => !/^no_proxy$/i.test(name))
  if (proxied && !proxiesWork(process.versions.node)) {
    throw new CodebandError('CB_NODE_VERSION', {
      wanted: '24.5 (for HTTPS_PROXY)',
      found: process.versions.node,
    })
  }
  const ca = network.NODE_EXTRA_CA_CERTS
  const options = {
    keepAlive: true,
    // Milliseconds that an idle connection is kept: less than servers keep theirs, so that none is used that is just being closed.
    timeout: 4_000,
    ...(proxied && { proxyEnv }),
  }
  const agent =
    base.protocol === 'http:'
      ? new HttpAgent(options)
      : new HttpsAgent({
          ...options,
          ...(ca && { ca: [...getCACertificates('default'), certificates(ca, framework)] }),
        })
  return { base, routes: new Set(routes), headers, agent }
}

/** Node's agents know proxies since 22.21 and 24.5, and take the option in silence before. */
export function proxiesWork(node: string): boolean {
  const [major = 0, minor = 0] = node.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21)
}

function certificates(file: string, framework: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    const detail = `NODE_EXTRA_CA_CERTS of framework '${framework}' names '${file}', which cannot be read (${why}). Correct it.`
    throw new CodebandError('CB_USAGE', { detail })
  }
}
