import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isPublic, wayOut } from '../../../adapters/network/way-out.ts'

test.each([
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ...['169.254.169.254', '100.64.0.1', '100.100.100.200', '192.0.0.192', '224.0.0.1', '255.255.255.255'],
  ...[
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    'fe80::1',
    'fd00:ec2::254',
    'fc00::1',
    'ff02::1',
  ],
  ...[
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    'fe80::1%eth0',
    'localhost',
    '',
  ],
])('%s is no public address', (address) => {
  expect(isPublic(address)).toBe(false)
})

test.each([
  ...['1.1.1.1', '172.32.0.1', '100.63.255.255', '192.169.0.1', '169.253.0.1', '223.255.255.255'],
  ...['2606:4700::1111', '2a04:4e42::223', '64:ff9b::101:101'],
])('%s is a public address', (address) => {
  expect(isPublic(address)).toBe(true)
})

describe('a connection', () => {
  const heard: string[] = []
  let port: number
  const server: Server = createServer((socket: Socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (part) => {
      heard.push(part.toString())
      const refused = part.toString().includes('CONNECT refused.test')
      socket.end(`HTTP/1.1 ${refused ? 407 : 200} X\r\n\r\n${refused ? '' : 'first bytes'}`)
    })
  })
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => void server.close())

  const { signal } = new AbortController()
  const answering = (...addresses: string[]) => {
    const asked: string[] = []
    const lookup = ((name: string, _options: object, done: (error: null, found: object[]) => void) => {
      asked.push(name)
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
    }) as never
    return { asked, lookup }
  }

  test('is to the address that was checked: the name is looked up once, and private addresses are left out', async () => {
    const { asked, lookup } = answering('10.255.255.1', '127.0.0.1', '::1')
    const hosts = [`name.test:${port}`, `127.0.0.1:${port}`]
    const socket = await wayOut({ lookup }).connect({ host: 'name.test', port }, hosts, signal)
    expect([socket.remoteAddress, asked]).toEqual(['127.0.0.1', ['name.test']])
    socket.destroy()
  })

  test('to a name with private addresses only is refused, with the address that would have to be named', async () => {
    for (const [address, written] of [
      ['127.0.0.1', '127.0.0.1'],
      ['::1', '[::1]'],
      ['::ffff:127.0.0.1', '[::ffff:127.0.0.1]'],
    ] as const) {
      const { lookup } = answering(address)
      const refused = wayOut({ lookup }).connect({ host: 'name.test', port }, [`name.test:${port}`], signal)
      await expect(refused).rejects.toMatchObject({ code: 'host-not-allowed', address: `${written}:${port}` })
    }
  })

  test('to the registry that the owner of the machine has named may be to a private address', async () => {
    const { lookup } = answering('127.0.0.1')
    const way = wayOut({ lookup, env: { npm_config_registry: `http://mirror.test:${port}/npm/` } })
    const hosts = [`mirror.test:${port}`, `other.test:${port}`]
    const socket = await way.connect({ host: 'mirror.test', port }, hosts, signal)
    socket.destroy()
    await expect(way.connect({ host: 'other.test', port }, hosts, signal)).rejects.toThrow(/not a public address/)
  })

  test('goes through the proxy of the machine, which looks the name up, and keeps its first bytes', async () => {
    heard.length = 0
    const { asked, lookup } = answering()
    const way = wayOut({ lookup, env: { HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${port}` } })
    const socket = await way.connect({ host: 'name.test', port: 443 }, ['name.test'], signal)
    const [first] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    expect([first.toString(), asked]).toEqual(['first bytes', []])
    expect(heard[0]).toMatch(/^CONNECT name\.test:443 HTTP\/1\.1\r\n/)
    expect(heard[0]).toContain(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
  })

  test('fails where the proxy says no, or is of a kind that is not known, and tells no password', async () => {
    const to = (env: Record<string, string>) => wayOut({ env }).connect({ host: 'refused.test', port: 443 }, [], signal)
    await expect(to({ https_proxy: `127.0.0.1:${port}` })).rejects.toThrow(/answered 407 for refused\.test:443$/)
    await expect(to({ ALL_PROXY: 'socks5://me:secret@127.0.0.1:1' })).rejects.toThrow(
      /^a proxy by socks5:\/\/ is not known/,
    )
    await expect(to({ HTTPS_PROXY: 'http://me:secret@:x' })).rejects.toThrow(/is not a URL$/)
  })

  test.each([
    ['name.test', false],
    ['.name.test', false],
    ['*.name.test', false],
    ['other.test, name.test:443', false],
    ['test', false],
    ['*', false],
    ['name.test:80', true],
    ['ame.test', true],
    ['other.name.test', true],
    ['', true],
  ])('with NO_PROXY=%s to name.test by the proxy: %s', async (NO_PROXY, proxied) => {
    const { asked, lookup } = answering('127.0.0.1')
    const way = wayOut({ lookup, env: { HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY } })
    const target = { host: 'name.test', port: 443 }
    const socket = await way.connect(target, ['name.test'], signal).catch(() => undefined)
    socket?.destroy()
    expect([socket !== undefined, asked.length]).toEqual([proxied, proxied ? 0 : 1])
  })
})
