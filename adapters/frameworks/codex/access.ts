import { processGateway } from '../gateway/gateway.ts'
import { upstream } from '../gateway/upstream.ts'
import type { ProviderValues } from './config.ts'

const openai = 'https://api.openai.com/v1'
const keyVariable = 'CODEBAND_CODEX_KEY'
/** Below the base URL: a response, and a shorter conversation for a long one. */
const routes = ['/responses', '/responses/compact']

export interface Access {
  /** Undefined: the client's built-in provider, with the login of auth.json. */
  provider: Pick<ProviderValues, 'baseUrl' | 'keyVariable'> | undefined
  /** Added to the client's environment. */
  variables: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** How the client reaches its API: by the gateway, with a token for a key. Without a key there is nothing to keep; and the login of a
 *  person, which the client renews with its vendor by itself, cannot be replaced by a token. */
export async function openAccess({
  framework,
  worker,
  key,
  baseUrl,
}: {
  framework: string
  worker: string
  key: string | undefined
  baseUrl: string | undefined
}): Promise<Access> {
  if (key === undefined) {
    return { provider: baseUrl === undefined ? undefined : { baseUrl }, variables: {}, close: async () => undefined }
  }
  const headers = { authorization: `Bearer ${key}` }
  const up = upstream({ framework, baseUrl: baseUrl ?? openai, routes, headers })
  const { url, token, close } = await processGateway.open(up, { framework, worker })
  return { provider: { baseUrl: url, keyVariable }, variables: { [keyVariable]: token }, close }
}
