import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Script, type ScriptMoment, type ScriptStep, scripted } from '../../../adapters/frameworks/scripted.ts'
import type { SessionTool } from '../../../core/ports/framework.ts'
import type { ModelScript, ModelStep } from '../../contracts/framework/model-script.ts'
import { type Answer, play, readFiles, stage } from '../../contracts/framework/stage.ts'
import { frameworkContract } from '../../contracts/framework.ts'

const kinds: Readonly<Record<number, 'auth' | 'rate-limit' | 'overloaded'>> = {
  401: 'auth',
  429: 'rate-limit',
  500: 'overloaded',
}

function stepOf(step: ModelStep): ScriptStep {
  if ('native' in step) return { call: step.native, input: step.input }
  if ('status' in step) return { fail: kinds[step.status]! }
  if ('silence' in step) return { wait: 3_600_000 }
  return step
}

const turnsOf = (script: ModelScript): Script => ({
  turns: Object.entries(script).map(([when, responses]) => ({
    role: 'coder',
    when,
    steps: responses.flat().map(stepOf),
  })),
})

frameworkContract(
  'scripted',
  async () => {
    let script: Script = { turns: [] }
    return {
      framework: () => scripted({ id: 'test', family: 'none', script }),
      script(next) {
        script = turnsOf(next)
      },
      key: 'sk-none',
      async close() {},
    }
  },
  { processes: false },
)

let set: Awaited<ReturnType<typeof stage>>
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'script-'))
  set = await stage(() => scripted({ family: 'none', script: { turns: [] } }), {}, folder)
})
afterAll(async () => {
  await set.strike()
  await rm(folder, { recursive: true, force: true })
})

interface Given {
  script: Parameters<typeof scripted>[0]['script']
  worker?: string
  resume?: string
  tools?: readonly SessionTool[]
  answer?: Answer
}

const enter = ({ script, worker = 'coder-scripted-0', ...more }: Given) =>
  set.enter({ framework: scripted({ family: 'none', script }), worker, ...more })

const said = async (session: Parameters<typeof play>[0], prompt: string) => {
  const { said, outcome } = await play(session, prompt)
  return [said, outcome]
}

