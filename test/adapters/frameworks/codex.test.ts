import { existsSync } from 'node:fs'
import { chmod, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { wireTools } from '../../../adapters/frameworks/codex/tools.ts'
import { type CodexOptions, codex } from '../../../adapters/frameworks/codex.ts'
import { CodebandError } from '../../../core/errors.ts'
import type { SessionOptions } from '../../../core/ports/framework.ts'
import { type ModelStep, responseTo } from '../../contracts/framework/model-script.ts'
import { type FrameworkDriver, frameworkContract } from '../../contracts/framework.ts'
import { call, delay, fault, openaiStandIn, reasoning, type Step, text, usage } from '../../stand-ins/openai.ts'
import {
  clientsOf,
  ends,
  executable,
  key,
  missing,
  type Opened,
  readFiles,
  realCodex,
  search,
  turn,
  until,
} from './codex/real-codex.ts'

const patience = { requestRetries: 0, streamRetries: 0 }

for (const model of ['gpt-5.5', 'gpt-6-sol']) {
  if (missing) describe.skip(`codex on ${model} keeps the framework contract: ${missing}`, () => undefined)
  else frameworkContract(`codex on ${model}`, () => driver(model), { processes: true })
}

/** Codex on the stand-in, which plays the suite's scripts. */
async function driver(model: string): Promise<FrameworkDriver> {
  const api = await openaiStandIn()
  const wire = wireTools([readFiles, search]).specs.map(({ name }) => name)
  const own = (name: string) => [readFiles, search][wire.indexOf(name)]?.name ?? name
  const step = (one: ModelStep): Step => {
    if ('say' in one) return text(one.say)
    if ('think' in one) return reasoning(one.think)
    if ('call' in one) return call(wire[[readFiles.name, search.name].indexOf(one.call)] ?? one.call, one.input)
    if ('native' in one) return call(one.native, one.input)
    if ('usage' in one) return usage(one.usage.inputTokens, one.usage.outputTokens)
    return fault('status' in one ? one.status : 'stall')
  }
  return {
    framework: () => codex({ executable, model, baseUrl: api.url, provider: patience }),
    env: { OPENAI_API_KEY: key },
    key,
    script(script) {
      api.turns.length = 0
      api.setScript(({ prompt, step: results }) => responseTo(script, { prompt, results }).map(step))
    },
    requests: () =>
      api.turns.map(({ body, tools }) => {
        const plain = tools.map((name) => own(name.replace(/^functions\./, '')))
        // The one tool that no switch of the client hides; see the adapter for why it is inert.
        return { text: JSON.stringify(body), tools: plain.filter((name) => name !== 'request_user_input') }
      }),
    close: () => api.close(),
  }
}

const real = realCodex()
const { place, play, start } = real

describe.skipIf(missing !== '')(`codex${missing && `: ${missing}`}`, () => {
  describe('a turn', () => {
    test('reaches the model with our prompt and exactly our tools, and comes back as events', async () => {
      play((t) =>
        t.step
          ? [usage(70, 7, 50), text('It says read.')]
          : [reasoning('hm'), call('read_files', { paths: ['a'] }, { id: 'c1' }), usage(100, 10)],
      )
      const { session, called } = await start({ tools: [readFiles, search] })
      expect(await turn(session, 'Read a.')).toEqual([
        { type: 'thinking', delta: 'hm' },
        { type: 'usage', usage: { inputTokens: 100, outputTokens: 10 } },
        { type: 'text', delta: 'It says read.' },
        { type: 'usage', usage: { inputTokens: 70, outputTokens: 7, cachedTokens: 50 } },
        { type: 'turn-end', outcome: 'done' },
      ])
      expect(called.map(({ name, input, id }) => ({ name, input, id }))).toEqual([
        { name: 'read_files', input: { paths: ['a'] }, id: 'c1' },
      ])
      expect(real.api.turns[0]!.tools).toEqual(['request_user_input', 'read_files', 'mcp_github_search'])
      expect(real.api.turns[1]!.outputs).toEqual([{ id: 'c1', output: 'read' }])
      expect(JSON.stringify(real.api.turns[0]!.body.input)).toContain('You read files.')
      expect(real.api.turns[0]!.texts).toEqual(['Read a.'])
    })

    test('shows a second message as a paragraph of its own', async () => {
      play((t) => (t.step ? text('Done.') : [text('I look.'), call('read_files', { paths: [] })]))
      const { session } = await start()
      const said = (await turn(session)).flatMap((event) => (event.type === 'text' ? [event.delta] : []))
      expect(said.join('')).toBe('I look.\n\nDone.')
    })

    test('of a message that the client asked for again shows the same text once', async () => {
      const long = 'x'.repeat(200)
      play((t) => (t.n === 0 ? [text(long), fault('truncate')] : text(`${long} and on`)))
      const { session } = await start({}, { provider: { requestRetries: 0, streamRetries: 1 } })
      const events = await turn(session)
      expect(events.flatMap((event) => (event.type === 'text' ? [event.delta] : [])).join('')).toBe(`${long} and on`)
      expect(ends(events)).toEqual([{ type: 'turn-end', outcome: 'done' }])
    })

    test('gives the refusal of a call to the model as a failed call', async () => {
      play((t) => (t.step ? text('ok') : call('read_files', { paths: ['/etc/passwd'] })))
      const { session } = await start({ answer: () => ({ ok: false, output: 'denied: path-outside-root' }) })
      await turn(session)
      expect(real.api.turns[1]!.outputs.map(({ output }) => output)).toEqual(['denied: path-outside-root'])
    })

    test('gives a repeated call id to the gate as another call', async () => {
      const twice = call('read_files', { paths: ['a'] }, { id: 'same' })
      play((t) => (t.step ? text('ok') : [twice, twice]))
      const { session, called } = await start()
      await turn(session)
      expect(called.map(({ id }) => id)).toEqual(['same', 'same#2'])
    })

    test('takes effort and model of the session, and their changes, per turn', async () => {
      play(() => text('ok'))
      const { session } = await start({ effort: 'high' })
      await turn(session)
      await session.setEffort!('low')
      await session.setModel!('gpt-6-sol')
      await turn(session)
      const [first, last] = [real.api.turns[0]!, real.api.turns.at(-1)!].map(({ model, effort, tools }) => ({
        model,
        effort,
        tools,
      }))
      expect(first).toEqual({ model: 'gpt-5.5', effort: 'high', tools: ['request_user_input', 'read_files'] })
      const tools = ['functions.request_user_input', 'functions.read_files']
      expect(last).toEqual({ model: 'gpt-6-sol', effort: 'low', tools })
    })

    test('hears what is added while it runs', async () => {
      play((t) => (t.n > 0 ? text('ok') : call('read_files', { paths: [] })))
      const { session } = await start({
        async answer() {
          await session.steer!('Also read b.')
          return { ok: true, output: 'read' }
        },
      })
      expect(ends(await turn(session))).toEqual([{ type: 'turn-end', outcome: 'done' }])
      expect(real.api.turns.at(-1)!.texts).toEqual(['go', 'Also read b.'])
      await expect(session.steer!('too late')).rejects.toThrow(/outside a turn/)
    })

    test.each([
      [fault(401), 'auth'],
      [fault(429, { code: 'insufficient_quota', type: 'insufficient_quota' }), 'quota'],
      [fault(429), 'rate-limit'],
      [fault(500), 'overloaded'],
      [fault(529), 'overloaded'],
      [fault('drop'), 'overloaded'],
      [fault(400, { code: 'context_length_exceeded' }), 'context'],
      [fault('failed', { code: 'cyber_policy' }), 'refusal'],
      [fault('incomplete', { code: 'content_filter' }), 'refusal'],
      [fault('truncate'), 'malformed'],
      [fault('malformed'), 'malformed'],
      [fault(400), 'malformed'],
      [fault('stall'), 'stalled'],
    ] as const)('ends with the failure that the API gave: %o is %s', async (step, kind) => {
      play(() => step)
      const { session } = await shared()
      const events = await turn(session)
      expect(events).toEqual([{ type: 'turn-end', outcome: { kind, detail: expect.stringMatching(/./) } }])
    })

    test('says how long a limited rate lasts, and the session goes on afterwards', async () => {
      const message = 'Rate limit reached for x. Please try again in 11.05s.'
      play((t) => (t.n === 0 ? fault('failed', { code: 'rate_limit_exceeded', message }) : text('ok')))
      const { session } = await shared()
      const detail = `rate limit exceeded: ${message}`
      expect(await turn(session)).toEqual([
        { type: 'turn-end', outcome: { kind: 'rate-limit', retryAfter: 11_050, detail } },
      ])
      expect(ends(await turn(session))).toEqual([{ type: 'turn-end', outcome: 'done' }])
    })
  })

  /** One session for the turns that leave nothing behind. */
  let common: Promise<Opened> | undefined
  const shared = () => {
    common ??= start({}, { provider: { requestRetries: 0, streamRetries: 0, idleMs: 700 } })
    return common
  }

  describe('the end of a turn', () => {
    test('an abort while the model is silent cancels within two seconds, and the session goes on', async () => {
      play((t) => (t.n === 0 ? fault('stall') : text('ok')))
      const { session } = await start()
      const began = performance.now()
      expect(await turn(session, 'go', AbortSignal.timeout(300))).toEqual([{ type: 'turn-end', outcome: 'cancelled' }])
      expect(performance.now() - began).toBeLessThan(2_300)
      expect(ends(await turn(session))).toEqual([{ type: 'turn-end', outcome: 'done' }])
    })

    test('an abort during a call aborts the call too, even one that never answers', async () => {
      play((t) => (t.step ? text('ok') : call('read_files', { paths: [] })))
      const abort = new AbortController()
      const { session, called } = await start({
        answer() {
          abort.abort()
          return new Promise(() => undefined)
        },
      })
      const began = performance.now()
      expect(ends(await turn(session, 'go', abort.signal))).toEqual([{ type: 'turn-end', outcome: 'cancelled' }])
      expect(performance.now() - began).toBeLessThan(2_000)
      expect(called[0]!.signal.aborted).toBe(true)
    })

    test('an abort before it begins starts nothing', async () => {
      play(() => text('ok'))
      const { session } = await shared()
      expect(await turn(session, 'go', AbortSignal.abort())).toEqual([{ type: 'turn-end', outcome: 'cancelled' }])
      expect(real.api.turns).toEqual([])
    })

    test('a client that is stopped and hears nothing is killed in time, and the turn has crashed', async () => {
      play(() => fault('stall'))
      const { session, at } = await start()
      const abort = new AbortController()
      const ended = turn(session, 'go', abort.signal)
      await until(() => real.api.turns.length === 1)
      const [pid] = await clientsOf(at)
      process.kill(pid!, 'SIGSTOP')
      const began = performance.now()
      abort.abort()
      expect(await ended).toEqual([
        { type: 'turn-end', outcome: { kind: 'crashed', detail: expect.stringContaining('was killed') } },
      ])
      expect(performance.now() - began).toBeLessThan(2_000)
      await session.close()
      expect(await clientsOf(at)).toEqual([])
    })

    test('a client that dies ends the turn as crashed, and later turns too', async () => {
      play(() => fault('stall'))
      const { session, at } = await start()
      const ended = turn(session)
      await until(() => real.api.turns.length === 1)
      process.kill((await clientsOf(at))[0]!, 'SIGKILL')
      const crash = { type: 'turn-end', outcome: { kind: 'crashed', detail: expect.stringContaining('unexpectedly') } }
      expect(await ended).toEqual([crash])
      expect(await turn(session)).toEqual([crash])
    })

    test('a reader that leaves has ended the turn', async () => {
      play((t) => (t.n === 0 ? [text('one'), fault('stall')] : text('two')))
      const { session } = await start()
      for await (const event of session.prompt('go')) if (event.type === 'text') break
      expect(ends(await turn(session))).toEqual([{ type: 'turn-end', outcome: 'done' }])
    })

    test('closing in the middle cancels it, leaves no process, and may be done twice', async () => {
      play(() => fault('stall'))
      const { session, at } = await start()
      const ended = turn(session)
      await until(() => real.api.turns.length === 1)
      await Promise.all([session.close(), session.close()])
      expect(await ended).toEqual([{ type: 'turn-end', outcome: 'cancelled' }])
      expect(await clientsOf(at)).toEqual([])
      expect(await turn(session)).toEqual([{ type: 'turn-end', outcome: 'cancelled' }])
    })

    test('a second prompt during a turn is a mistake of the caller', async () => {
      play(() => [delay(200), text('ok')])
      const { session } = await shared()
      const first = turn(session)
      await expect(turn(session)).rejects.toThrow(/during its turn/)
      expect(ends(await first)).toEqual([{ type: 'turn-end', outcome: 'done' }])
    })
  })

  describe('a client', () => {
    const fake = async (script: string) => {
      const file = join((await place()).home, 'codex')
      await writeFile(file, `#!/bin/sh\n${script}\n`)
      await chmod(file, 0o755)
      return file
    }
    const refused = (settings: CodexOptions, more: Partial<SessionOptions> = {}) =>
      start({ env: { PATH: '/nowhere' }, ...more }, settings).then(
        () => 'started',
        (error: unknown) => (CodebandError.is(error) ? `${error.code} ${error.message}` : String(error)),
      )

    test('of another version is refused with the command that installs the right one', async () => {
      const old = await fake('echo codex-cli 0.170.1')
      expect(await refused({ executable: old })).toMatch(
        /^CB_CLIENT_VERSION .*0\.170\.1.*npm install --save-dev @openai\/codex@0\.169/,
      )
      expect(await codex({ executable: old }).check!({ env: {}, repo: '/' })).toMatchObject({ ok: false })
    })

    test('that is no codex at all is refused', async () => {
      expect(await refused({ executable: '/bin/true' })).toMatch(/^CB_CLIENT_VERSION /)
    })

    test('that is missing is named with its cure', async () => {
      expect(await refused({ executable: '/no/such/codex' })).toMatch(/^CB_CLIENT_MISSING .*npm install/)
      expect(await codex({ executable: '/no/such/codex' }).check!({ env: {}, repo: '/' })).toEqual({
        ok: false,
        found: 'codex was not found',
        cure: 'npm install --save-dev @openai/codex@0.169.0',
        login: false,
      })
    })

    test('is found on PATH, and is checked without a trace', async () => {
      const at = await place()
      await symlink(executable, join(at.home, 'codex'))
      const env = { PATH: at.home, HOME: at.cwd, OPENAI_API_KEY: key }
      const check = await codex().check!({ env, repo: at.cwd })
      expect(check).toEqual({ ok: true, found: expect.stringMatching(/^codex 0\.169\.\d+ \(/), cure: '', login: true })
      expect(await codex().check!({ env: { PATH: at.home, HOME: at.cwd }, repo: at.cwd })).toMatchObject({
        ok: false,
        login: false,
      })
      expect(await readdir(at.cwd)).toEqual([])
      expect(existsSync('/nonexistent')).toBe(false)
    })

    test('does not start where its own configuration cannot be written', async () => {
      const at = await place()
      await writeFile(join(at.home, 'codex'), 'a file in the way')
      await expect(start({ at })).rejects.toThrow(/EEXIST|ENOTDIR/)
    })
  })
})
