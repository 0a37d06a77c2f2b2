import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type PlayTurn, playRole } from '../../adapters/testing.ts'
import { defineRole } from '../../core/role/role.ts'
import { builtinTools } from '../../core/role/tool.ts'
import { openBench, trappedWorktree } from '../runtime/tools/scene.ts'
import { codesOf, owning } from './every-denial.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${root}docs/reference.md`, 'utf8')
const section = (heading: string): string => page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))!
const rows = (heading: string): string[][] =>
  [...section(heading).matchAll(/^\| `([^`]+)` \| (.*?) ?\|$/gm)].map(([, name, rest]) => [
    name!,
    ...rest!.split(' | '),
  ])
const spans = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span!)
const sorted = (codes: Iterable<string>): string[] => [...new Set(codes)].sort()

/** Codes that a group of the page stands for. */
function group(name: string): string[] {
  const line = section('Tools')
    .split('\n')
    .find((one) => one.startsWith(`- "${name} codes" are`))!
  return [...(line.includes('the read codes') ? group('read') : []), ...spans(line)]
}
const always = spans(/Every tool may be denied with (.*?)\. The last column/.exec(section('Tools'))![1]!)

/** What the page says of a tool: the last cell, groups written out. */
function documented(cell: string): string[] {
  const [given, without = ''] = cell.split(', not ')
  const groups = [...given!.matchAll(/(\w+) codes/g)].flatMap(([, name]) => group(name!))
  return sorted([...always, ...groups, ...spans(given!)].filter((code) => !spans(without).includes(code)))
}

for (const [tool, input, , denied = ''] of rows('Tools')) {
  const name = tool as (typeof builtinTools)[number]

  test(`the reference has every code that ${tool} is denied with, and no other`, { timeout: 60_000 }, async () => {
    const codes = await codesOf(name)
    expect(sorted(codes)).toEqual(documented(denied))
  })

  test(`the reference has the input of ${tool}`, () => {
    if (tool === 'set_output') return expect(input).toContain("the role's `output`")
    const { schema } = openBench(owning(name), trappedWorktree()).box.tools.find((one) => one.name === tool)!
    const { properties = {}, required = [] } = schema as { properties?: object; required?: string[] }
    const fields = Object.keys(properties).map((field) => (required.includes(field) ? field : `${field}?`))
    expect(sorted(spans(input!).filter((span) => /^\w+\??$/.test(span)))).toEqual(sorted(fields))
  })
}

/** Numbers, hashes and dates differ from run to run. */
const blurred = (text: string): string =>
  text
    .replace(/\b[0-9a-f]{7,}\b/g, 'HASH')
    .replace(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replace(/\d+(\.\d+)?/g, 'N')

test('each tool gives what the reference says', { timeout: 60_000 }, async () => {
  const counter = defineRole({
    id: 'counter',
    description: 'Counts.',
    output: z.object({ n: z.number() }),
    *steps({ band }) {
      yield* band.say('all', 'one')
      return { n: 1 }
    },
  })
  const call = (name: string, input: object = {}): object => ({ call: name, input })
  const turn = (...steps: object[]): PlayTurn => ({ steps }) as PlayTurn
  const base = { description: 'Does it all.', userPrompt: 'Do it.' }
  const files = { 'src/a.ts': 'export const one = 1\n', 'old.txt': 'old\n' }
  const others = ['spawn_roles', 'submit_plan', 'submit_verdict', 'set_output', 'fetch_url', 'run_tests', 'run_command']
  const working = await playRole(
    {
      id: 'worker',
      ...base,
      produces: 'change',
      spawnableRoles: ['counter'],
      tools: [
        ...builtinTools.filter((name) => !others.includes(name)),
        { name: 'run_tests', allowedCommands: ['echo tested'] },
        { name: 'run_command', allowedCommands: ['echo ran'] },
      ],
    },
    {
      files,
      roles: [counter],
      answer: () => 'ask again tomorrow',
      script: [
        turn(
          call('list_files'),
          call('search_codebase', { pattern: 'one' }),
          call('read_files', { paths: [{ path: 'src/a.ts', from: 1, to: 1 }] }),
          call('write_file', { path: 'src/b.ts', content: 'new\n' }),
          call('apply_diff', { path: 'src/a.ts', old: 'one', new: 'two' }),
          call('delete_file', { path: 'old.txt' }),
          call('run_tests'),
          call('run_command'),
          call('git_status'),
          call('git_diff'),
          call('git_log'),
          call('spawn_roles', { role: 'counter' }),
          call('send_message', { to: 'ada', text: 'hello' }),
          call('ask_human', { question: 'now?' }),
        ),
      ],
    },
  )
  const planning = await playRole(
    { id: 'worker', ...base, produces: 'plan' },
    { script: [turn(call('submit_plan', { subtasks: [{ id: 'one', title: 'One' }] }))] },
  )
  const judging = await playRole(
    { id: 'worker', ...base, produces: 'verdict' },
    { script: [turn(call('submit_verdict', { decision: 'approve', risk: 'low', summary: 'Fine.' }))] },
  )
  const giving = await playRole(
    { id: 'worker', ...base, output: z.object({ n: z.number() }) },
    { script: [turn(call('set_output', { n: 1 }))] },
  )
  const bench = openBench(
    { id: 'reader', description: 'Reads.', tools: [{ name: 'fetch_url', allowedHosts: ['docs.test'] }] },
    undefined,
    {
      fetch: async () => new Response('text', { headers: { 'content-type': 'text/plain' } }),
    },
  )
  const fetched = await bench.call('fetch_url', { url: 'https://docs.test/' })
  const calls = [working, planning, judging, giving].flatMap(({ calls }) => calls)
  const outputs = new Map([...calls.map(({ tool, output }) => [tool, output] as const), ['fetch_url', fetched.output]])
  for (const [tool, , gives] of rows('Tools')) {
    const output = blurred(outputs.get(tool!)!)
    expect(spans(gives!).length, tool).toBeGreaterThan(0)
    for (const span of spans(gives!)) expect(output, tool).toContain(blurred(span))
  }
})

test('every denial code is given by a tool or by the law, or is marked as reserved', async () => {
  const given = new Set((await Promise.all(builtinTools.map(codesOf))).flatMap((codes) => [...codes]))
  const sources = globSync(['core/boundary/*.ts', 'core/protocol/*.ts', 'core/runtime/**/*.ts'], { cwd: root })
    .filter((file) => !file.endsWith('/denial.ts'))
    .map((file) => readFileSync(`${root}${file}`, 'utf8').replace(/\(\s+/g, '('))
    .join('\n')
  for (const [code, says] of rows('Denial codes')) {
    const inSource = new RegExp(`(rejection|deny|refuse|clash)\\(.*'${code}'|code: '${code}'`).test(sources)
    const mark = /\((reserved|of the law)/.exec(says!)?.[1] ?? 'a tool'
    const is = given.has(code!) ? 'a tool' : inSource ? 'of the law' : 'reserved'
    expect(mark, code).toBe(is)
  }
})
