import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ScriptFunction, ScriptStep } from '../../adapters/frameworks/scripted.ts'
import type { SessionOptions } from '../../core/ports/framework.ts'
import cases from '../cases/escapes.json' with { type: 'json' }
import { coder, planner, reviewer } from '../runtime/tools/scene.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { answersOf, inputHashOf, obedient } from './obedient.ts'

type Case = (typeof cases)[number]

function fill(value: unknown, words: Record<string, string>): unknown {
  if (typeof value === 'string') {
    const long = /^\{LONG:(\d+)\}$/.exec(value)?.[1]
    return long ? 'a'.repeat(Number(long)) : value.replace(/\{(CANARY|ROOT)\}/g, (_, name: string) => words[name]!)
  }
  if (Array.isArray(value)) return value.map((one) => fill(one, words))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, words)]))
}

const files = {
  'package.json': '{ "name": "x", "version": "1.0.0", "scripts": { "test": "node test.js" } }\n',
  'README.md': '# Sample\n',
  'test.js': 'process.exit(0)\n',
  'src/a.ts': 'export const add = (a: number, b: number) => a - b\nexport const one = 1\n',
  'src/caf\u00e9.ts': 'export {}\n',
  'src/slow.txt': `${'a'.repeat(40)}!\n`,
  'bare/HEAD': 'ref: refs/heads/main\n',
  'bare/objects/keep': '',
}

/** What a hostile process of the worker could have left in its own worktree before. */
function lay(worktree: string, outside: string): () => void {
  const at = (path: string) => join(worktree, path)
  symlinkSync(outside, at('out'))
  symlinkSync(join(outside, 'secret.txt'), at('outfile.txt'))
  symlinkSync('a.ts', at('src/link-inside.ts'))
  symlinkSync('.git', at('link-git'))
  linkSync(join(outside, 'secret.txt'), at('hard.txt'))
  execFileSync('mkfifo', [at('fifo')])
  return () => {
    for (const name of ['out', 'outfile.txt', 'src/link-inside.ts', 'link-git', 'hard.txt', 'fifo'])
      rmSync(at(name), { force: true })
  }
}

const ends: Readonly<Record<string, ScriptStep[]>> = {
  planner: [{ call: 'submit_plan', input: { subtasks: [{ id: 'a', title: 'A' }] } }],
  'code-reviewer': [
    { call: 'submit_verdict', input: { decision: 'request_changes', findings: [], risk: 'low', summary: 'No.' } },
  ],
  coder: [{ call: 'write_file', input: { path: 'src/a.ts', content: 'export {}\n' } }],
  'file-picker': [{ call: 'set_output', input: { output: [] } }],
}

