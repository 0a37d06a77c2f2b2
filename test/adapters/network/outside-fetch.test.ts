import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outsideFetch } from '../../../adapters/network/outside-fetch.ts'
import { wayOut } from '../../../adapters/network/way-out.ts'
import { openBench } from '../../runtime/tools/scene.ts'
import { localhostCertificate } from '../../scene/certificate.ts'

describe('fetch_url on this machine', () => {
  const { key, cert } = localhostCertificate()
  const before = getCACertificates('default')
  const asked: string[] = []
  let port: number
  const server = createServer({ key, cert }, ({ url, headers }, response) => {
    asked.push(`${headers.host}${url}`)
    if (url === '/moved') response.writeHead(302, { location: `https://elsewhere.test:${port}/` }).end()
    else if (url === '/nothing') response.writeHead(204).end()
    else if (url === '/packed') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'))
    else response.end(`you asked for ${url}`)
  })
  beforeAll(async () => {
    setDefaultCACertificates([...before, cert])
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    setDefaultCACertificates(before)
    server.close()
  })

  /** Every name stands for this machine. */
  const lookup = ((_name: string, _options: object, done: (error: null, found: object[]) => void) =>
    done(null, [{ address: '127.0.0.1', family: 4 }])) as never
  async function call(path: string, hosts: readonly string[], name = 'localhost') {
    asked.length = 0
    const allowedHosts = hosts.map((host) => `${host}:${port}`)
    const tools = [{ name: 'fetch_url' as const, allowedHosts }]
    const role = { id: 'reader', description: 'Reads.', tools, systemPrompt: '', userPrompt: '' }
    const bench = openBench(role, undefined, { fetch: outsideFetch(wayOut({ lookup })) })
    const { ok, output, denied } = await bench.call('fetch_url', { url: `https://${name}:${port}${path}` })
    return [ok, denied?.code ?? output, asked.length]
  }

  test('reads from a host that is granted', async () => {
    expect(await call('/a?b', ['localhost'])).toEqual([true, '200\nyou asked for /a?b', 1])
    expect(await call('/nothing', ['localhost'])).toEqual([true, '204\n', 1])
    expect(await call('/packed', ['localhost'])).toEqual([false, expect.stringContaining('not asked for'), 1])
  })

  test('a granted name that stands for an address in here is not connected to, also by a redirect', async () => {
    expect(await call('/', ['docs.test'], 'docs.test')).toEqual([false, 'host-not-allowed', 0])
    expect(await call('/moved', ['localhost', 'elsewhere.test'])).toEqual([false, 'host-not-allowed', 1])
  })

  test('but one whose address is granted too is connected to, and has to prove its name', async () => {
    expect(await call('/', ['docs.test', '127.0.0.1'], 'docs.test')).toEqual([
      false,
      expect.stringMatching(/altnames/i),
      0,
    ])
  })
})
