import { z } from 'zod'
import { type Denied, deny } from '../../boundary/denial.ts'
import { decideHost } from '../../boundary/host.ts'
import { denied, entry, failed } from './entry.ts'
import type { ReachOut } from './scene.ts'

const maxBytes = 1024 * 1024
const maxRedirects = 5
const timeoutMs = 20_000

export const fetchUrl = entry({
  description: 'Fetches an https URL on a granted host as text. No other hosts, also not by redirect. Up to 1 MiB.',
  input: z.strictObject({ url: z.string().min(1).max(4096) }),
  works: 'elsewhere',
  prepare: ({ url }, { scene, grant, signal }) => ({
    uses: [{ kind: 'fetch', url }],
    async run() {
      if (scene.fetch === undefined) return denied(deny('host-not-allowed', 'There is no network here.'))
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      const init = { signal: limit, within: grant.hosts }
      const response = await fetchWithin(scene.fetch, grant.hosts, url, init).catch(addressRefused)
      if ('code' in response) return denied(response)
      const { text, more } = await readBody(response)
      const head = `${response.status} ${response.headers.get('content-type') ?? ''}`.trim()
      const output = `${head}\n${text}${more ? `\n[cut after ${maxBytes} bytes]` : ''}`
      return response.ok ? { ok: true, output } : failed(output)
    },
  }),
})

/** A granted name that stands for an address in here is refused like a name that is not granted. */
function addressRefused(error: Error & { code?: string }): Denied {
  if (error.code !== 'host-not-allowed') throw error
  return deny(
    'host-not-allowed',
    `${error.message}. Only an address that is granted itself may be in a private network.`,
  )
}

/** Follows redirects by itself, each one decided like the first. */
export async function fetchWithin(
  fetchAny: ReachOut,
  hosts: readonly string[],
  url: string,
  init: Parameters<ReachOut>[1],
): Promise<Response | Denied> {
  let next = url
  let headers = init.headers
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const decision = decideHost(next, hosts)
    if (!decision.allowed) return decision
    const response = await fetchAny(next, {
      ...init,
      ...(headers === undefined ? {} : { headers }),
      redirect: 'manual',
    })
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
    if (location === null) return response
    await response.body?.cancel()
    const target = URL.parse(location, next)
    if (target === null) return deny('host-not-allowed', 'The server redirects to something that is not a URL.')
    if (init.method !== undefined && init.method !== 'GET' && init.method !== 'HEAD') {
      return deny('host-not-allowed', 'The server redirects a request that is not a GET.')
    }
    // What was meant for one host, such as a token, does not go to another.
    if (target.host !== URL.parse(next)?.host) headers = {}
    next = target.href
  }
  return deny('host-not-allowed', `The server redirects more than ${maxRedirects} times.`)
}

async function readBody(response: Response): Promise<{ text: string; more: boolean }> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    const part = (chunk as Uint8Array).subarray(0, maxBytes - bytes)
    bytes += part.length
    text += decoder.decode(part, { stream: true })
    // Leaving the loop cancels the stream.
    if (part.length < (chunk as Uint8Array).length) return { text, more: true }
  }
  return { text: text + decoder.decode(), more: false }
}
