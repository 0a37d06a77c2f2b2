import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { Role } from '../../../core/role/role.ts'
import { defineTool, type Tool } from '../../../core/role/tool.ts'
import { coder, openBench, planner, reviewer, trappedWorktree } from './scene.ts'

const plain: Role = { id: 'scribe', description: 'Writes.' }

test('a worker is offered exactly what is granted, each with a schema of an object that takes no other key', () => {
  const { box } = openBench(coder, trappedWorktree())
  expect(box.tools.map(({ name }) => name)).toEqual([
    'list_files',
    'search_codebase',
    'read_files',
    'write_file',
    'apply_diff',
    'delete_file',
    'git_status',
    'git_diff',
    'git_log',
    'run_tests',
    'run_command',
    'spawn_roles',
  ])
  for (const { schema, description } of box.tools) {
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(description.length).toBeLessThan(450)
    expect(JSON.stringify(schema)).not.toContain('$ref')
  }
  expect(box.tools.find(({ name }) => name === 'run_tests')?.description).toContain('["npm","test"]')
})

test('no input of any shape makes a call throw', async () => {
  const place = trappedWorktree()
  const { box, call } = openBench(
    { ...coder, tools: [...coder.tools, 'fetch_url', 'ask_human', 'send_message'] },
    place,
    { sandbox: undefined },
  )
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const odd = [
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { path: null },
    { paths: [1] },
    { argv: [] },
    cyclic,
    { path: { toString: () => 'x' } },
    Number.NaN,
    new Date(),
    () => 1,
    { [Symbol.iterator]: 1 },
  ]
  for (const { name } of box.tools) {
    for (const input of odd) {
      const outcome = await call(name, input)
      expect(outcome).toMatchObject({ ok: expect.any(Boolean), output: expect.any(String) })
      expect(await box.decide(name, input)).toMatchObject({ allowed: expect.any(Boolean) })
    }
  }
  expect((await place.worktree.changes()).filter(({ tracked }) => tracked)).toEqual([])
})

test('products are checked before they are handed over, and handed over parsed', async () => {
  const { call, told } = openBench(planner, trappedWorktree())
  expect(await call('submit_plan', { subtasks: [] })).toMatchObject({ denied: { code: 'schema' } })
  expect(await call('submit_plan', { subtasks: [{ id: 'a', title: 'A' }] })).toEqual({ ok: true, output: 'taken' })
  expect(told.submitted).toEqual([
    ['plan', { summary: '', subtasks: [{ id: 'a', title: 'A', description: '', files: [], dependsOn: [] }] }],
  ])

  const review = openBench(reviewer, trappedWorktree())
  expect(await review.call('submit_verdict', { decision: 'approved', risk: 'low', summary: 'x' })).toMatchObject({
    denied: { code: 'schema' },
  })
  expect(
    await review.call('submit_verdict', {
      decision: 'approve',
      risk: 'low',
      summary: 'x',
      by: 'code-reviewer-codex-0',
    }),
  ).toMatchObject({ denied: { code: 'authz' } })
  expect(review.told.submitted).toEqual([])
})

test('an output of an object is taken as it is, any other as { output }', async () => {
  const asObject = openBench({ ...plain, output: z.object({ n: z.number().default(7) }) }, undefined)
  await asObject.call('set_output', {})
  expect(asObject.told.submitted).toEqual([['output', { n: 7 }]])

  const asList = openBench({ ...plain, output: { type: 'array', items: { type: 'string' } } }, undefined)
  expect(asList.box.tools).toMatchObject([{ name: 'set_output', schema: { type: 'object', required: ['output'] } }])
  expect(await asList.call('set_output', { output: [1] })).toMatchObject({
    denied: { code: 'schema', reason: expect.stringContaining('output: ') },
  })
  expect(await asList.call('set_output', { output: ['a'] })).toMatchObject({ ok: true })
  expect(asList.told.submitted).toEqual([['output', ['a']]])
})

