import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccessParts, behind, credentialsOf, openAccess } from '../../../../adapters/frameworks/claude/access.ts'
import { clientEnv } from '../../../../adapters/frameworks/claude/home.ts'
import { listening } from '../gateway/raw.ts'

const key = 'sk-ant-canary-api-key-0123456789'
const token = 'canary-auth-token-0123456789'
const oauth = 'sk-ant-oat-canary-oauth-0123456789'

test.each([
  [{}, undefined],
  [{ ANTHROPIC_API_KEY: '' }, undefined],
  [{ ANTHROPIC_API_KEY: key }, { headers: { 'x-api-key': key }, instead: ['ANTHROPIC_API_KEY'] }],
  [
    { CLAUDE_CODE_OAUTH_TOKEN: oauth },
    { headers: { authorization: `Bearer ${oauth}` }, instead: ['CLAUDE_CODE_OAUTH_TOKEN'] },
  ],
  // A key wins over the login of a subscription; a bearer token goes beside a key.
  [
    { ANTHROPIC_API_KEY: key, CLAUDE_CODE_OAUTH_TOKEN: oauth },
    { headers: { 'x-api-key': key }, instead: ['ANTHROPIC_API_KEY'] },
  ],
  [
    { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: token },
    {
      headers: { 'x-api-key': key, authorization: `Bearer ${token}` },
      instead: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'],
    },
  ],
  [
    { ANTHROPIC_CUSTOM_HEADERS: `Authorization: Basic ${token}\nX-Team: core\nno header\n` },
    { headers: { authorization: `Basic ${token}`, 'x-team': 'core' }, instead: ['ANTHROPIC_AUTH_TOKEN'] },
  ],
  [{ ANTHROPIC_CUSTOM_HEADERS: 'X-Team: core' }, undefined],
])('the client would send for %o: %o', (source, credentials) => {
  expect(credentialsOf(source)).toEqual(credentials)
})

test('behind the gateway the client knows its vendor where that is who answers', () => {
  const pass = { url: 'http://127.0.0.1:1', token: 't' }
  const variables = { ANTHROPIC_API_KEY: 't', ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' }
  expect(behind(pass, ['ANTHROPIC_API_KEY'], false)).toEqual(variables)
  expect(behind(pass, ['ANTHROPIC_API_KEY'], true)).toEqual({
    ...variables,
    _CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL: '1',
  })
})

describe('the environment of the client', () => {
  let api: Awaited<ReturnType<typeof listening>>
  beforeAll(async () => {
    api = await listening()
  })
  afterAll(() => api.close())

  async function environment(parts: Partial<AccessParts>) {
    const given = { PATH: '/usr/bin', ANTHROPIC_BASE_URL: api.url, ...parts.given }
    const access = await openAccess({ framework: 'claude', worker: 'coder-claude-0', more: {}, ...parts, given })
    const places = { config: '/h/claude', desk: '/h/desk', temp: '/h/tmp' }
    const env = clientEnv({ given, home: '/h', places, access, retries: 1 })
    return { env, close: access.close }
  }

  const ways: [string, Partial<AccessParts>][] = [
    ['a host variable', { given: { ANTHROPIC_API_KEY: key } }],
    [
      'three host variables',
      { given: { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: token, CLAUDE_CODE_OAUTH_TOKEN: oauth } },
    ],
    ['a setting', { apiKey: key }],
    [
      'a setting over a host variable',
      { apiKey: key, given: { ANTHROPIC_API_KEY: oauth, CLAUDE_CODE_OAUTH_TOKEN: oauth } },
    ],
    [
      'variables for the client',
      { more: { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: token, CLAUDE_CODE_OAUTH_TOKEN: oauth } },
    ],
    [
      'headers for the client',
      { apiKey: oauth, more: { ANTHROPIC_CUSTOM_HEADERS: `X-Api-Key: ${key}\nProxy-Token: ${token}` } },
    ],
  ]
  test.each(ways)('holds no key that came as %s, and the API hears it', async (_way, parts) => {
    const proxied = { HTTPS_PROXY: 'http://me:canary-of-the-proxy@127.0.0.1:1', KEEP: 'yes' }
    const { env, close } = await environment({ ...parts, more: { ...parts.more, ...proxied } })
    expect(JSON.stringify(env)).not.toMatch(/canary/)
    expect(env).toMatchObject({ KEEP: 'yes', ANTHROPIC_BASE_URL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) })
    expect(env.HTTPS_PROXY).toBeUndefined()
    api.heard.length = 0
    const sent = env.ANTHROPIC_API_KEY ?? env.ANTHROPIC_AUTH_TOKEN ?? env.CLAUDE_CODE_OAUTH_TOKEN ?? ''
    const headers = { 'x-api-key': sent, 'proxy-token': 'of the client' }
    const { status } = await fetch(`${env.ANTHROPIC_BASE_URL}/v1/messages`, { method: 'POST', headers, body: '{}' })
    expect(status).toBe(200)
    expect(api.heard[0]?.headers['x-api-key']).toBe(key)
    await close()
  })

  test('is as a person wrote it where a cloud signs the requests, without the keys of the host', async () => {
    const more = { CLAUDE_CODE_USE_BEDROCK: '1', AWS_REGION: 'eu-central-1', HTTPS_PROXY: 'http://proxy:1' }
    const { env, close } = await environment({
      more,
      given: { ANTHROPIC_API_KEY: key, CLAUDE_CODE_OAUTH_TOKEN: oauth },
    })
    expect(env).toMatchObject(more)
    expect(JSON.stringify(env)).not.toMatch(/canary/)
    await close()
    const off = await environment({ more: { CLAUDE_CODE_USE_BEDROCK: '0' }, given: { ANTHROPIC_API_KEY: key } })
    expect(off.env.ANTHROPIC_API_KEY).toMatch(/^codeband-/)
    await off.close()
  })

  test('has no token where there is no key', async () => {
    const { env, close } = await environment({})
    expect(env).toMatchObject({ ANTHROPIC_BASE_URL: api.url })
    expect(env.ANTHROPIC_API_KEY).toBeUndefined()
    await close()
  })

  test('is not made for a base URL that is none', async () => {
    const bad = environment({ apiKey: key, baseUrl: 'api.example.com' })
    await expect(bad).rejects.toMatchObject({ code: 'CB_USAGE' })
    await expect(bad).rejects.toThrow(/base URL of framework 'claude' must be http/)
  })
})
