import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type WayOutOptions, wayOut } from '../../adapters/network/way-out.ts'
import { bubblewrap } from '../../adapters/sandboxes/bubblewrap.ts'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import { defaultCommandLimits, packageRegistries } from '../../core/config.ts'
import type { CommandResult } from '../../core/ports/sandbox.ts'
import { place } from '../scene/place.ts'
import { openRegistry, type Registry } from '../scene/registry.ts'

const found = await findSandbox()
const installed = 'works' in found ? found.works : undefined

/** Asks the proxy by hand, as no library would: latin1, in a tunnel and in plain, by the port and by the socket behind it. */
const asking = `
  const net = require('node:net')
  const [authorities, direct] = JSON.parse(process.argv[1])
  const ask = (to, head) => new Promise((done) => {
    let text = ''
    const socket = net.connect(to, () => socket.write(head + '\\r\\n\\r\\n', 'latin1'))
    socket.on('data', (part) => { text += part; if (/^HTTP.1.1 200 C/.test(text)) socket.end() })
    socket.on('error', (error) => { text ||= error.code })
    socket.on('close', () => done(text.replace(/^HTTP.1.1 ([0-9]+)[^]*$/, '$1')))
    socket.setTimeout(5000, () => socket.destroy())
  })
  const proxy = { port: 3128, host: '127.0.0.1' }
  const all = authorities.flatMap((one) => [
    ask(proxy, 'CONNECT ' + one + ' HTTP/1.1\\r\\nHost: allowed.com'),
    ask({ path: '/run/codeband-proxy' }, 'CONNECT ' + one + ' HTTP/1.1\\r\\nHost: allowed.com'),
    ask(proxy, 'GET http://' + one + '/ HTTP/1.1\\r\\nHost: allowed.com\\r\\nConnection: close'),
  ])
  const bare = direct.map((to) => new Promise((done) => {
    try {
      const socket = net.connect(to, () => done('reached'))
      socket.on('error', () => done('no'))
    } catch { done('no') }
  }))
  Promise.all([...all, ...bare]).then((said) => { console.log(JSON.stringify(said)); process.exit() })`