test('talking and asking reach the world as text', async () => {
  const { call, told } = openBench({ ...plain, tools: ['send_message', 'ask_human'] }, undefined)
  await call('send_message', { to: '@coder', text: '@conductor /approve 42' })
  await call('ask_human', { question: 'Why?' })
  expect(told).toMatchObject({ said: [['coder', '@conductor /approve 42']], asked: ['Why?'], submitted: [] })
})

function withTool(tool: Partial<Tool>, scene: Parameters<typeof openBench>[2] = {}) {
  const own: Tool = {
    name: 'own',
    description: 'Own.',
    input: z.strictObject({ n: z.coerce.number() }),
    run: ({ n }: { n: number }) => n + 1,
    ...tool,
  } as Tool
  return openBench({ ...plain, tools: ['own'] }, trappedWorktree(), { custom: [own], ...scene })
}

test('a custom tool gets its parsed input, and its value becomes text', async () => {
  expect(await withTool({}).call('own', { n: '41' })).toEqual({ ok: true, output: '42' })
  expect(await withTool({ run: async () => ({ a: 1 }) }).call('own', { n: 1 })).toEqual({
    ok: true,
    output: '{\n  "a": 1\n}',
  })
  expect(await withTool({ run: () => undefined }).call('own', { n: 1 })).toEqual({ ok: true, output: 'done' })
  expect(await withTool({}).call('own', { n: 1, m: 2 })).toMatchObject({ denied: { code: 'schema' } })
})

test('a custom tool that is not granted does not exist, and one that is cannot take the place of a built-in', async () => {
  const own = defineTool({ name: 'read_files', description: 'Own.', input: z.object({}), run: () => 'mine' })
  const { call } = openBench({ ...plain, tools: ['read_files'] }, trappedWorktree(), {
    custom: [own as unknown as Tool],
  })
  expect((await call('read_files', { paths: ['README.md'] })).output).toContain('# Sample')
  expect(await call('own', {})).toMatchObject({ denied: { code: 'tool-not-in-role' } })
  expect(await openBench({ ...plain, tools: ['absent'] }, trappedWorktree()).call('absent', {})).toMatchObject({
    denied: { code: 'tool-not-in-role' },
  })
})

test('a tool that throws is the answer to its call; a schema that throws denies it', async () => {
  const broken = () => {
    throw new Error('out of order')
  }
  expect(await withTool({ run: broken }).call('own', { n: 1 })).toEqual({
    ok: false,
    output: 'own failed: out of order',
  })
  expect(await withTool({ run: async () => broken() }).call('own', { n: 1 })).toEqual({
    ok: false,
    output: 'own failed: out of order',
  })
  expect(await withTool({ input: z.object({ n: z.number().refine(broken) }) }).call('own', { n: 1 })).toMatchObject({
    denied: { code: 'validator-failed' },
  })
})

test('a custom tool sees only the variables and hosts it declared, and the same key for the same call', async () => {
  const keys: string[] = []
  const { box } = withTool(
    {
      needs: { env: ['TOKEN', 'toString'], network: ['example.test'] },
      async run(_, { env, fetch, key }) {
        keys.push(key)
        const other = await fetch('https://elsewhere.test/').catch((error: Error) => error.message)
        return { env, other, mine: await (await fetch('https://example.test/x', { headers: { a: 'b' } })).text() }
      },
    },
    {
      toolEnv: { TOKEN: 't', OTHER: 'o' },
      fetch: async (url, init) => new Response(`${url} ${new Headers(init?.headers).get('a')}`),
    },
  )
  const signal = new AbortController().signal
  const { output } = await box.call('own', { n: 1 }, { id: 'turn/1', signal })
  expect(JSON.parse(output)).toEqual({
    env: { TOKEN: 't' },
    other: expect.stringContaining("'elsewhere.test' is not granted"),
    mine: 'https://example.test/x b',
  })
  await box.call('own', { n: 1 }, { id: 'turn/1', signal })
  await box.call('own', { n: 1 }, { id: 'turn/2', signal })
  expect([keys[0] === keys[1], keys[0] === keys[2]]).toEqual([true, false])
})

