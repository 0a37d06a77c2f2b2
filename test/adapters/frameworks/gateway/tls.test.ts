import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createProxy } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gateway } from '../../../../adapters/frameworks/gateway/gateway.ts'
import { upstream } from '../../../../adapters/frameworks/gateway/upstream.ts'
import { localhostCertificate } from '../../../scene/certificate.ts'

const key = 'sk-canary-behind-a-certificate'

describe('an API behind a certificate', () => {
  const heard: (string | undefined)[] = []
  const tunnels: string[] = []
  const api = createServer(localhostCertificate(), (request, response) => {
    heard.push(request.headers['x-api-key'] as string | undefined)
    response.end('{}')
  })
  const proxy = createProxy()
  proxy.on('connect', (request, socket) => {
    tunnels.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`)
    const onward = connect((api.address() as AddressInfo).port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    for (const one of [onward, socket]) one.on('error', () => undefined)
  })
  let folder: string
  let trusted: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-'))
    trusted = join(folder, 'ca.pem')
    await writeFile(trusted, localhostCertificate().cert)
    for (const server of [api, proxy]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  })
  afterAll(async () => {
    for (const server of [api, proxy]) {
      server.closeAllConnections()
      server.close()
    }
    await rm(folder, { recursive: true, force: true })
  })

  async function ask(network: Record<string, string>, host = 'localhost') {
    heard.length = 0
    const { port } = api.address() as AddressInfo
    const up = upstream({
      framework: 'claude',
      baseUrl: `https://${host}:${port}`,
      routes: ['/v1/messages'],
      headers: { 'x-api-key': key },
      network,
    })
    const pass = await gateway().open(up, { framework: 'claude', worker: 'coder-claude-0' })
    try {
      const response = await fetch(`${pass.url}/v1/messages`, {
        method: 'POST',
        body: '{}',
        headers: { 'x-api-key': pass.token },
      })
      return { status: response.status, text: await response.text() }
    } finally {
      await pass.close()
    }
  }

  test('is asked only where the certificate is trusted and names it; else the key never leaves', async () => {
    expect(await ask({ NODE_EXTRA_CA_CERTS: trusted })).toEqual({ status: 200, text: '{}' })
    expect(heard).toEqual([key])
    const stranger = await ask({})
    expect(stranger.status).toBe(502)
    expect(stranger.text).toMatch(/cannot be reached \((DEPTH_ZERO_)?SELF_SIGNED_CERT/)
    expect(heard).toEqual([])
    const other = await ask({ NODE_EXTRA_CA_CERTS: trusted }, '127.0.0.1')
    expect(other.text).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/)
    expect(heard).toEqual([])
  })

  test('is reached through a tunnel of a proxy, which sees no key', async () => {
    const { port } = proxy.address() as AddressInfo
    const network = { NODE_EXTRA_CA_CERTS: trusted, https_proxy: `http://me:pass@127.0.0.1:${port}` }
    expect(await ask(network)).toEqual({ status: 200, text: '{}' })
    expect(heard).toEqual([key])
    const credentials = Buffer.from('me:pass').toString('base64')
    expect(tunnels).toEqual([`localhost:${(api.address() as AddressInfo).port} Basic ${credentials}`])
  })
})
