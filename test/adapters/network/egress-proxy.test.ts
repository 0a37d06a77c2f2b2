import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, realpathSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Egress, openEgress } from '../../../adapters/network/egress-proxy.ts'
import { wayOut } from '../../../adapters/network/way-out.ts'

const status = (socketPath: string, path: string): Promise<[number | undefined, string]> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, async (response) => {
      let text = ''
      for await (const part of response) text += part
      resolve([response.statusCode, text])
    })
    asked.on('error', reject).end()
  })

test('a door is gone when it is closed, and tells up to twenty hosts that were wanted', async () => {
  const door = await openEgress(['example.com'], wayOut())
  for (let one = 0; one < 25; one++) {
    const said = await status(door.socket, `http://${one}.example/`)
    expect(said).toEqual([403, `codeband: '${one}.example:80' is not in \`network\`.\n`])
  }
  expect(await status(door.socket, '/')).toEqual([403, expect.stringContaining('not the plain name')])
  expect(await status(door.socket, 'http://example.com:443/')).toEqual([403, expect.stringContaining('plain http')])
  expect(door.refused()).toHaveLength(20)
  await door.close()
  expect(existsSync(dirname(door.socket))).toBe(false)
})

/** Somebody behind a door who writes down what comes and answers each with this. */
async function behind(answer: string): Promise<{ host: string; heard: string[]; door: Egress }> {
  const heard: string[] = []
  const server = createServer((socket) => {
    const at = heard.push('') - 1
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      const before = heard[at]
      heard[at] = `${before}${data}`
      if (before === '' && answer !== '') setTimeout(() => socket.end(answer), 50)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const door = await openEgress([host], wayOut())
  onTestFinished(async () => {
    await door.close()
    server.close()
  })
  return { host, heard, door }
}

/** What comes back for these bytes, until the first that is looked for. */
async function said(door: Egress, bytes: string, until: string): Promise<string> {
  const socket = connect(door.socket)
  socket.write(bytes)
  let text = ''
  for await (const data of socket) {
    text += data
    if (text.includes(until)) break
  }
  return text
}

const fine = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const second = 'GET http://evil.example/ HTTP/1.1\r\nhost: evil.example\r\n\r\n'
test.each([
  ['GET', 'transfer-encoding: chunked', `${second.length.toString(16)}\r\n${second}\r\n0\r\n\r\n`],
  ['DELETE', 'transfer-encoding: chunked', `${second.length.toString(16)}\r\n${second}\r\n0\r\n\r\n`],
  ['GET', `connection: content-length\r\ncontent-length: ${second.length}`, second],
])('the body of a %s with %j is never a request of its own to whoever answers', async (method, header, body) => {
  const { host, heard, door } = await behind(fine)
  await said(door, `${method} http://${host}/ HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n${body}`, 'ok')
  const [head = '', rest] = heard[0]!.split(/\r\n\r\n(.*)/s)
  const [, length] = /content-length: (\d+)/.exec(head) ?? []
  if (length === undefined) expect(head).toContain('transfer-encoding: chunked')
  expect(rest).toBe(length === undefined ? body : second.slice(0, Number(length)))
})

test.each([
  ['a status that HTTP does not have', 'HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n'],
  ['another protocol', 'HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
  ['no http', 'lorem ipsum\r\n\r\n'],
])('who answers with %s is told as one who does not answer', async (_, answer) => {
  const { host, door } = await behind(answer)
  expect((await status(door.socket, `http://${host}/`))[0]).toBe(502)
})

test('one connection in does not make any number of connections out', async () => {
  const { host, heard, door } = await behind('')
  const told = said(door, `GET http://${host}/ HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(400), 'never')
  while (heard.length < 256) await new Promise((done) => setTimeout(done, 10))
  expect((await status(door.socket, `http://${host}/`))[0]).toBe(503)
  expect(heard).toHaveLength(256)
  await door.close()
  await told.catch(() => undefined)
})

test('what is no host is not among those that a person is told to allow', async () => {
  const door = await openEgress(['example.com'], wayOut())
  for (const odd of ["x'], sandbox: 'off', y: ['z", 'example.com.', 'a..b', 'user@example.com', '']) {
    expect(await said(door, `CONNECT ${odd.replaceAll(' ', '')}:443 HTTP/1.1\r\nhost: x\r\n\r\n`, '\r\n')).toMatch(
      /^HTTP\/1.1 40[03] /,
    )
  }
  expect(door.refused()).toEqual([])
  await door.close()
})

test('a door says why nothing answers behind it', async () => {
  const env = { http_proxy: 'http://127.0.0.1:1' }
  const door = await openEgress(['example.com:80'], wayOut({ env }))
  expect(await status(door.socket, 'http://example.com/')).toEqual([
    502,
    expect.stringMatching(/^codeband: .*ECONNREFUSED/),
  ])
  expect(door.refused()).toEqual([])
  await door.close()
})

test('a door whose process was killed, and nobody took away, goes when the next is opened; one that lives stays', async () => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-net-0-'))
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('open'))`
  const owner = spawn(process.execPath, ['-e', script, join(folder, 'proxy')], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(owner.stdout, 'data')
  const first = await openEgress(['example.com'], wayOut())
  expect(existsSync(folder)).toBe(true)
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  const second = await openEgress(['example.com'], wayOut())
  expect([folder, first.socket, second.socket].map(existsSync)).toEqual([false, true, true])
  await Promise.all([first.close(), second.close()])
})
