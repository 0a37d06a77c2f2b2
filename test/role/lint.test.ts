import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { lintRoles } from '../../core/role/lint.ts'
import { reachOf, showReach } from '../../core/role/reach.ts'
import type { Role } from '../../core/role/role.ts'

const base = { description: 'Does it.' }
const others: Role[] = [
  { id: 'coder', ...base, produces: 'change', reviewedBy: 'judge', tools: ['write_file'] },
  { id: 'judge', ...base, produces: 'verdict', tools: ['run_tests'] },
]

/** Codes of the problems of one role among the others. */
function codes(role: object, tools: readonly string[] = []): string[] {
  const given = [role, ...others].map((value) => ({ value, source: (value as Role).id }))
  return lintRoles(given, { frameworks: ['claude'], tools })
    .diagnostics.filter(({ file }) => file === 'one')
    .map(({ code }) => code)
}
const one = (more: object): object => ({ id: 'one', ...base, ...more })

describe('lint', () => {
  test('what is sound has no problem', () => {
    for (const more of [
      {},
      {
        output: z.string(),
        steps: function* () {
          return yield* []
        },
      },
      { output: z.string().optional(), *steps() {} },
      { tools: ['jira', 'mcp/docs/find'], mcp: { docs: { url: 'https://example.com', tools: ['find'] } } },
      { systemPrompt: 'Do not use write_file, and never run_tests. The pathname src/run_tests.ts is fine.' },
      { systemPrompt: "You can't write_file here." },
      {
        input: z.object({ list: z.array(z.object({ a: z.string() })) }),
        userPrompt: '{{list.0.a}} {{list.length}} {{task}}',
      },
      { input: z.object({ n: z.number().default(1) }), userPrompt: '{{n}}' },
      { input: z.looseObject({}), userPrompt: '{{anything.at.all}}' },
      { input: { type: 'object', properties: { a: {} }, additionalProperties: true }, userPrompt: '{{b}}' },
      {
        optionalTools: ['git_log'],
        generator: () => ({ additionalTools: ['git_log'] }),
        *steps({ band }: never) {
          yield* (band as { tool(name: string): [] }).tool('git_log')
        },
      },
      { spawnableRoles: ['one'], limits: { depth: 2 } },
      {
        spawnableRoles: ['coder'],
        *steps({ band }: never) {
          yield* (band as { reviewed(name: string): [] }).reviewed('coder')
        },
      },
    ])
      expect(codes(one(more), ['jira']), JSON.stringify(more)).toEqual([])
  })

  test('effects are found under whatever name the band has, and in no other call', () => {
    const asks = (steps: unknown): string[] => codes(one({ steps }))
    type Any = { band: { tool(name: string): []; spawn(name: string): [] } }
    expect(
      asks(function* ({ band: b }: Any) {
        yield* b.tool('run_tests')
      }),
    ).toEqual(['step-tool'])
    expect(
      asks(function* (context: Any) {
        yield* context.band.tool('run_tests')
      }),
    ).toEqual(['step-tool'])
    expect(
      asks(function* ({ band: { tool } }: Any) {
        yield* tool('run_tests')
      }),
    ).toEqual(['step-tool'])
    expect(
      asks(function* ({ band }: Any) {
        yield* band.spawn('coder')
      }),
    ).toEqual(['step-role'])
    expect(
      asks(function* ({ band }: Any) {
        yield* band.spawn('codr')
      }),
    ).toEqual(['unknown-role'])
    const box = { tool: (_: string) => [] }
    expect(
      asks(function* () {
        yield* box.tool('run_tests')
      }),
    ).toEqual([])
  })

  test('only a return of the steps themselves sets an output', () => {
    const output = z.string()
    expect(
      codes(
        one({
          output,
          *steps() {
            ;[1].map((n) => {
              return n
            })
            yield* (function* () {
              return 'x'
            })()
          },
        }),
      ),
    ).toEqual(['output-never-set'])
    expect(
      codes(
        one({
          output,
          *steps() {
            for (const n of [1]) {
              if (n) return 'x'
            }
          },
        }),
      ),
    ).toEqual([])
  })

  test('a role with a problem is linted on, and who names it is not to blame', () => {
    expect(codes(one({ promt: 'x', tools: ['read_file'], spawnableRoles: ['broken'] }))).toEqual([
      'unknown-key',
      'unknown-tool',
      'unknown-role',
    ])
    const { diagnostics } = lintRoles(
      [
        { value: one({ spawnableRoles: ['broken'] }), source: 'one' },
        { value: { id: 'broken', tools: 3 }, source: 'broken' },
      ],
      { tools: [] },
    )
    expect(diagnostics.filter(({ file }) => file === 'one')).toEqual([])
  })

  test('definitions that fight back are problems, not crashes', () => {
    const trap = {
      id: 'one',
      ...base,
      get tools(): never {
        throw new Error('boo')
      },
    }
    expect(codes(trap)).toEqual(['throws'])
    const circle: Record<string, unknown> = { type: 'object' }
    circle.properties = { self: circle }
    expect(codes(one({ input: circle }))).toEqual(['schema'])
    expect(codes(one({ input: { _def: {}, parse: () => 1 } }))).toEqual(['schema'])
    expect(codes(one({ tools: [null, 3, { name: 4 }, { name: 'run_tests', allowedCommands: 'npm test' }] }))).toEqual([
      'bad-grant',
      'bad-grant',
      'bad-grant',
      'wrong-type',
    ])
    expect(codes(one({ constructor: 1, toString: 2 }))).toEqual(['unknown-key', 'unknown-key'])
    for (const value of [null, undefined, 1, 'x', [], () => 1]) {
      expect(lintRoles([{ value, source: 'one' }], { tools: [] }).diagnostics.map(({ code }) => code)).toEqual([
        'not-a-role',
      ])
    }
  })

  test('each circle is told once; a role that says how deep breaks it', () => {
    const circle = (limits?: object) => [
      { value: { id: 'a', ...base, spawnableRoles: ['b'] }, source: 'a' },
      { value: { id: 'b', ...base, spawnableRoles: ['c', 'a'], limits }, source: 'b' },
      { value: { id: 'c', ...base, spawnableRoles: ['b'] }, source: 'c' },
    ]
    const told = (given: ReturnType<typeof circle>) =>
      lintRoles(given, { tools: [] }).diagnostics.map(({ message }) => message.split(' can ')[0])
    expect(told(circle())).toEqual(['a > b > a', 'c > b > c'])
    expect(told(circle({ depth: 2 }))).toEqual([])
  })
})

describe('reach', () => {
  test('each tool once by the shortest way, through reviewers of whom it spawns, without what only hands over', () => {
    const roles = new Map<string, Role>(
      [
        ...others,
        { id: 'top', ...base, spawnableRoles: ['mid', 'coder'], tools: ['read_files'] },
        {
          id: 'mid',
          ...base,
          spawnableRoles: ['coder', 'top'],
          tools: ['read_files', 'write_file'],
          optionalTools: ['fetch_url'],
        },
      ].map((role) => [role.id, role as Role]),
    )
    const reached = reachOf(roles.get('top')!, roles)
    expect(reached).toEqual([
      { tool: 'fetch_url', via: ['mid'] },
      { tool: 'run_tests', via: ['coder', 'judge'] },
      { tool: 'write_file', via: ['coder'] }, // mid works read-only
    ])
    expect(showReach('top', reached)).toContain('top can reach run_tests via coder > judge')
    expect(reachOf(roles.get('judge')!, roles)).toEqual([])
  })
})
