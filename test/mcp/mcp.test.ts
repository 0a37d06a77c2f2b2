import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import { defineRole, type McpServer, type Recorded, type Role, z } from '../../adapters/index.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { replayedBand } from '../scene/replayed.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const server: McpServer = {
  command: [join(root, 'node_modules/.bin/node'), '--no-warnings', join(root, 'test/mcp/server.ts')],
  env: ['DEMO_TOKEN'],
  tools: ['echo', 'fail'],
}

async function played(
  mcp: Record<string, McpServer>,
  steps: object[],
  env: Record<string, string> = { DEMO_TOKEN: 'token-of-the-test', OTHER_SECRET: 'must not be seen' },
) {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const reader = defineRole({
    id: 'reader',
    description: 'Asks a tool server.',
    output: z.object({ said: z.string() }),
    mcp,
  })
  const conductor: Role = {
    id: 'conductor',
    description: 'Plays the reader.',
    spawnableRoles: ['reader'],
    *steps({ band }) {
      return yield* band.spawn(reader, {})
    },
  }
  const script = { turns: [{ role: 'reader', steps: [...steps, { call: 'set_output', input: { said: 'done' } }] }] }
  const band = await replayedBand({
    repo,
    home: join(at, 'home'),
    env: { ...env, PATH: process.env.PATH },
    frameworks: { a: scripted({ id: 'a', family: 'x', script }) },
    roles: [reader, conductor],
    review: { opposition: 'waived' },
    sandbox: 'off',
  })
  const events: Recorded[] = []
  band.on('event', (event) => events.push(event))
  try {
    const result = await band.run('ask').catch((error: unknown) => error)
    return { result, events }
  } finally {
    await band.close()
  }
}

test('a role reaches exactly the tools of a server that it names, with only the variables that it names', {
  timeout: 30_000,
}, async () => {
  const { result, events } = await played({ demo: server }, [
    { call: 'mcp/demo/echo', input: { text: 'hello' }, expect: 'ok' },
    { call: 'mcp/demo/shout', input: { text: 'hello' }, expect: 'error' },
    { call: 'mcp/demo/fail', input: { text: 'x' }, expect: 'error' },
    { call: 'mcp/demo/echo', input: { txet: 'x' }, expect: 'error' },
  ])
  expect(result).toMatchObject({ outcome: 'success' })
  const returned = events.flatMap((event) =>
    event.type === 'ToolReturned' && event.tool.startsWith('mcp/') ? [event.output] : [],
  )
  expect(returned).toEqual([
    'hello (token, no other)',
    expect.stringMatching(/tool-not-in-role/),
    expect.stringMatching(/it broke/),
    expect.stringMatching(/schema/),
  ])
  const violations = events.flatMap((event) =>
    event.type === 'ViolationRecorded' ? [`${event.tool} ${event.code}`] : [],
  )
  expect(violations).toEqual(['mcp/demo/shout tool-not-in-role', 'mcp/demo/echo schema'])
  expect(JSON.stringify(events)).not.toMatch(/token-of-the-test/)
})

test.each([
  [
    'a tool that the server does not have',
    { demo: { ...server, tools: ['ecoh'] } },
    undefined,
    /no tool 'ecoh'.*Did you mean 'echo'/,
  ],
  [
    'a server that does not start',
    { demo: { ...server, command: ['/nonexistent'] } },
    undefined,
    /'demo' cannot be used/,
  ],
  ['a variable that is not set', { demo: server }, {}, /DEMO_TOKEN is not set/],
])('%s stops the band with its name and the cure', { timeout: 60_000 }, async (_, mcp, env, says) => {
  const { result } = await played(mcp, [], env)
  expect(result).toMatchObject({ code: 'CB_TOOL_SERVER', message: expect.stringMatching(says) })
})
