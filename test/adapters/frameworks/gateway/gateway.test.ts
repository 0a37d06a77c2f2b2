import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gateway, type Pass } from '../../../../adapters/frameworks/gateway/gateway.ts'
import { proxiesWork, upstream } from '../../../../adapters/frameworks/gateway/upstream.ts'
import { listening, requestText, sendRaw, statusOf } from './raw.ts'

const key = 'sk-canary-of-the-gateway-0123456789'
const routes = ['/v1/messages', '/v1/messages/count_tokens']
const whose = { framework: 'claude', worker: 'coder-claude-0' }
const up = (baseUrl: string) => upstream({ framework: 'claude', baseUrl, routes, headers: { 'x-api-key': key } })

describe('the gateway', () => {
  const door = gateway()
  let api: Awaited<ReturnType<typeof listening>>
  let pass: Pass
  let host: string
  const auth = () => `X-Api-Key: ${pass.token}`
  const send = (lines: readonly string[], more: Parameters<typeof requestText>[2] = {}) =>
    sendRaw(pass.url, requestText(host, lines, more))

  beforeAll(async () => {
    api = await listening()
    pass = await door.open(up(`${api.url}/behind/`), whose)
    host = new URL(pass.url).host
  })
  afterAll(async () => {
    await pass.close()
    await api.close()
  })

  test('opens on the loopback interface, and gives each session 256 random bits', async () => {
    expect(pass.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const other = await door.open(up(api.url), whose)
    expect(other.url).toBe(pass.url)
    expect(other.token).toMatch(/^codeband-[\w-]{43}$/)
    expect(other.token).not.toBe(pass.token)
    await other.close()
  })

  test('puts the key in the place of the token, in whichever header it came, and leaves the rest as it is', async () => {
    api.answer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'x-ratelimit-remaining': '7' })
      response.end('{"ok":true}')
    })
    for (const line of [auth(), `Authorization: Bearer ${pass.token}`, `authorization: bearer  ${pass.token}`]) {
      const answer = await send([line, 'anthropic-beta: a', 'anthropic-beta: b', 'X-Stainless-Lang: js'], {
        target: '/v1/messages?beta=true',
        body: '{"model":"x"}',
      })
      expect(statusOf(answer)).toBe(200)
      expect(answer).toContain('x-ratelimit-remaining: 7')
      expect(answer).toContain('{"ok":true}')
    }
    expect(api.heard).toHaveLength(3)
    for (const { method, url, headers, body } of api.heard) {
      expect([method, url, body]).toEqual(['POST', '/behind/v1/messages?beta=true', '{"model":"x"}'])
      expect(headers).toMatchObject({ 'x-api-key': key, 'anthropic-beta': 'a, b', 'x-stainless-lang': 'js' })
      expect(headers.host).toBe(`127.0.0.1:${api.port}`)
      expect(JSON.stringify(headers)).not.toContain(pass.token)
      expect(headers.authorization).toBeUndefined()
    }
  })

  test('a key goes to no one but the API of its session', async () => {
    const second = await listening()
    const other = await door.open(
      upstream({
        framework: 'codex',
        baseUrl: second.url,
        routes: ['/responses'],
        headers: { authorization: 'Bearer other-key' },
      }),
      whose,
    )
    api.answer((_request, response) => response.end('{}'))
    const wrong = await sendRaw(other.url, requestText(host, [`X-Api-Key: ${other.token}`]))
    const right = await sendRaw(other.url, requestText(host, [`X-Api-Key: ${other.token}`], { target: '/responses' }))
    expect([statusOf(wrong), statusOf(right)]).toEqual([404, 200])
    expect(api.heard).toEqual([])
    expect(second.heard.map(({ headers }) => [headers.authorization, headers['x-api-key']])).toEqual([
      ['Bearer other-key', undefined],
    ])
    await other.close()
    await second.close()
  })

  test.each([
    ['no key', () => []],
    ['an empty key', () => ['X-Api-Key: ']],
    ['another key', () => ['X-Api-Key: codeband-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']],
    ['the real key', () => [`X-Api-Key: ${key}`]],
    ['a part of the token', () => [`X-Api-Key: ${pass.token.slice(0, -1)}`]],
    ['the token and more', () => [`X-Api-Key: ${pass.token}x`]],
    ['the token beside another key', () => [auth(), 'Authorization: Bearer another']],
    ['the token after another key', () => ['X-Api-Key: another', auth()]],
    ['the token before another key', () => [auth(), 'X-Api-Key: another']],
    [
      'the token in one header and another key in the other',
      () => [`Authorization: Bearer ${pass.token}`, 'X-Api-Key: another'],
    ],
    ['two keys in one line', () => [`X-Api-Key: ${pass.token}, ${pass.token}`]],
    ['the token as a cookie', () => [`Cookie: key=${pass.token}`]],
    ['the token under another name', () => [`Proxy-Authorization: Bearer ${pass.token}`]],
    ['the token as a password', () => [`Authorization: Basic ${Buffer.from(`:${pass.token}`).toString('base64')}`]],
  ])('refuses %s with 401, and nothing is forwarded', async (_what, lines) => {
    api.answer((_request, response) => response.end('{}'))
    const answer = await send(lines())
    expect(statusOf(answer)).toBe(401)
    expect(answer).toContain('authentication_error')
    expect(api.heard).toEqual([])
  })

  test.each([
    ['/v1/models'],
    ['/'],
    ['/v1/messages/'],
    ['/v1/messages/batches'],
    ['/v1//messages'],
    ['//v1/messages'],
    ['/v1/./messages'],
    ['/v1/x/../messages'],
    ['/v1/messages/../../admin'],
    ['/v1/%6dessages'],
    ['/V1/messages'],
    ['/v1/messages;x'],
    ['/v1\\messages'],
    ['/v1/messages#x'],
    ['/v1/messages?x#y'],
    ['http://127.0.0.1/v1/messages'],
    ['http://evil.example/v1/messages'],
    ['https://evil.example:443/v1/messages'],
    ['//evil.example/v1/messages'],
    ['@evil.example/v1/messages'],
    ['*'],
  ])('refuses the target %s, and nothing is forwarded', async (target) => {
    api.answer((_request, response) => response.end('{}'))
    expect([400, 404]).toContain(statusOf(await send([auth()], { target })))
    expect(api.heard).toEqual([])
  })

  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])('refuses the method %s', async (method) => {
    api.answer((_request, response) => response.end('{}'))
    expect(statusOf(await send([auth()], { method, body: '' }))).toBe(404)
    expect(api.heard).toEqual([])
  })

  test('is a way to nowhere: CONNECT is refused, an upgrade is an ordinary request', async () => {
    api.answer((_request, response) => response.end('{}'))
    const to = `127.0.0.1:${api.port}`
    expect(statusOf(await sendRaw(pass.url, `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n${auth()}\r\n\r\n`))).toBe(405)
    expect(api.heard).toEqual([])
    expect(statusOf(await send([auth(), 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']))).toBe(200)
    expect(api.heard[0]?.headers.upgrade).toBeUndefined()
  })

  test.each([
    ['localhost', (port: string) => [`localhost:${port}`]],
    ['a name that leads here', (port: string) => [`evil.example:${port}`]],
    ['another port', () => ['127.0.0.1:1']],
    ['no port', () => ['127.0.0.1']],
    ['nothing', () => ['']],
    ['two hosts', (port: string) => [`127.0.0.1:${port}`, `127.0.0.1:${port}`]],
    ['a second, wrong host', (port: string) => [`127.0.0.1:${port}`, 'evil.example']],
    ['no header', () => []],
  ])('refuses a request for another host: %s', async (_what, hosts) => {
    api.answer((_request, response) => response.end('{}'))
    const lines = hosts(new URL(pass.url).port).map((one) => `Host: ${one}`)
    const text = ['POST /v1/messages HTTP/1.1', ...lines, auth(), 'Content-Length: 2', 'Connection: close', '', '{}']
    expect([400, 421]).toContain(statusOf(await sendRaw(pass.url, text.join('\r\n'))))
    expect(api.heard).toEqual([])
  })

  test('takes headers of 16 KiB in all, and refuses more with 431', async () => {
    api.answer((_request, response) => response.end('{}'))
    expect(statusOf(await send([auth(), `X-Long: ${'x'.repeat(12_000)}`]))).toBe(200)
    expect(statusOf(await send([auth(), `X-Long: ${'x'.repeat(17_000)}`]))).toBe(431)
    expect(statusOf(await send([auth(), ...Array.from({ length: 3_000 }, (_, n) => `X-${n}: ${n}`)]))).toBe(431)
    expect(api.heard).toHaveLength(1)
  })

  test.each([
    [
      'a length and chunks',
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      '0\r\n\r\nPOST /admin HTTP/1.1\r\n\r\n',
    ],
    ['two lengths', ['Content-Length: 2', 'Content-Length: 40'], '{}'],
    ['a length that is none', ['Content-Length: +2'], '{}'],
    ['chunks that are not the last coding', ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'],
    ['an unknown coding', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
    ['a folded header', ['X-A: b\r\n Content-Length: 100'], '{}'],
    ['a space before the colon', ['Content-Length : 2'], '{}'],
    ['a bare line feed', ['X-A: b\nX-Api-Key: evil'], '{}'],
    ['a NUL in a value', ['X-A: b\0c'], '{}'],
  ])('refuses a request of two readings: %s', async (_what, lines, body) => {
    api.answer((_request, response) => response.end('{}'))
    const text = ['POST /v1/messages HTTP/1.1', `Host: ${host}`, auth(), ...lines, '', body].join('\r\n')
    const answer = await sendRaw(pass.url, text, (sofar) => sofar.includes('\r\n\r\n'))
    expect([400, 401, 501]).toContain(statusOf(answer))
    expect(api.heard).toEqual([])
  })

  test('headers about the connection stop here, whatever they name', async () => {
    api.answer((_request, response) => response.end('{}'))
    const answer = await sendRaw(
      pass.url,
      [
        'POST /v1/messages HTTP/1.1',
        `Host: ${host}`,
        auth(),
        'Connection: close, X-Secret-Hop, X-Api-Key, Content-Length',
        'X-Secret-Hop: 1',
        'Keep-Alive: timeout=5',
        'TE: trailers',
        'Trailer: X-T',
        'Proxy-Authorization: Basic eA==',
        'Proxy-Connection: keep-alive',
        'Cookie: a=b',
        'Forwarded: for=1.2.3.4',
        'X-Forwarded-For: 1.2.3.4',
        'X-Forwarded-Host: evil.example',
        'Accept-Encoding: gzip',
        'Content-Length: 2',
        '',
        '{}',
      ].join('\r\n'),
    )
    expect(statusOf(answer)).toBe(200)
    const [{ headers, body } = { headers: {}, body: '' }] = api.heard
    expect(body).toBe('{}')
    expect(Object.keys(headers).sort()).toEqual([
      'accept-encoding',
      'connection',
      'content-length',
      'host',
      'x-api-key',
    ])
    expect(headers).toMatchObject({ 'accept-encoding': 'identity', 'x-api-key': key })
  })

  test('requests in one breath are judged one by one, and a body is never read as a request', async () => {
    api.answer((_request, response, body) => response.end(body))
    const one = (lines: readonly string[], body: string) =>
      ['POST /v1/messages HTTP/1.1', `Host: ${host}`, ...lines, `Content-Length: ${body.length}`, '', body].join('\r\n')
    const hidden = `POST /admin HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    const answer = await sendRaw(
      pass.url,
      one([auth()], hidden) + one([auth()], '"b"') + one([], '"c"') + one([auth()], '"d"'),
    )
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
    // The third has no key: its connection ends with it.
    expect(statuses).toEqual(['200', '200', '401'])
    expect(api.heard.map(({ url, body }) => [url, body])).toEqual([
      ['/behind/v1/messages', hidden],
      ['/behind/v1/messages', '"b"'],
    ])
  })

  test('a body without a length goes on in chunks, also after 100-continue', async () => {
    api.answer((_request, response, body) => response.end(body))
    const head = [
      'POST /v1/messages HTTP/1.1',
      `Host: ${host}`,
      auth(),
      'Transfer-Encoding: chunked',
      'Connection: close',
    ]
    const chunks = '3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: x\r\n\r\n'
    const answer = await sendRaw(pass.url, [...head, '', chunks].join('\r\n'))
    const continued = await sendRaw(pass.url, [...head, 'Expect: 100-continue', '', chunks].join('\r\n'))
    expect(api.heard.map(({ body }) => body)).toEqual(['abcdefg', 'abcdefg'])
    expect(statusOf(answer)).toBe(200)
    expect(continued).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/)
    const stranger = head.filter((line) => line !== auth())
    expect(statusOf(await sendRaw(pass.url, [...stranger, 'Expect: 100-continue', '', ''].join('\r\n')))).toBe(401)
  })

  test('follows no redirect, and hands none on', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const elsewhere = await listening()
      api.answer((_request, response) => response.writeHead(status, { location: `${elsewhere.url}/v1/messages` }).end())
      const answer = await send([auth()])
      expect(statusOf(answer)).toBe(502)
      expect(answer).toContain(`redirect (${status})`)
      expect(answer).not.toContain(elsewhere.url)
      expect(elsewhere.heard).toEqual([])
      await elsewhere.close()
    }
  })

  test.each([429, 529, 503, 400, 401])('hands on a %i with its headers and its body', async (status) => {
    api.answer((_request, response) => {
      response.writeHead(status, {
        'content-type': 'application/json',
        'retry-after': '17',
        'retry-after-ms': '17000',
        'anthropic-ratelimit-unified-reset': '1790000000',
        'request-id': 'req_1',
        'set-cookie': ['a=b', 'c=d'],
        'alt-svc': 'h3=":443"',
        location: 'https://evil.example/',
        'proxy-authenticate': 'Basic',
        'keep-alive': 'timeout=1',
      })
      response.end('{"error":{"type":"x"}}')
    })
    const answer = await send([auth()])
    expect(statusOf(answer)).toBe(status)
    for (const line of [
      'retry-after: 17',
      'retry-after-ms: 17000',
      'anthropic-ratelimit-unified-reset: 1790000000',
      'request-id: req_1',
    ])
      expect(answer).toContain(line)
    expect(answer).not.toMatch(/set-cookie|alt-svc|location|proxy-authenticate|a=b|c=d/i)
    expect(answer).toContain('{"error":{"type":"x"}}')
  })

  test('a key that the API tells back has stars in its place, in one piece or in many', async () => {
    const body = `{"error":"Incorrect API key provided: ${key}. ${key}sk-can"}`
    for (const size of [1, 7, key.length - 1, 40, 10_000]) {
      api.answer(async (_request, response) => {
        response.writeHead(401, { 'content-type': 'application/json', 'x-echo': `you said ${key}` })
        for (const piece of body.match(new RegExp(`.{1,${size}}`, 'g')) ?? []) {
          response.write(piece)
          if (size > 1) await sleep(2)
        }
        response.end()
      })
      const { status, headers, text } = await posted(pass)
      expect(status).toBe(401)
      expect(headers.get('x-echo')).toBe(`you said ${'*'.repeat(key.length)}`)
      expect(text).toBe(body.replaceAll(key, '*'.repeat(key.length)))
    }
  })

  test('a stream comes event by event, before it has ended', async () => {
    let next: () => void = () => undefined
    api.answer(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      for (const n of [1, 2, 3]) {
        await new Promise<void>((resolve) => {
          next = resolve
        })
        response.write(`event: x\ndata: ${n}\n\n`)
      }
      response.end()
    })
    const response = await fetch(`${pass.url}/v1/messages`, post(pass))
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const got: string[] = []
    // The first event is written only after the headers have arrived here, each later one after the one before.
    next()
    for await (const chunk of response.body!) {
      got.push(Buffer.from(chunk).toString())
      next()
    }
    expect(got).toEqual([1, 2, 3].map((n) => `event: x\ndata: ${n}\n\n`))
  })

  test('an API takes no more than a slow client does', async () => {
    let written = 0
    const total = 200 * 1024 * 1024
    api.answer((_request, response) => {
      const piece = Buffer.alloc(1024 * 1024, 'x')
      const pour = () => {
        while (written < total) {
          written += piece.length
          if (!response.write(piece)) return void response.once('drain', pour)
        }
        response.end()
      }
      pour()
    })
    const { hostname, port } = new URL(pass.url)
    const socket = connect(Number(port), hostname)
    socket.write(requestText(host, [auth()]))
    await new Promise((resolve) => socket.once('readable', resolve))
    let before = -1
    // Nobody reads: what was written stops growing, far below the whole.
    while (written !== before) {
      before = written
      await sleep(300)
    }
    expect(written).toBeLessThan(total / 2)
    socket.destroy()
  })

  test('a client that leaves ends the request at the API', async () => {
    const left = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    api.answer((_request, response) => {
      response.on('close', () => left.resolve())
      response.write('data: 1\n\n')
      reached.resolve()
    })
    const abort = new AbortController()
    const response = await fetch(`${pass.url}/v1/messages`, { ...post(pass), signal: abort.signal })
    await reached.promise
    abort.abort()
    await left.promise
    await expect(response.text()).rejects.toThrow()

    const early = Promise.withResolvers<void>()
    api.answer((_request, response) => {
      response.on('close', () => early.resolve())
      second.abort()
    })
    const second = new AbortController()
    await expect(fetch(`${pass.url}/v1/messages`, { ...post(pass), signal: second.signal })).rejects.toThrow()
    await early.promise
  })

  test('a cut answer is a cut answer', async () => {
    api.answer((request) => request.socket.destroy())
    await expect(fetch(`${pass.url}/v1/messages`, post(pass))).rejects.toThrow()
    api.answer(async (request, response) => {
      response.write('data: 1\n\n')
      await sleep(20)
      request.socket.destroy()
    })
    const response = await fetch(`${pass.url}/v1/messages`, post(pass))
    await expect(response.text()).rejects.toThrow()
  })

  test('an API that is not there is told, with its name and never with a key', async () => {
    const nowhere = await door.open(up('http://127.0.0.1:9'), whose)
    const { status, text } = await posted(nowhere)
    expect([status, text]).toEqual([502, expect.stringContaining('127.0.0.1:9 cannot be reached (ECONNREFUSED)')])
    expect(text).not.toContain(key)
    await nowhere.close()
  })

  test('a pass that is closed is refused from then on, and what it was doing ends', async () => {
    const other = await door.open(up(api.url), whose)
    const left = Promise.withResolvers<void>()
    api.answer((_request, response) => {
      response.on('close', () => left.resolve())
      response.write('data: 1\n\n')
    })
    const response = await fetch(`${other.url}/v1/messages`, post(other))
    await other.close()
    await expect(response.text()).rejects.toThrow()
    await left.promise
    api.answer((_request, response) => response.end('{}'))
    expect((await posted(other)).status).toBe(401)
    expect(api.heard).toEqual([])
    expect((await posted(pass)).status).toBe(200)
    await other.close()
  })

  test('the port is closed with the last pass, and another is opened for the next', async () => {
    const own = gateway()
    const first = await own.open(up(api.url), whose)
    await Promise.all([first.close(), first.close()])
    await expect(fetch(first.url, { method: 'POST' })).rejects.toThrow()
    const [second, third] = await Promise.all([own.open(up(api.url), whose), own.open(up(api.url), whose)])
    await second.close()
    expect((await posted(third)).status).toBe(200)
    await third.close()
  })

  const post = ({ token }: Pass) => ({ method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } })
  async function posted(by: Pass) {
    const response = await fetch(`${by.url}/v1/messages`, post(by))
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
})

describe('an upstream', () => {
  const given = (baseUrl: string, network = {}) =>
    upstream({ framework: 'claude', baseUrl, routes, headers: { 'x-api-key': key }, network })

  test.each([
    '',
    'api.example.com',
    'ftp://x',
    'http://user:secret@x',
    'https://x/v1?key=secret',
    'file:///etc/passwd',
  ])("is no '%s', and the error tells nothing of it", (baseUrl) => {
    expect(() => given(baseUrl)).toThrow(expect.objectContaining({ code: 'CB_USAGE' }))
    expect(() => given(baseUrl)).not.toThrow(/secret/)
  })

  test('whose certificates cannot be read is a mistake with a cure', () => {
    expect(() => given('https://api.example.com', { NODE_EXTRA_CA_CERTS: '/no/such.pem' })).toThrow(
      /NODE_EXTRA_CA_CERTS .*'\/no\/such\.pem'.*ENOENT/,
    )
  })

  test('is reached through a proxy where the environment names one, except where it names the host', async () => {
    const api = await listening()
    const proxy = await listening((_request, response) => response.end('"by the proxy"'))
    const own = gateway()
    const said = async (network: Record<string, string>) => {
      const pass = await own.open(given(api.url, network), whose)
      const response = await fetch(`${pass.url}/v1/messages`, {
        method: 'POST',
        body: '{}',
        headers: { 'x-api-key': pass.token },
      })
      await pass.close()
      return response.text()
    }
    expect(await said({ HTTP_PROXY: proxy.url })).toBe('"by the proxy"')
    expect(proxy.heard.map(({ url, headers }) => [url, headers['x-api-key']])).toEqual([
      [`${api.url}/v1/messages`, key],
    ])
    expect(await said({ HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' })).toBe('{}')
    await api.close()
    await proxy.close()
  })

  test.each([
    ['22.18.0', false],
    ['22.21.0', true],
    ['23.11.0', false],
    ['24.4.1', false],
    ['24.5.0', true],
    ['26.0.0', true],
  ])('Node %s can use a proxy: %s', (version, works) => expect(proxiesWork(version)).toBe(works))
})
