import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findSdk, loadSdk } from '../../../adapters/frameworks/claude/sdk.ts'
import { type ClaudeOptions, claude } from '../../../adapters/frameworks/claude.ts'
import type { Session, SessionOptions } from '../../../core/ports/framework.ts'
import { type Clients, clients } from '../../clients/clients.ts'
import { type ModelScript, type ModelStep, responseTo } from '../../contracts/framework/model-script.ts'
import { filesBelow, granted, play, processesOf, stage } from '../../contracts/framework/stage.ts'
import { frameworkContract } from '../../contracts/framework.ts'
import { anthropicStandIn, call, fault, type Step, text, thinking, usage } from '../../stand-ins/anthropic.ts'
import { type Rig, rigClient } from './claude/rigged-client.ts'

const found = await clients()
const real = 'missing' in found ? undefined : found
const repo = real ? dirname(dirname(dirname(real.claudeSdk))) : '/'
const key = 'sk-ant-secret-of-the-test'

const wireName = (name: string) => `mcp__codeband__${name.replace(/[^\w-]/g, '_')}`
const ownName = (wire: string) => granted.find(({ name }) => wireName(name) === wire)?.name ?? wire

function stepOf(step: ModelStep): Step {
  if ('say' in step) return text(step.say)
  if ('think' in step) return thinking(step.think)
  if ('call' in step) return call(wireName(step.call), step.input)
  if ('native' in step) return call(step.native, step.input)
  if ('usage' in step) return usage(step.usage.inputTokens, step.usage.outputTokens)
  return 'status' in step ? fault(step.status) : fault('stall')
}

const driver = async ({ claudeBinary }: Clients) => {
  const api = await anthropicStandIn()
  return {
    api,
    framework: (more: ClaudeOptions = {}) =>
      claude({ executable: claudeBinary, retries: 1, model: 'claude-sonnet-5', ...more }),
    env: { ANTHROPIC_BASE_URL: api.url, ANTHROPIC_API_KEY: key },
    repo,
    key,
    script(script: ModelScript) {
      api.turns.length = 0
      api.setScript(({ prompt, step }) => responseTo(script, { prompt, responses: step }).map(stepOf))
    },
    requests: () => api.turns.map(({ body, tools }) => ({ text: JSON.stringify(body), tools: tools.map(ownName) })),
    close: api.close,
  }
}

