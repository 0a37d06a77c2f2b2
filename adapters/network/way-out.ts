import { lookup as systemLookup } from 'node:dns'
import { type ClientRequest, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP, type LookupFunction, type Socket, connect as tcp } from 'node:net'
import { connect as tls } from 'node:tls'
import { decideTarget, ownRegistry, showTarget, type Target } from '../../core/boundary/host.ts'

/** How this machine reaches others: by itself, or through the proxy that its environment names. */
export interface WayOut {
  /** A connection that carries bytes to the target. `hosts` are those of `decideTarget`, which has allowed it. Rejects with an
   *  `AddressRefused` or the error of the network; `signal` ends the connection, too. */
  connect(target: Target, hosts: readonly string[], signal: AbortSignal): Promise<Socket>
  /** The same for one plain http request: it may lead to a proxy, which wants to read the whole URL and `headers`. */
  connectPlain(target: Target, hosts: readonly string[], signal: AbortSignal): Promise<Plain>
}

export interface Plain {
  socket: Socket
  proxied: boolean
  headers: Readonly<Record<string, string>>
}

export interface WayOutOptions {
  /** HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in either case; what NO_PROXY names is reached directly. The registry of
   *  npm_config_registry may stand for a private address: the owner of this machine has named it. */
  env?: Readonly<Record<string, string | undefined>>
  lookup?: typeof systemLookup
}

/** An allowed name stands for an address inside this machine's own network, which is not among the hosts itself. */
export class AddressRefused extends Error {
  readonly code = 'host-not-allowed'
  /** As it would be written in `network`. */
  readonly address: string
  constructor(target: Target, address: Target) {
    super(`'${showTarget(target)}' stands for ${showTarget(address)}, which is not a public address`)
    this.address = showTarget(address)
  }
}

const connectTimeoutMs = 30_000

/** Nothing is looked up or connected before it is asked for. */
export function wayOut({ env = {}, lookup = systemLookup }: WayOutOptions = {}): WayOut {
  const registry = ownRegistry(env)
  const vouched = registry === undefined ? [] : [registry]
  const direct: WayOut['connect'] = (target, hosts, signal) => {
    const trusted = target.host === 'localhost' || isAllowed(target, vouched)
    return opened(
      tcp({
        host: target.host.replace(/^\[|\]$/g, ''),
        port: target.port,
        allowHalfOpen: true,
        signal,
        // What is connected to is what was checked: a second look-up may give another address.
        lookup: checked(
          lookup,
          target,
          (address) => trusted || isPublic(address) || isAllowed({ ...target, host: inUrl(address) }, hosts),
        ),
      }),
      'connect',
    )
  }
  const setting = (name: string): string | undefined => env[name.toLowerCase()] || env[name.toUpperCase()] || undefined
  const proxyFor = (target: Target, name: 'https_proxy' | 'http_proxy'): URL | undefined => {
    // To a proxy, localhost would be itself.
    if (/^(localhost|127\..*|\[::1\])$/.test(target.host) || spared(target, setting('no_proxy') ?? '')) return undefined
    const text = setting(name) ?? setting('all_proxy')
    return text === undefined ? undefined : proxyUrl(text)
  }
  return {
    async connect(target, hosts, signal) {
      const proxy = proxyFor(target, 'https_proxy')
      return proxy ? tunnel(proxy, target, signal) : direct(target, hosts, signal)
    },
    async connectPlain(target, hosts, signal) {
      const proxy = proxyFor(target, 'http_proxy')
      if (proxy === undefined) return { socket: await direct(target, hosts, signal), proxied: false, headers: {} }
      return { socket: await reach(proxy, signal), proxied: true, headers: credentials(proxy) }
    },
  }
}

/** The variables by which programs find the proxy of this machine. */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const found = Object.entries(env).filter(([name]) => /^(https?|all|no)_proxy$/i.test(name))
  return Object.fromEntries(found.flatMap(([name, value]) => (value ? [[name, value]] : [])))
}

function isAllowed(target: Target, hosts: readonly string[]): boolean {
  return decideTarget(`${target.host}:${target.port}`, hosts).allowed
}

const inUrl = (address: string): string => (isIP(address) === 6 ? `[${address}]` : address)

