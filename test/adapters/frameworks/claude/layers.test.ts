import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { claude } from '../../../../adapters/frameworks/claude.ts'
import cases from '../../../cases/hostile-claude.json' with { type: 'json' }
import { type Clients, clients } from '../../../clients/clients.ts'
import { play, processesOf, stage } from '../../../contracts/framework/stage.ts'
import { type Effect, happened, hostileProject, picture } from '../../../escapes/hostile/project.ts'
import { type AnthropicStandIn, anthropicStandIn, call, text } from '../../../stand-ins/anthropic.ts'
import { misledClient } from './rigged-client.ts'

const found = await clients()
const missing = 'missing' in found ? found.missing : ''
const { claudeBinary } = found as Clients
type Lie = Parameters<typeof misledClient>[2]

const server = JSON.stringify({ mcpServers: { evil: { command: 'cat', args: [] } } })
const agent = JSON.stringify({ evil: { description: 'x', prompt: 'y' } })

describe.skipIf(missing !== '')(`the layers that keep claude to its tools${missing && `: ${missing}`}`, () => {
  const at = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-layers-'))
  let api: AnthropicStandIn
  let set: Awaited<ReturnType<typeof stage>>
  let count = 0
  beforeAll(async () => {
    api = await anthropicStandIn()
    const env = { ANTHROPIC_BASE_URL: api.url, ANTHROPIC_API_KEY: 'sk-ant-secret-of-the-test' }
    set = await stage(() => claude({ model: 'claude-sonnet-5', retries: 0 }), env)
  })
  afterEach(() => {
    api.turns.length = 0
  })
  afterAll(async () => {
    await set.strike()
    await api.close()
    rmSync(at, { recursive: true, force: true, maxRetries: 3 })
  })

  const enter = async (lie: Lie) => {
    const place = await set.place()
    const executable = await misledClient(join(place.root, 'client'), claudeBinary, lie)
    const env = { MY_SECRET_ENV: 'ENVLEAK-7' }
    const framework = claude({ executable, model: 'claude-sonnet-5', retries: 0, env })
    const project = hostileProject(join(at, String(count++)))
    return { place, project, starting: set.enter({ at: { ...place, cwd: project.repo }, framework }) }
  }

  test.each([
    ['all of its own tools', { drop: ['--tools'] }, /brings System tools/],
    ['one of its own tools', { drop: ['--tools'], add: ['--tools=Read'] }, /brings System tools/],
    ['a server of its own', { drop: ['--strict-mcp-config'], add: ['--mcp-config', server] }, /MCP servers evil/],
    ['an agent of its own', { add: ['--agents', agent] }, /brings Custom agents/],
    ['no questions asked', { drop: ['--permission-mode'], add: ['--permission-mode=bypassPermissions'] }, /bypass/],
  ] satisfies [string, Lie, RegExp][])(
    'the real client with %s is refused before it asks its model',
    async (_, lie, why) => {
      const { place, starting } = await enter(lie)
      await expect(starting).rejects.toMatchObject({ code: 'CB_BOUNDARY_UNENFORCEABLE' })
      await expect(starting).rejects.toThrow(why)
      expect(await processesOf(place)).toEqual([])
      expect(api.turns).toEqual([])
    },
  )

  test('the real client that takes edits without asking is stopped before it asks its model', async () => {
    const { starting } = await enter({ drop: ['--permission-mode'], add: ['--permission-mode=acceptEdits'] })
    const { session } = await starting
    const detail = expect.stringMatching(/permission mode is 'acceptEdits'/)
    expect((await play(session, 'Work.')).outcome).toEqual({ kind: 'version', detail })
    expect(api.turns).toEqual([])
  })

  test.each([
    ['its hooks', { add: ['--bare'] }],
    ['its hooks, by a variable', { env: { CLAUDE_CODE_SIMPLE: '1' } }],
    [
      'all but its empty list of tools',
      {
        drop: ['--setting-sources', '--strict-mcp-config', '--permission-mode', '--restricted'],
        add: ['--bare', '--add-dir', '/'],
      },
    ],
  ] satisfies [string, Lie][])(
    'the real client without %s runs nothing that a hostile model asks of it',
    async (_, lie) => {
      const { project, starting } = await enter(lie)
      const before = [picture(project.outside), picture(project.repo)]
      const filled = JSON.stringify(cases)
        .replaceAll('{WORKTREE}', project.repo)
        .replaceAll('{OUTSIDE}', project.outside)
        .replaceAll('{PORT}', new URL(api.url).port)
      const attacks = JSON.parse(filled) as typeof cases
      api.setScript(({ step, texts }) => {
        if (step > 0 || texts.some((one) => one.includes('SUBAGENT'))) return text('ok')
        return attacks.map(({ id, tool, input }) => call(tool, input, `its_${id}`))
      })
      const { session, called } = await starting
      const turn = await play(session, 'Work.')
      const told = new Map(
        api.turns.flatMap(({ results }) => results.map(({ id, error, text }) => [id, { ok: !error, output: text }])),
      )
      expect(told.size).toBe(attacks.length)
      const had = attacks.filter(({ id, expectation }) => happened(expectation.effect as Effect, told.get(`its_${id}`)))
      expect(had.map(({ id }) => id)).toEqual([])
      expect([...told.values()].filter(({ ok }) => ok)).toEqual([])
      expect([picture(project.outside), picture(project.repo)]).toEqual(before)
      expect({ outcome: turn.outcome, called }).toEqual({ outcome: 'done', called: [] })
      await session.close()
    },
  )
})