function needsTheClient(real: Clients): void {
  frameworkContract('claude', () => driver(real), { processes: true })

  describe('claude', () => {
    let on: Awaited<ReturnType<typeof driver>>
    let set: Awaited<ReturnType<typeof stage>>
    beforeAll(async () => {
      on = await driver(real)
      set = await stage(() => on.framework(), on.env, on.repo)
    })
    afterAll(async () => {
      await set.strike()
      await on.close()
    })

    test('offers none of the tools it knows, and runs none that a model calls all the same', async () => {
      const { root, cwd } = await set.place()
      const file_path = join(cwd, 'pwned')
      await writeFile(join(root, 'secret'), 'TOPSECRET-42')
      const names =
        'Read Grep Glob Edit MultiEdit NotebookEdit WebFetch WebSearch Task TaskStop Skill ToolSearch EnterWorktree ExitPlanMode CronCreate Monitor Workflow SendMessage AskUserQuestion StructuredOutput DeferredToolPlaceholder ListMcpResourcesTool ReadMcpResourceTool ReportFindings ScheduleWakeup'.split(
          ' ',
        )
      const input = {
        file_path: join(root, 'secret'),
        path: root,
        pattern: 'TOP',
        command: `touch ${file_path}`,
        prompt: 'x',
        description: 'x',
        url: on.api.url,
        name: 'x',
        skill: 'init',
      }
      on.script({ '': [names.map((native) => ({ native, input })), [{ say: 'none' }]] })
      const { session, called } = await set.enter()
      const turn = await play(session, 'Try all.')
      expect(turn).toMatchObject({ said: 'none', outcome: 'done' })
      expect(called).toEqual([])
      const refused = turn.events.flatMap((event) => (event.type === 'tool-call' ? [event.name] : []))
      expect(refused).toEqual(names)
      expect(turn.events.some((event) => event.type === 'tool-result' && event.ok)).toBe(false)
      expect(JSON.stringify(on.api.turns)).not.toContain('TOPSECRET')
      expect(await filesBelow(cwd)).toEqual([])
    })

    test('takes a prompt as text: no file is read for an @, no command run for a /', async () => {
      const { root } = await set.place()
      await writeFile(join(root, 'secret'), 'TOPSECRET-42')
      const { session } = await set.enter()
      for (const prompt of [`@${root}/secret`, '/init', '/compact', '!ls', '# note']) {
        on.script({ '': [[{ say: 'ok' }]] })
        await play(session, prompt)
        expect(on.api.turns.map((turn) => turn.prompt)).toEqual([prompt])
        expect(JSON.stringify(on.api.turns[0]?.body)).not.toContain('TOPSECRET')
      }
    })

    test('speaks to nothing but the Messages API', async () => {
      on.script({ '': [[{ say: 'ok' }]] })
      on.api.requests.length = 0
      const { session } = await set.enter()
      await play(session, 'Work.')
      await session.close()
      expect(on.api.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v1/messages'])
      expect(on.api.requests[0]?.headers['x-api-key']).toBe(key)
    })

    test('hands on a long result whole, and one that its client would hide in a file with its middle cut', async () => {
      on.script({ '': [[{ call: 'read_files', input: { paths: ['a'] } }], [{ say: 'ok' }]] })
      for (const length of [490_000, 1_048_576]) {
        const { session } = await set.enter({
          answer: () => ({ ok: true, output: `START${'x\n'.repeat(length / 2)}END` }),
        })
        await play(session, 'Read.')
        const result = on.api.turns.at(-1)?.results[0]?.text ?? ''
        expect([result.slice(0, 5), result.slice(-3)]).toEqual(['START', 'END'])
        if (length < 500_000) expect(result).toHaveLength(length + 8)
        else expect(result).toMatch(/\[\.\.\. \d+ characters left out/)
        await session.close()
      }
    })

    test('tells what a turn cost, also after a resume and after a kill', async () => {
      on.api.setScript(({ prompt }) => [
        text('a'),
        usage(100_000, 1_000),
        ...(prompt === 'hang' ? [fault('stall')] : []),
      ])
      const first = await set.enter()
      const cost = async (session: Session) => {
        const { events } = await play(session, 'x')
        return events.flatMap((event) => (event.type === 'usage' ? [event.usage.usd?.toFixed(4)] : []))
      }
      const once = await cost(first.session)
      expect(Number(once[0])).toBeGreaterThan(0)
      expect(await cost(first.session)).toEqual(once)
      await first.session.close()
      const second = await set.enter({ at: first.place, resume: first.session.token })
      expect(await cost(second.session)).toEqual(once)
      const hanging = play(second.session, 'hang')
      await sleep(500)
      for (const pid of await processesOf(first.place)) process.kill(pid, 'SIGKILL')
      expect(await hanging).toMatchObject({ outcome: { kind: 'crashed' }, usage: { inputTokens: 100_000 } })
      await second.session.close()
      const third = await set.enter({ at: first.place, resume: second.session.token })
      expect(await cost(third.session)).toEqual(once)
    })

    test('gives calls ids of their own where a model repeats one', async () => {
      let asked = 0
      on.api.setScript(() => (asked++ < 2 ? call(wireName('read_files'), { paths: [] }, 'toolu_same') : text('ok')))
      const { session, called } = await set.enter()
      expect((await play(session, 'Read.')).outcome).toBe('done')
      expect(called.map(({ id }) => id)).toEqual(['toolu_same', 'toolu_same#2'])
    })

    test('changes the model and the effort of a running session', async () => {
      on.api.setScript(({ model, body }) => text(JSON.stringify([model, body.output_config?.effort])))
      const { session } = await set.enter({ effort: 'high' })
      expect((await play(session, 'x')).said).toBe('["claude-sonnet-5","high"]')
      await session.setModel?.('claude-opus-4-8')
      await session.setEffort?.('low')
      expect((await play(session, 'x')).said).toBe('["claude-opus-4-8","low"]')
    })

    test('fails as auth without a login, and as overloaded without an API', async () => {
      const nobody = await set.enter({ env: { PATH: '/usr/bin', ANTHROPIC_BASE_URL: on.api.url } })
      expect((await play(nobody.session, 'x')).outcome).toMatchObject({ kind: 'auth' })
      const nowhere = await set.enter({ framework: on.framework({ baseUrl: 'http://127.0.0.1:9' }) })
      expect((await play(nowhere.session, 'x')).outcome).toMatchObject({ kind: 'overloaded' })
    })

    test('goes on without what switches its hooks off', async () => {
      on.script({ '': [[{ call: 'read_files', input: { paths: [] } }], [{ say: 'ok' }]] })
      const off = { CLAUDE_CODE_SIMPLE: '1' }
      const { session, called } = await set.enter({ framework: on.framework({ env: off }), env: { ...on.env, ...off } })
      expect((await play(session, 'x')).outcome).toBe('done')
      expect(called).toHaveLength(1)
    })

    test.each([
      ['CB_CLIENT_VERSION', { version: '2.1.330' }, /found the claude client 2\.1\.330, but only 2\.1\.329/],
      ['CB_BOUNDARY_UNENFORCEABLE', { hooks: false }, /hooks/],
      ['CB_BOUNDARY_UNENFORCEABLE', { servers: [] }, /did not connect/],
      ['CB_BOUNDARY_UNENFORCEABLE', { servers: [{ name: 'evil', status: 'connected' }] }, /evil \(connected\)/],
      ['CB_BOUNDARY_UNENFORCEABLE', { mcpTools: ['mcp__codeband__x'] }, /offers mcp__codeband__x/],
      [
        'CB_BOUNDARY_UNENFORCEABLE',
        { categories: [{ id: 'system_tools', name: 'System tools', tokens: 9 }] },
        /System tools/,
      ],
    ] satisfies [string, Rig, RegExp][])('refuses with %s a client that says %o', async (code, rig, detail) => {
      const place = await set.place()
      const executable = await rigClient(join(place.root, 'client'), rig)
      const starting = set.enter({ at: place, tools: [], framework: on.framework({ executable }) })
      await expect(starting).rejects.toMatchObject({ code })
      await expect(starting).rejects.toThrow(detail)
      expect(await processesOf(place)).toEqual([])
    })

    test.each([
      [
        'renamed',
        ['mcp__codeband__read_filez', 'mcp__codeband__mcp_github_search'],
        /offers mcp__codeband__read_filez/,
      ],
      ['left out', ['mcp__codeband__read_files'], /does not offer mcp__codeband__mcp_github_search/],
    ])('refuses a client where one of its tools is %s', async (_, mcpTools, detail) => {
      const place = await set.place()
      const executable = await rigClient(join(place.root, 'client'), { mcpTools })
      const starting = set.enter({ at: place, framework: on.framework({ executable }) })
      await expect(starting).rejects.toMatchObject({ code: 'CB_BOUNDARY_UNENFORCEABLE' })
      await expect(starting).rejects.toThrow(detail)
      expect(await processesOf(place)).toEqual([])
    })

    test('ends the first turn of a client that announces more than it accounted for', async () => {
      const place = await set.place()
      const executable = await rigClient(join(place.root, 'client'), { announced: ['Bash'] })
      const { session } = await set.enter({ at: place, tools: [], framework: on.framework({ executable }) })
      expect((await play(session, 'x')).outcome).toMatchObject({
        kind: 'version',
        detail: expect.stringMatching(/offers Bash/),
      })
      expect((await play(session, 'x')).outcome).toMatchObject({ kind: 'crashed' })
    })

    test('refuses a program that is no client, with what it said', async () => {
      const place = await set.place()
      const executable = join(place.root, 'client')
      await writeFile(executable, '#!/bin/sh\necho "no such thing" >&2; exit 3\n', { mode: 0o755 })
      const starting = set.enter({ at: place, framework: on.framework({ executable }) })
      await expect(starting).rejects.toMatchObject({ code: 'CB_BOUNDARY_UNENFORCEABLE' })
      await expect(starting).rejects.toThrow(/no such thing/)
    })
  })
}

if (real) needsTheClient(real)
else
  describe.skip(`claude: ${'missing' in found ? found.missing : ''}`, () => test('needs its client', () => undefined))

describe('claude without its client', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'claude-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('is missing, with the command that installs it', async () => {
    const start = claude({ executable: 'no/such/claude' }).start({ repo: folder } as SessionOptions)
    await expect(start).rejects.toMatchObject({ code: 'CB_CLIENT_MISSING' })
    await expect(start).rejects.toThrow("Correct 'executable' ('no/such/claude')")
    await expect(loadSdk(undefined, 'claude')).rejects.toMatchObject({ code: 'CB_CLIENT_MISSING' })
    await expect(loadSdk(undefined, 'claude')).rejects.toThrow(
      'npm install --save-dev @anthropic-ai/claude-agent-sdk@0.3.329',
    )
  })

  test('is refused at another version', async () => {
    const other = { entry: 'x', version: '0.3.330', executable: undefined }
    await expect(loadSdk(other, 'claude')).rejects.toMatchObject({ code: 'CB_CLIENT_VERSION' })
  })

  test('takes no SDK of another version from the repository', async () => {
    const home = join(folder, 'node_modules/@anthropic-ai/claude-agent-sdk')
    await mkdir(home, { recursive: true })
    await writeFile(join(home, 'package.json'), '{"version":"9.9.9","type":"module","exports":"./sdk.mjs"}')
    await writeFile(join(home, 'sdk.mjs'), '')
    const sdk = await findSdk()
    expect(sdk?.version).toBe('0.3.329')
    expect(sdk?.entry).not.toContain(folder)
  })

  test('tells what it found, and whether somebody is logged in, and starts nothing', async () => {
    const check = (settings: ClaudeOptions, env = {}) => claude(settings).check?.({ env, repo: folder })
    const executable = await tellsItsVersion('2.1.329 (Claude Code)')
    const found = `Claude Agent SDK 0.3.329 (${executable})`
    expect(await check({ executable }, { CLAUDE_CODE_OAUTH_TOKEN: 't' })).toEqual({
      ok: true,
      found,
      cure: '',
      login: true,
    })
    expect(await check({ executable })).toMatchObject({
      ok: false,
      login: false,
      cure: expect.stringMatching(/ANTHROPIC_API_KEY/),
    })
    expect(await check({ executable, baseUrl: 'http://127.0.0.1:1' })).toMatchObject({ ok: true, login: false })
    expect(await check({ executable: 'nowhere' }, { ANTHROPIC_API_KEY: 'k' })).toMatchObject({ ok: false, login: true })
    expect(await readdir(folder)).toEqual(['client', 'node_modules'])
  })

  test.each(['2.1.330 (Claude Code)', 'v24.21.0'])('is no known client where it says %o', async (version) => {
    const executable = await tellsItsVersion(version)
    const check = await claude({ executable }).check?.({ env: { ANTHROPIC_API_KEY: 'k' }, repo: folder })
    expect(check).toMatchObject({
      ok: false,
      found: expect.stringMatching(/client of version (2\.1\.330|unknown) .*wanted 2\.1\.329$/),
      cure: 'npm install --save-dev @anthropic-ai/claude-agent-sdk@0.3.329',
    })
  })

  async function tellsItsVersion(version: string): Promise<string> {
    const file = join(folder, 'client')
    await writeFile(file, `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 })
    return file
  }
})