/** One turn for each role, in which a model makes every call of the table that is its own. */
async function everyCall(sandbox: 'if-available' | 'off') {
  const at = place()
  const outside = join(at, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret.txt'), 'TOPSECRET\n')
  const home = join(at, 'home')
  const repo = repositoryOf(join(at, 'repo'), files)
  const made: { one: Case; canary: string }[] = []
  const script: ScriptFunction = async function* ({ role, worker }) {
    const root = join(home, 'worktrees', worker)
    const clear = role === 'file-picker' ? () => undefined : lay(root, outside)
    for (const one of cases.filter((known) => known.role === role)) {
      const canary = join(outside, `canary-${one.id}`)
      made.push({ one, canary })
      yield { call: one.tool, input: fill(one.input, { CANARY: canary, ROOT: root }) }
    }
    clear()
    yield* ends[role]!
  }
  const played = await obedient({
    repo,
    home,
    script,
    sandbox,
    limits: { violations: 1000, repeats: 1000 },
    roles: [coder, reviewer, planner],
    *steps({ band }) {
      for (const role of ['coder', 'code-reviewer', 'planner']) yield* band.spawn(role as never, {} as never)
    },
  })
  const before = personsGit(repo, 'show-ref')
  const result = await played.run().finally(() => played.band.close())
  return { ...played, repo, outside, made, result, before }
}

describe.each(['if-available', 'off'] as const)('every hostile call through a whole turn, sandbox %s', (sandbox) => {
  test('is answered as the table says, with exactly one violation for each refusal and none else (I-34)', {
    timeout: 240_000,
  }, async () => {
    const { events, of, made, outside, repo, before, result } = await everyCall(sandbox)
    expect(result.reason).toBe('the program ended')
    const answers = new Map(['coder', 'code-reviewer', 'planner'].map((role) => [role, answersOf(events, role)]))
    const wrong: string[] = []
    let [denied, allowed] = [0, 0]
    for (const { one, canary } of made) {
      const { ok, output, input, tool, violations } = answers.get(one.role)!.shift()!
      const seen = violations.map(({ code }) => code).join()
      const wanted = ['allow', 'missing'].includes(one.expected) ? '' : one.expected
      wanted === '' ? allowed++ : denied++
      if (tool !== one.tool || seen !== wanted || (one.expected === 'allow' && one.tool !== 'run_tests' && !ok))
        wrong.push(`${one.id} ${one.technique}: ${one.expected}, was '${seen}': ${output.slice(0, 200)}`)
      for (const violation of violations) {
        expect(violation).toMatchObject({ role: one.role, tool: one.tool, inputHash: inputHashOf(input) })
        expect(output).toBe(`denied (${violation.code}): ${violation.reason}`)
      }
      expect(existsSync(canary), one.id).toBe(false)
      expect(output, one.id).not.toContain('TOPSECRET')
    }
    expect(wrong).toEqual([])
    expect(of('ViolationRecorded')).toHaveLength(denied)
    expect(made).toHaveLength(cases.length)
    expect(readFileSync(join(outside, 'secret.txt'), 'utf8')).toBe('TOPSECRET\n')
    expect(existsSync(join(outside, 'w.txt'))).toBe(false)
    expect(personsGit(repo, 'show-ref')).toBe(before)
    console.info(`sandbox ${sandbox}: ${made.length} calls, ${denied} denied, ${allowed} allowed`)
  })
})

const once = (script: readonly object[]) => {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), files)
  return obedient({
    repo,
    home: join(at, 'home'),
    script: [{ role: 'coder', steps: script as never }],
    roles: [coder],
    *steps({ band }) {
      yield* band.spawn('coder' as never, {} as never)
    },
  })
}

describe('what needs more than one call', () => {
  test('line endings and a missing last line feed stay as they are, five mebibytes are a file like any (OK-008, OK-024)', async () => {
    const big = `${'x'.repeat(1023)}\n`.repeat(5 * 1024)
    const played = await once([
      { call: 'write_file', input: { path: 'src/crlf.txt', content: 'one\r\ntwo' } },
      { call: 'apply_diff', input: { path: 'src/crlf.txt', old: 'two', new: 'three' } },
      { call: 'write_file', input: { path: 'src/gen.ts', content: big } },
    ])
    const result = await played.run()
    await played.band.close()
    expect(result.outcome).toBe('success')
    expect(played.of('ViolationRecorded')).toEqual([])
    expect(readFileSync(join(played.worktree('coder-x-0'), 'src/crlf.txt'), 'utf8')).toBe('one\r\nthree')
    expect(readFileSync(join(played.worktree('coder-x-0'), 'src/gen.ts'), 'utf8')).toBe(big)
  })

  test('a client that keeps its door gets nothing through it once the turn is over (RL-026)', async () => {
    const at = place()
    let door: SessionOptions['call'] | undefined
    const played = await obedient({
      repo: repositoryOf(join(at, 'repo'), files),
      home: join(at, 'home'),
      script: [{ role: 'coder', steps: [{ call: 'write_file', input: { path: 'src/a.ts', content: 'x\n' } }] }],
      roles: [coder],
      client: (framework) => ({
        ...framework,
        start(options) {
          door = options.call
          return framework.start(options)
        },
      }),
      *steps({ band }) {
        yield* band.spawn('coder' as never, {} as never)
      },
    })
    await played.run()
    const answer = await door!(
      'write_file',
      { path: 'late.txt', content: 'x' },
      { id: '9', signal: new AbortController().signal },
    )
    await played.band.close()
    expect(answer).toEqual({ ok: false, output: expect.stringContaining('stale-epoch') })
    expect(existsSync(join(played.worktree('coder-x-0'), 'late.txt'))).toBe(false)
  })
})