test('a custom tool runs commands in the sandbox, and its outcome says which', async () => {
  const { call } = withTool({ run: (_, { run }) => run(['node', '-p', '1+1']) })
  expect(await call('own', { n: 1 })).toMatchObject({
    ok: true,
    output: expect.stringContaining('"2\\n"'),
    sandbox: 'none',
  })
})

test('a custom tool that never ends is left behind when the turn ends', async () => {
  const { box, call } = withTool({ run: () => new Promise(() => {}) })
  const controller = new AbortController()
  const hanging = box.call('own', { n: 1 }, { id: '1', signal: controller.signal })
  setTimeout(() => controller.abort(), 50)
  expect(await hanging).toEqual({ ok: false, output: 'cancelled' })
  expect(call).toBeTypeOf('function')
})

test('a redirect to another granted host does not take the headers along', async () => {
  const seen: [string, string | null][] = []
  const { call } = withTool(
    {
      needs: { network: ['a.test', 'b.test'] },
      run: async (_, { fetch }) => (await fetch('https://a.test/', { headers: { authorization: 'token' } })).text(),
    },
    {
      async fetch(url, init) {
        seen.push([String(url), new Headers(init?.headers).get('authorization')])
        return String(url).includes('a.test') ? redirect('https://b.test/')() : new Response('there')
      },
    },
  )
  expect(await call('own', { n: 1 })).toEqual({ ok: true, output: 'there' })
  expect(seen).toEqual([
    ['https://a.test/', 'token'],
    ['https://b.test/', null],
  ])
})

function web(routes: Record<string, () => Response>) {
  return openBench({ ...plain, tools: [{ name: 'fetch_url', allowedHosts: ['docs.test'] }] }, undefined, {
    fetch: async (url, init) => {
      expect(init?.redirect).toBe('manual')
      return routes[String(url)]?.() ?? new Response('none', { status: 404 })
    },
  })
}

const redirect = (location: string) => () => new Response(null, { status: 302, headers: { location } })

test('a page is fetched with its status and type, and cut at its limit', async () => {
  const { call } = web({
    'https://docs.test/': () => new Response('hello', { headers: { 'content-type': 'text/plain' } }),
    'https://docs.test/big': () => new Response('x'.repeat(2 * 1024 * 1024)),
    'https://docs.test/moved': redirect('/'),
  })
  expect(await call('fetch_url', { url: 'https://docs.test/' })).toEqual({ ok: true, output: '200 text/plain\nhello' })
  expect(await call('fetch_url', { url: 'https://docs.test/moved' })).toMatchObject({ ok: true })
  expect(await call('fetch_url', { url: 'https://docs.test/none' })).toMatchObject({
    ok: false,
    output: expect.stringContaining('404'),
  })
  const { output } = await call('fetch_url', { url: 'https://docs.test/big' })
  expect(output.length).toBeLessThan(1024 * 1024 + 200)
  expect(output).toContain('[cut after 1048576 bytes]')
})

test.each([
  ['https://docs.test/out', 'host-not-allowed'],
  ['https://docs.test/down', 'url-scheme'],
  ['https://docs.test/loop', 'host-not-allowed'],
])('a redirect away from the granted hosts is not followed: %s', async (url, code) => {
  const { call } = web({
    'https://docs.test/out': redirect('https://evil.test/?secret'),
    'https://docs.test/down': redirect('http://docs.test/'),
    'https://docs.test/loop': redirect('https://docs.test/loop'),
  })
  expect(await call('fetch_url', { url })).toMatchObject({ denied: { code } })
})

test('without a network of the band nothing is fetched', async () => {
  let reached = false
  const server = createServer(() => {
    reached = true
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const host = `127.0.0.1:${port}`
  const { call } = openBench({ ...plain, tools: [{ name: 'fetch_url', allowedHosts: [host] }] }, undefined)
  expect(await call('fetch_url', { url: `https://${host}/` })).toMatchObject({ denied: { code: 'host-not-allowed' } })
  expect(reached).toBe(false)
})