/** Looks a name up and keeps the addresses that may be connected to. Not asked for a target that is an address. */
function checked(lookup: typeof systemLookup, target: Target, mayBe: (address: string) => boolean): LookupFunction {
  return (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error) return done(error, [])
      const fine = found.filter(({ address }) => mayBe(address))
      const [first] = fine
      if (first === undefined) {
        const [{ address = '' } = {}] = found
        return done(new AddressRefused(target, { ...target, host: inUrl(address) }), [])
      }
      // The caller that wants one address gets one; its type knows of no choice.
      if (options.all) done(null, fine)
      else done(null, first.address, first.family)
    })
  }
}

const inside = new BlockList()
// Source: the special-purpose registries of IANA (RFC 6890). Those for examples and measurements hold nobody's machines.
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  inside.addSubnet(net, bits, 'ipv4')

const global = new BlockList()
global.addSubnet('2000::', 3, 'ipv6')
const wrapping = new BlockList()
// 6to4 and Teredo carry an IPv4 address of anybody's choice.
wrapping.addSubnet('2002::', 16, 'ipv6')
wrapping.addSubnet('2001::', 32, 'ipv6')

/** Whether the address belongs to the internet, not to this machine, its network or its cloud. `address` is an IPv4 or IPv6 address. */
export function isPublic(address: string): boolean {
  if (isIP(address) === 4) return !inside.check(address, 'ipv4')
  // How a network without IPv4 names what has no other address (RFC 6052).
  const [, high, low] = /^64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address) ?? []
  if (high && low) {
    const bits = [high, low].map((part) => Number.parseInt(part, 16))
    return isPublic(bits.flatMap((one) => [one >> 8, one & 255]).join('.'))
  }
  return isIP(address) === 6 && global.check(address, 'ipv6') && !wrapping.check(address, 'ipv6')
}

/** NO_PROXY: names (all below them included), addresses, `name:port`, or `*`. */
function spared({ host, port }: Target, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      const [, name = '', at] = /^\*?\.?(.*?)(?::([0-9]+))?$/.exec(entry) ?? []
      if (entry === '*') return true
      return name !== '' && (at === undefined || Number(at) === port) && (host === name || host.endsWith(`.${name}`))
    })
}

function proxyUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  // The value is not told: it may hold a password.
  if (url === null) throw new Error('the proxy that the environment names is not a URL')
  if (!/^https?:$/.test(url.protocol))
    throw new Error(`a proxy by ${url.protocol}// is not known here, only by http:// or https://`)
  return url
}

function credentials({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(both).toString('base64')}` }
}

function reach(proxy: URL, signal: AbortSignal): Promise<Socket> {
  const host = proxy.hostname.replace(/^\[|\]$/g, '')
  const secure = proxy.protocol === 'https:'
  const socket = tcp({ host, port: Number(proxy.port) || (secure ? 443 : 80), allowHalfOpen: true, signal })
  if (!secure) return opened(socket, 'connect')
  return opened(
    tls({ socket, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 && { servername: host }) }),
    'secureConnect',
  )
}

/** The proxy's word is one answer to CONNECT; after it the connection is the target's. */
async function tunnel(proxy: URL, { host, port }: Target, signal: AbortSignal): Promise<Socket> {
  const authority = `${host}:${port}`
  const options = {
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...credentials(proxy) },
    agent: false as const,
    timeout: connectTimeoutMs,
    signal,
  }
  const asked: ClientRequest = proxy.protocol === 'https:' ? httpsRequest(options) : httpRequest(options)
  return new Promise((resolve, reject) => {
    asked.on('connect', ({ statusCode }, socket, head) => {
      if (statusCode !== 200) {
        socket.destroy()
        return reject(new Error(`the proxy of this machine answered ${statusCode} for ${authority}`))
      }
      socket.setTimeout(0)
      if (head.length > 0) socket.unshift(head)
      resolve(socket as Socket)
    })
    asked.on('response', (response) => {
      response.resume()
      reject(new Error(`the proxy of this machine answered ${response.statusCode} for ${authority}`))
    })
    asked.on('timeout', () => asked.destroy(new Error(`the proxy of this machine did not answer for ${authority}`)))
    asked.on('error', reject)
    asked.end()
  })
}

function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('no connection within 30 seconds')), connectTimeoutMs)
    socket.once('error', reject)
    socket.once('close', () => clearTimeout(timer))
    socket.once(event, () => {
      clearTimeout(timer)
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