describe('a script', () => {
  test('plays the turns of the role in their order, each once', async () => {
    const turns = ['one', 'two'].map((say) => ({ role: 'coder', steps: [{ say }] }))
    const { session } = await enter({ script: { turns: [{ role: 'planner', steps: [{ say: 'no' }] }, ...turns] } })
    expect(await said(session, 'x')).toEqual(['one', 'done'])
    expect(session.token).toBe('scripted.1')
    expect(await said(session, 'x')).toEqual(['two', 'done'])
    expect(session.token).toBe('scripted.1,2')
  })

  test('prefers nothing to order: the first turn whose `when` and `round` fit', async () => {
    const turns = [
      { role: 'coder', when: 'login', steps: [{ say: 'login' }] },
      { role: 'coder', round: 2, steps: [{ say: 'second' }] },
      { role: 'coder', steps: [{ say: 'any' }] },
    ]
    const { session } = await enter({ script: { turns } })
    expect(await said(session, 'the page')).toEqual(['any', 'done'])
    expect(await said(session, 'the page')).toEqual(['second', 'done'])
    expect(await said(session, 'the login page')).toEqual(['login', 'done'])
  })

  test('knows the role of a worker, whatever holds dashes', async () => {
    const script = { turns: ['code-reviewer', 'odd'].map((role) => ({ role, steps: [{ say: role }] })) }
    const workers = ['code-reviewer-my-own-2', 'code-reviewer-other-12', 'odd-1', 'odd']
    const roles = workers.map(async (worker) => {
      const framework = scripted({ id: 'my-own', family: 'none', script })
      return (await play((await set.enter({ framework, worker })).session, 'x')).said
    })
    expect(await Promise.all(roles)).toEqual(['code-reviewer', 'code-reviewer', '', 'odd'])
  })

  test('fails a turn that it has not, and says which it has', async () => {
    const { session } = await enter({ script: { turns: [{ role: 'coder', when: 'tests', steps: [] }] } })
    const { outcome, usage } = await play(session, 'Write code.')
    expect(outcome).toEqual({
      kind: 'malformed',
      detail:
        "the script has no turn for role 'coder', round 1 of its session, that fits the prompt. It has 0: coder when 'tests'. The prompt begins: Write code.",
    })
    expect(usage).toEqual({ inputTokens: 100, outputTokens: 10 })
    expect(session.token).toBe('scripted.')
  })

  test('plays the same turn again after a kill in its middle, and goes on where ended turns stopped', async () => {
    const turns = ['one', 'two', 'three'].map((say) => ({ role: 'coder', steps: [{ say }] }))
    const { session } = await enter({ script: { turns } })
    await play(session, 'x')
    for await (const _ of session.prompt('x')) break
    const { token } = session
    expect(token).toBe('scripted.0')
    const again = await enter({ script: { turns }, resume: token })
    expect(await said(again.session, 'x')).toEqual(['two', 'done'])
  })

  test('starts anew from the token of something else', async () => {
    const { session } = await enter({
      script: { turns: [{ role: 'coder', steps: [{ say: 'one' }] }] },
      resume: 'abc-1',
    })
    expect(await said(session, 'x')).toEqual(['one', 'done'])
  })

  test('counts a turn that it fails itself as played, so that a retry goes on', async () => {
    const turns = [
      {
        role: 'coder',
        steps: [{ say: 'a' }, { fail: 'rate-limit', detail: 'slow down', retryAfter: 50 }, { say: 'b' }],
      },
      { role: 'coder', steps: [{ say: 'c' }] },
    ]
    const { session } = await enter({ script: { turns } })
    expect(await said(session, 'x')).toEqual(['a', { kind: 'rate-limit', detail: 'slow down', retryAfter: 50 }])
    expect(await said(session, 'x')).toEqual(['c', 'done'])
  })

  test('ends a turn whose call gave something else than expected, with the call and what came', async () => {
    const call = { call: 'read_files', input: { paths: ['a'] } }
    const outcome = async (expect: 'ok' | 'error' | { contains: string }, answer: Answer) => {
      const turns = [{ role: 'coder', steps: [{ ...call, expect }] }]
      const { session } = await enter({ script: { turns }, answer })
      return (await play(session, 'x')).outcome
    }
    const ok: Answer = () => ({ ok: true, output: 'all 3 passed' })
    const error: Answer = () => ({ ok: false, output: 'no such file' })
    expect(await outcome('ok', ok)).toBe('done')
    expect(await outcome('error', error)).toBe('done')
    expect(await outcome({ contains: '3 passed' }, ok)).toBe('done')
    const wrong = [
      await outcome('ok', error),
      await outcome('error', ok),
      await outcome({ contains: '4 passed' }, ok),
    ] as { kind: string; detail: string }[]
    expect(wrong.map(({ kind, detail }) => `${kind}: ${detail}`)).toEqual([
      "malformed: the call of 'read_files' was expected to give 'ok'; it gave an error: no such file",
      "malformed: the call of 'read_files' was expected to give 'error'; it gave ok: all 3 passed",
      "malformed: the call of 'read_files' was expected to give a result that contains '4 passed'; it gave ok: all 3 passed",
    ])
  })

  test('sends a call of a tool that was not given to the gate all the same', async () => {
    const turns = [{ role: 'coder', steps: [{ call: 'run_command', input: { argv: ['id'] }, expect: 'error' }] }]
    const { session, called } = await enter({ script: { turns } })
    expect((await play(session, 'x')).outcome).toBe('done')
    expect(called.map(({ name }) => name)).toEqual(['run_command'])
  })

  test('sums the usage it names, and says 100 in and 10 out where it names none', async () => {
    const usage = { inputTokens: 5, outputTokens: 2, cachedTokens: 1, usd: 0.25 }
    const turns = [
      { role: 'coder', steps: [{ usage }, { usage }] },
      { role: 'coder', steps: [] },
    ]
    const { session } = await enter({ script: { turns } })
    const first = await play(session, 'x')
    expect(first.events.filter(({ type }) => type === 'usage')).toEqual([
      { type: 'usage', usage },
      { type: 'usage', usage },
    ])
    expect((await play(session, 'x')).usage).toEqual({ inputTokens: 100, outputTokens: 10 })
  })

  test('an abort ends a wait at once, and the turn is played again', async () => {
    const { session } = await enter({ script: { turns: [{ role: 'coder', steps: [{ wait: 60_000 }] }] } })
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 50)
    const began = performance.now()
    expect((await play(session, 'x', { signal: abort.signal })).outcome).toBe('cancelled')
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(session.token).toBe('scripted.')
  })

  test('an abort ends a call that does not heed its signal', async () => {
    const turns = [{ role: 'coder', steps: [{ call: 'read_files', input: {} }] }]
    const { session } = await enter({ script: { turns }, answer: () => new Promise(() => undefined) })
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 50)
    const began = performance.now()
    expect((await play(session, 'x', { signal: abort.signal })).outcome).toBe('cancelled')
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe('a script in a file', () => {
  test('is read from the repository', async () => {
    await writeFile(join(folder, 'band.json'), JSON.stringify({ turns: [{ role: 'coder', steps: [{ say: 'hi' }] }] }))
    const { session } = await enter({ script: 'band.json' })
    expect(await said(session, 'x')).toEqual(['hi', 'done'])
  })

  test.each([
    ['no-such.json', undefined, /ENOENT/],
    ['broken.json', '{ "turns": [', /JSON/],
    ['empty.json', '{}', /turns: Invalid input/],
    ['no-role.json', '{ "turns": [{ "steps": [] }] }', /turns\.0\.role: /],
    ['typo.json', '{ "turns": [{ "role": "a", "steps": [], "whem": "" }] }', /turns\.0: Unrecognized key: "whem"/],
    [
      'step.json',
      '{ "turns": [{ "role": "a", "steps": [{ "shout": "" }] }] }',
      /steps\.0: not one of say, think, call/,
    ],
    ['kind.json', '{ "turns": [{ "role": "a", "steps": [{ "fail": "sad" }] }] }', /steps\.0\.fail: Invalid option/],
    [
      'two.json',
      '{ "turns": [{ "role": "a", "steps": [{ "say": "a", "wait": 1 }] }] }',
      /steps\.0: Unrecognized key: "wait"/,
    ],
  ])('that is wrong (%s) is refused with the file and the reason', async (name, content, reason) => {
    const file = join(folder, name)
    if (content !== undefined) await writeFile(file, content)
    const starting = enter({ script: name })
    await expect(starting).rejects.toMatchObject({ code: 'CB_SCRIPT_INVALID', values: { file } })
    await expect(starting).rejects.toThrow(reason)
    const framework = scripted({ family: 'none', script: name })
    expect(await framework.check?.({ env: {}, repo: folder })).toMatchObject({
      ok: false,
      found: expect.stringMatching(reason),
    })
  })
})

describe('a script that is a function', () => {
  test('gets the moment and gives the steps', async () => {
    const seen: ScriptMoment[] = []
    const script = (turn: ScriptMoment): ScriptStep[] => {
      seen.push(turn)
      return [{ say: `turn ${turn.played}` }]
    }
    const { session } = await enter({ script, resume: 'scripted.0' })
    expect(await said(session, 'Do it.')).toEqual(['turn 1', 'done'])
    expect(seen).toMatchObject([
      {
        role: 'coder',
        worker: 'coder-scripted-0',
        prompt: 'Do it.',
        systemPrompt: 'You are on a stage.',
        played: 1,
        tools: [readFiles, {}],
      },
    ])
    expect(session.token).toBe('scripted.0,1')
  })

  test('may be a generator that sees the results of its calls', async () => {
    async function* script(): AsyncGenerator<ScriptStep, void, { output: string } | undefined> {
      const first = yield { call: 'read_files', input: { paths: ['a'] } }
      const none = yield { say: `got ${first?.output}; ` }
      yield { say: `${none}` }
    }
    const { session } = await enter({ script, answer: () => ({ ok: true, output: 'A' }) })
    expect(await said(session, 'x')).toEqual(['got A; undefined', 'done'])
  })

  test('that throws, or yields what is no step, fails the turn and not the process', async () => {
    const throwing = await enter({
      script: () => {
        throw new Error('oh')
      },
    })
    expect(await said(throwing.session, 'x')).toEqual(['', { kind: 'crashed', detail: 'the script threw: oh' }])
    const wrong = await enter({ script: () => [{ shout: 'x' } as unknown as ScriptStep] })
    expect((await play(wrong.session, 'x')).outcome).toMatchObject({
      kind: 'malformed',
      detail: expect.stringMatching(/shout/),
    })
  })

  test('that hangs is given up on an abort and closed', async () => {
    let closed = false
    async function* script(): AsyncGenerator<ScriptStep, void, unknown> {
      try {
        yield { say: 'a' }
        await sleep(300)
        yield { say: 'b' }
      } finally {
        closed = true
      }
    }
    const { session } = await enter({ script })
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 50)
    expect(await play(session, 'x', { signal: abort.signal })).toMatchObject({ said: 'a', outcome: 'cancelled' })
    await sleep(400)
    expect(closed).toBe(true)
  })
})

test('the example of docs/scripted.md plays as the page says', async () => {
  const page = await readFile(fileURLToPath(new URL('../../../docs/scripted.md', import.meta.url)), 'utf8')
  const script = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)![1]!) as Script
  const tests = ['11/12 passed', '12/12 passed']
  const answer: Answer = ({ name }) =>
    name === 'run_tests' ? { ok: tests.length === 1, output: tests.shift()! } : { ok: true, output: 'ok' }
  const tools = ['read_files', 'write_file', 'run_tests'].map((name) => ({ ...readFiles, name }))
  const { session, called } = await enter({ script, tools, answer })
  const first = await play(session, 'Subtask jwt: Check the signature')
  expect(first).toMatchObject({ outcome: 'done', usage: { inputTokens: 1200, outputTokens: 80 } })
  const limited = await play(session, 'The reviewer asks for changes')
  expect(limited.outcome).toEqual({ kind: 'rate-limit', detail: 'slow down', retryAfter: 100 })
  expect(called.map(({ name }) => name)).toEqual(['read_files', 'write_file', 'run_command', 'run_tests'])
  const reviewer = await enter({ script, worker: 'code-reviewer-scripted-0' })
  expect(await play(reviewer.session, 'Review it')).toMatchObject({ outcome: 'done' })
})