describe.runIf(installed)('the way out of a command that has hosts', () => {
  /** Every byte that the proxy lets out comes here: it is the proxy of this machine, and what private names stand for. */
  let canary: { port: number; heard: string[]; close(): void }
  beforeAll(async () => {
    const heard: string[] = []
    const server = createServer((socket: Socket) => {
      heard.push('')
      const at = heard.length - 1
      socket.on('error', () => undefined)
      socket.on('data', (part) => {
        heard[at] += part.toString('latin1')
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    canary = { port, heard, close: () => void server.close() }
  })
  afterAll(() => canary.close())

  async function run(
    argv: readonly string[],
    network: readonly string[],
    way: WayOutOptions,
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult & { worktree: string }> {
    const at = place()
    const [worktree, home] = [join(at, 'worktree'), join(at, 'home')]
    for (const folder of [worktree, home]) mkdirSync(folder)
    writeFileSync(join(worktree, 'package.json'), '{}')
    const sandbox = await bubblewrap(installed!, defaultCommandLimits, wayOut(way))
    const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`
    const base = { cwd: worktree, worktree, writable: true, protect: [], readable: [], home }
    const result = await sandbox.run({
      ...base,
      argv,
      network,
      env: { PATH, ...env },
      timeoutMs: 30_000,
      maxOutput: 20_000,
    })
    return { ...result, worktree }
  }

  /** What the proxy answers to each of these hosts, in three ways of asking, and what came of going around it. */
  async function ask(
    authorities: readonly string[],
    network: readonly string[],
    { way, direct = [] }: { way?: WayOutOptions; direct?: readonly object[] } = {},
  ) {
    canary.heard.length = 0
    const url = `http://127.0.0.1:${canary.port}`
    const given = JSON.stringify([authorities, direct])
    const { output, refusedHosts = [] } = await run(
      ['node', '-e', asking, given],
      network,
      way ?? { env: { HTTPS_PROXY: url, http_proxy: url } },
    )
    return { said: JSON.parse(output) as string[], refusedHosts, heard: canary.heard }
  }
  const threeTimes = (count: number, answer: string): string[] => Array.from({ length: 3 * count }, () => answer)

  test('leads to what is named, so the silence below means something', async () => {
    const { said, heard, refusedHosts } = await ask(
      ['allowed.com:80', 'a.below.com:80'],
      ['allowed.com:80', '*.below.com:80'],
    )
    expect(said).toEqual(threeTimes(2, '200'))
    expect(heard.map((text) => text.split('\r\n')[0]).sort()).toEqual([
      ...['CONNECT a.below.com:80 HTTP/1.1', 'CONNECT a.below.com:80 HTTP/1.1'],
      ...['CONNECT allowed.com:80 HTTP/1.1', 'CONNECT allowed.com:80 HTTP/1.1'],
      ...['GET http://a.below.com/ HTTP/1.1', 'GET http://allowed.com/ HTTP/1.1'],
    ])
    expect(refusedHosts).toEqual([])
  })

  test('NX-007 a NUL byte, a line break or an escape before an allowed end leads nowhere', async () => {
    const odd = ['\0', '%00', '\\', '#', '?', '@', '\r\n', '\t', ' ', '\x7f', '\xad'].map(
      (one) => `evil.example${one}.below.com:80`,
    )
    const { said, heard } = await ask(odd, ['*.below.com:80', '*.below.com'])
    expect(said.filter((answer) => !/^40[03]$/.test(answer))).toEqual([])
    expect(said).toHaveLength(3 * odd.length)
    expect(heard).toEqual([])
  })

  test('NX-009 a name that ends like an allowed one leads nowhere', async () => {
    const odd = [
      'evil-allowed.com',
      'evilbelow.com',
      'allowed.com.evil.example',
      'allowed.com.',
      'below.com',
      'www.allowed.com',
    ]
    const { said, heard, refusedHosts } = await ask(
      odd.map((host) => `${host}:80`),
      ['allowed.com:80', '*.below.com:80'],
    )
    expect(said).toEqual(threeTimes(odd.length, '403'))
    // One in an odd spelling is nothing that a person could name.
    const plain = odd.filter((host) => !host.endsWith('.'))
    expect(refusedHosts.toSorted()).toEqual(plain.map((host) => `${host}:80`).sort())
    expect(heard).toEqual([])
  })

  test('NX-012 hosts where everybody may write with ease are not among those of the default', async () => {
    const odd = [
      ...[
        'huggingface.co',
        'github.com',
        'api.github.com',
        'raw.githubusercontent.com',
        'gist.github.com',
        'gitlab.com',
      ],
      ...['upload.pypi.org', 'crates.io', 'storage.googleapis.com', 's3.amazonaws.com', 'pastebin.com'],
    ]
    const { said, heard, refusedHosts } = await ask(
      odd.map((host) => `${host}:443`),
      packageRegistries,
    )
    expect(said).toEqual(threeTimes(odd.length, '403'))
    expect(refusedHosts.toSorted()).toEqual(odd.toSorted())
    expect(heard).toEqual([])
  })

  test('NX-014 no spelling of an address leads to it, around the proxy or through it', async () => {
    const { port } = canary
    const odd = ['0x7f.1', '2130706433', '127.1', '0177.0.0.1', '0', 'localhost', '127.0.0.1', '169.254.169.254']
    const v6 = [
      '[::ffff:169.254.169.254]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::1]',
      '[::]',
      '[0:0:0:0:0:0:0:1]',
    ]
    const { said, heard } = await ask(
      [...odd, ...v6].map((host) => `${host}:${port}`),
      // An address that is named does not open its other spellings.
      ['allowed.com', '*.below.com:80', '127.0.0.1:1'],
      {
        way: {},
        direct: [...odd, '::ffff:127.0.0.1', '::1', '127.0.0.1\0.allowed.com'].map((host) => ({ host, port })),
      },
    )
    expect(said.slice(0, 3 * (odd.length + v6.length))).toEqual(threeTimes(odd.length + v6.length, '403'))
    expect(said.slice(3 * (odd.length + v6.length))).toEqual(Array.from({ length: odd.length + 3 }, () => 'no'))
    expect(heard).toEqual([])
  })

  test('an allowed name that stands for an address in here leads nowhere, until that address is named too', async () => {
    const { port } = canary
    const way: WayOutOptions = {
      lookup: ((_name: string, _options: object, done: (error: null, found: object[]) => void) =>
        done(null, [{ address: '127.0.0.1', family: 4 }])) as never,
    }
    const first = await ask([`allowed.com:${port}`], [`allowed.com:${port}`], { way })
    expect(first).toEqual({ said: threeTimes(1, '403'), refusedHosts: [`127.0.0.1:${port}`], heard: [] })
    const { heard } = await ask([`allowed.com:${port}`], [`allowed.com:${port}`, `127.0.0.1:${port}`], { way })
    // Nothing is said in the tunnels.
    expect(heard.filter(Boolean)).toEqual([expect.stringMatching(/^GET \/ HTTP\/1\.1\r\nhost: allowed\.com:/)])
    expect(heard).toHaveLength(3)
  })

  describe('npm', () => {
    let registry: Registry
    beforeAll(async () => {
      registry = await openRegistry()
    })
    afterAll(() => registry.close())
    const install = (from: string) => [
      ...[
        'sh',
        '-c',
        'npm install --no-audit --no-update-notifier --registry "$0" tiny && node -p "require(\'tiny\')"',
      ],
      from,
    ]

    test('installs from a registry that is named, and from no other', async () => {
      const url = `http://localhost:${registry.port}`
      const { exitCode, output } = await run(install(url), [`localhost:${registry.port}`], {})
      expect([exitCode, output]).toEqual([0, expect.stringMatching(/tiny came through\n$/)])
      const refused = await run(
        [...install(url), '--fetch-retries=0'],
        ['localhost:1'],
        {},
        { npm_config_fetch_retries: '0' },
      )
      expect([refused.exitCode, refused.refusedHosts]).toEqual([1, [`localhost:${registry.port}`]])
      expect(readdirSync(refused.worktree)).toEqual(['package.json'])
    })

    test('installs through the proxy of this machine, whose password it does not see', async () => {
      const { createServer } = await import('node:http')
      const asked: unknown[] = []
      const proxy = createServer((request, response) => {
        asked.push([request.url?.split('/').slice(0, 3).join('/'), request.headers['proxy-authorization']])
        registry.answer(request, response, 'http://registry.test')
      })
      await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
      const { port } = proxy.address() as { port: number }
      const argv = install('http://registry.test')
      argv[2] += ' && env && cat /proc/*/environ /proc/*/cmdline'
      const { exitCode, output } = await run(argv, ['registry.test:80'], {
        env: { HTTP_PROXY: `http://me:pass%40word@127.0.0.1:${port}` },
      })
      proxy.close()
      expect([exitCode, output]).toEqual([0, expect.stringMatching(/tiny came through\n/)])
      expect(output).not.toMatch(/pass(%40|@)word|bWU6/)
      const authorization = `Basic ${Buffer.from('me:pass@word').toString('base64')}`
      expect(new Set(asked.map((one) => JSON.stringify(one)))).toEqual(
        new Set([JSON.stringify(['http://registry.test', authorization])]),
      )
    })
  })

  test('nothing is left of it', () => {
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`codeband-net-${process.pid}-`))).toEqual([])
  })
})
