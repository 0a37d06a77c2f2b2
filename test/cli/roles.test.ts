import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Diagnostic } from '../../core/role/diagnostic.ts'
import { type Scene, scene } from '../scene/band.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'

interface Broken {
  text: string
  /** Every line that is said of it. */
  says: string[]
}

const role = (body: string, more = ''): string =>
  `import { defineRole, z } from 'codeband'\n${more}export default defineRole({\n${body}})\n`
const named = (id: string): string => `  id: '${id}',\n  description: 'Does it.',\n`

/** Each wrong in its own way; the file's name is before each line of `says`. */
const broken: Record<string, Broken> = {
  'unknown-key.ts': {
    text: role(`${named('unknown-key')}  sytemPrompt: 'You do it.',\n`),
    says: ["5:3: error unknown-key: 'sytemPrompt' is no field of a role. Did you mean 'systemPrompt'?"],
  },
  'unknown-tool.ts': {
    text: role(`${named('unknown-tool')}  tools: ['list_files', 'read_file'],\n`),
    says: ["5:25: error unknown-tool: the tool 'read_file' does not exist. Did you mean 'read_files'?"],
  },
  'unknown-role.ts': {
    text: role(`${named('unknown-role')}  spawnableRoles: ['file-piker'],\n`),
    says: [
      "5:20: error unknown-role: 'spawnableRoles' names the role 'file-piker', which does not exist. Did you mean 'file-picker'?",
    ],
  },
  'unknown-reviewer.ts': {
    text: role(`${named('unknown-reviewer')}  produces: 'change',\n  reviewedBy: 'code-reviewr',\n`),
    says: [
      "6:15: error unknown-role: 'reviewedBy' names the role 'code-reviewr', which does not exist. Did you mean 'code-reviewer'?",
    ],
  },
  'unknown-framework.ts': {
    text: role(`${named('unknown-framework')}  frameworks: { claud: { model: 'opus' } },\n`),
    says: [
      "5:17: error unknown-framework: 'frameworks' names 'claud', which is not configured. Did you mean 'claude'?",
    ],
  },
  'same-family.ts': {
    text: role(
      `${named('same-family')}  produces: 'change',\n  reviewedBy: 'claude-only',\n  frameworks: { claude: {} },\n`,
    ),
    says: [
      "6:15: error same-family: Role 'claude-only' can never review 'same-family' from the opposite family: 'same-family' is played by family 'anthropic', and no configured framework of another family may play 'claude-only'. Configure a framework of another family, or write `review: { opposition: 'waived' }`, which marks every landing and leaves each to a person.",
    ],
  },
  'no-reviewer.ts': {
    text: role(`${named('no-reviewer')}  produces: 'change',\n  reviewedBy: 'file-picker',\n`),
    says: [
      "6:15: error not-a-reviewer: 'reviewedBy' names 'file-picker', which gives no verdict: a reviewer has `produces: 'verdict'`",
    ],
  },
  'circle.ts': {
    text: role(`${named('circle')}  spawnableRoles: ['file-picker', 'detour'],\n`),
    says: [
      '5:35: warning spawn-cycle: circle > detour > circle can go round without a bound of its own; only the depth of the whole band ends it. Say how deep: `limits: { depth: 2 }` in one of them, or take an edge out.',
    ],
  },
  'step-tool.ts': {
    text: role(
      `${named('step-tool')}  tools: ['read_files'],\n  *steps({ band }) {\n    // band.tool('list_files') is not called\n    yield* band.tool('run_tests', {})\n  },\n`,
    ),
    says: [
      "8:22: error step-tool: 'steps' calls the tool 'run_tests', which the role does not have. Its tools: read_files.",
    ],
  },
  'step-role.ts': {
    text: role(`${named('step-role')}  *steps({ band }) {\n    yield* band.reviewed('coder', {} as never)\n  },\n`),
    says: [
      "6:26: error step-role: 'steps' asks for the role 'coder', which 'spawnableRoles' does not name (it names nobody)",
    ],
  },
  'prompt-tool.ts': {
    text: role(
      `${named('prompt-tool')}  tools: ['read_files'],\n  systemPrompt: \`Never call write_file.\n\nRun run_tests before you end.\`,\n`,
    ),
    says: [
      "8:5: warning prompt-tool: the systemPrompt asks for 'run_tests', which the role does not have. Its tools: read_files.",
    ],
  },
  'prompt-function.ts': {
    text: role(`${named('prompt-function')}  userPrompt: ({ task }) => 'Do ' + task + ' with apply_diff',\n`),
    says: [
      "5:51: warning prompt-tool: the userPrompt asks for 'apply_diff', which the role does not have. Its tools: none.",
    ],
  },
  'no-output.ts': {
    text: role(
      `${named('no-output')}  output: z.object({ text: z.string() }),\n  *steps({ band }) {\n    yield* band.stepAll()\n  },\n`,
    ),
    says: [
      "5:3: error output-never-set: 'output' is declared, but 'steps' never returns a value: `return yield* band.stepAll()` gives what the model sets",
    ],
  },
  'unknown-variable.ts': {
    text: role(
      `${named('unknown-variable')}  input: z.object({ topic: z.string() }),\n  userPrompt: 'Explain {{ topc }}.',\n`,
    ),
    says: [
      "6:24: error unknown-variable: the userPrompt names '{{topc}}'; there are {{topic}}, {{task}}, {{worker}}, {{round}}, {{feedback}}. Did you mean 'topic'?",
    ],
  },
  'deep-variable.ts': {
    text: role(
      `${named('deep-variable')}  input: z.object({ at: z.object({ file: z.string() }), note: z.string().optional() }),\n  userPrompt: 'See {{at.fil}} {{note}}',\n`,
    ),
    says: [
      "6:20: error unknown-variable: the userPrompt names '{{at.fil}}'; 'at' has 'file'. Did you mean 'file'?",
      "6:31: warning optional-variable: the userPrompt names '{{note}}', but 'note' is optional: without it the turn could not begin. Give it a default, or make the prompt a function.",
    ],
  },
  'schema.ts': {
    text: role(`${named('schema')}  input: z.object({\n    name: z.string(),\n    when: z.date(),\n  }),\n`),
    says: ["7:11: error schema: 'input.when' has no JSON Schema: Date cannot be represented in JSON Schema"],
  },
  'json-schema.ts': {
    text: role(`${named('json-schema')}  output: { type: 'object', properties: { n: { type: 'nubmer' } } },\n`),
    says: ["5:46: error schema: 'output.properties.n' has no JSON Schema: Unsupported type: nubmer"],
  },
  'wrong-type.ts': {
    text: role(`${named('wrong-type')}  tools: 'read_files' as never,\n  limits: { depth: '2' as never },\n`),
    says: [
      "5:10: error wrong-type: 'tools' must be a list, not 'read_files'",
      "6:20: error wrong-type: 'limits.depth' must be a number from 0, not '2'",
    ],
  },
  'bad-command.ts': {
    text: role(
      `${named('bad-command')}  tools: [{ name: 'run_tests', allowedCommands: ['npm test && npm publish'] }],\n`,
    ),
    says: [
      "5:50: error bad-grant: 'run_tests' allows 'npm test && npm publish': it holds &, which a shell would read specially; give it as a list of words",
    ],
  },
  'unknown-option.ts': {
    text: role(`${named('unknown-option')}  tools: [{ name: 'run_tests', allowedComands: ['npm test'] } as never],\n`),
    says: ["5:32: error unknown-key: 'allowedComands' is no option of a tool. Did you mean 'allowedCommands'?"],
  },
  'not-optional.ts': {
    text: role(
      `${named('not-optional')}  optionalTools: ['git_log'],\n  generator: () => ({ additionalTools: ['git_diff'] }),\n`,
    ),
    says: ["6:41: error not-optional: 'generator' adds the tool 'git_diff', which 'optionalTools' does not name."],
  },
  'read-only.ts': {
    text: role(`${named('read-only')}  tools: ['write_file'],\n`),
    says: [
      "5:11: warning read-only: 'write_file' does not exist for a role that produces no change: it works read-only. Write `produces: 'change'` or take the tool out.",
    ],
  },
  'bad-id.ts': {
    text: role("  id: 'Bad Id',\n  description: '',\n"),
    says: [
      "3:7: error bad-id: 'id' must be lower-case letters, digits and hyphens, at most 64, not 'Bad Id'",
      "4:16: error no-description: 'description' says in one sentence what the role does",
    ],
  },
  'second.ts': {
    text: role(named('circle')),
    says: ["3:7: error duplicate-id: the role 'circle' is already defined in .agents/circle.ts"],
  },
  'syntax.ts': {
    text: 'export default {\n  id: "x",,\n}\n',
    says: ['2:11: error syntax: Expected identifier but found ","'],
  },
  'throws.ts': { text: "export default null\nthrow new Error('no luck')\n", says: ['2:7: error throws: no luck'] },
  'import.ts': {
    text: "import { x } from './nowhere.ts'\nexport default x\n",
    says: ['1:19: error unknown-import: Could not resolve "./nowhere.ts"'],
  },
  'no-default.ts': {
    text: 'export const role = {}\n',
    says: [
      '1:1: error no-default-export: there is no default export, and no other file imports this one: a role is `export default defineRole({ ... })`, a tool `export default defineTool({ ... })`',
    ],
  },
  'not-a-role.ts': {
    text: 'const make = () => 1\n\nexport default make\n',
    says: [
      '3:16: error not-a-role: the default export is a function, not a role: write `export default defineRole({ id, description, ... })`',
    ],
  },
  'old.js': {
    text: 'export default {}\n',
    says: [
      "1:1: warning not-loaded: this file is not loaded, and nothing imports it: its name does not end in '.ts', and roles are read from '.agents/*.ts' and tools from '.agents/tools/*.ts'",
    ],
  },
  'deep/er.ts': {
    text: 'export default {}\n',
    says: [
      "1:1: warning not-loaded: this file is not loaded, and nothing imports it: roles are read from '.agents/*.ts' and tools from '.agents/tools/*.ts'",
    ],
  },
  'tools/search.ts': {
    text: "import { defineTool, z } from 'codeband'\nexport default defineTool({\n  name: 'search',\n  description: 'Searches.',\n  input: z.object({ on: z.map(z.string(), z.string()) }),\n  needs: { netwrk: ['example.com'] } as never,\n  run: () => 'x',\n})\n",
    says: [
      "5:25: error schema: 'input.on' has no JSON Schema: Map cannot be represented in JSON Schema",
      "6:12: error unknown-key: 'needs.netwrk' is none. Did you mean 'network'?",
    ],
  },
}

/** Sound, and needed by the broken ones. */
const sound: Record<string, string> = {
  'claude-only.ts': role(`${named('claude-only')}  produces: 'verdict',\n  frameworks: { claude: {} },\n`),
  'detour.ts': role(`${named('detour')}  spawnableRoles: ['circle'],\n`),
}

const agents = (files: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`.agents/${name}`, text]))

async function told(band: Scene): Promise<{ code: number | null; roles: RoleLine[]; diagnostics: Diagnostic[] }> {
  const { code, stdout } = await band.cli('roles', '--json')
  return { code, ...JSON.parse(stdout) }
}

interface RoleLine {
  id: string
  source: string
  tools: string[]
  reach: { tool: string; via: string[] }[]
}

describe('codeband roles', () => {
  test('broken files of every kind each have exactly their diagnostics, with file, line, column and what was meant; none is silent', {
    timeout: 60_000,
  }, async () => {
    const texts = Object.fromEntries(Object.entries(broken).map(([name, { text }]) => [name, text]))
    const band = await scene({ files: agents({ ...texts, ...sound }) })
    const { code, stderr } = await band.cli('roles')
    const expected = Object.entries(broken).flatMap(([name, { says }]) => says.map((one) => `.agents/${name}:${one}`))
    expect(stderr.trim().split('\n').sort()).toEqual(expected.sort())
    expect(Object.keys(broken).length).toBeGreaterThanOrEqual(20)
    expect(code).toBe(2)
    // The same to a program, and nothing runs.
    const json = await told(band)
    expect(json.diagnostics).toHaveLength(expected.length)
    for (const one of json.diagnostics)
      expect(Object.keys(one).sort()).toEqual(['code', 'column', 'file', 'line', 'message', 'severity'])
    const run = await band.cli('run', 'x')
    expect(run.code).toBe(2)
    expect(run.stderr).toMatch(/^CB_ROLE_INVALID [\s\S]*\.agents\/unknown-tool\.ts:5:25: error unknown-tool/)
  })

  test('what a role can cause through others is listed with its way, reviewers included', {
    timeout: 60_000,
  }, async () => {
    const band = await scene({
      files: agents({
        'file-picker.ts': role(`${named('file-picker')}  tools: ['list_files'],\n  spawnableRoles: ['planner'],\n`),
        'planner.ts': role(
          `${named('planner')}  produces: 'plan',\n  reviewedBy: 'plan-reviewer',\n  tools: ['read_files'],\n  spawnableRoles: ['coder'],\n`,
        ),
      }),
    })
    const { roles, code } = await told(band)
    const picker = roles.find(({ id }) => id === 'file-picker')!
    expect(picker).toMatchObject({ source: '.agents/file-picker.ts', tools: ['list_files', 'spawn_roles'] })
    expect(picker.reach).toContainEqual({ tool: 'run_tests', via: ['planner', 'coder'] })
    expect(picker.reach).toContainEqual({ tool: 'git_log', via: ['planner', 'plan-reviewer'] })
    expect(picker.reach.map(({ tool }) => tool)).not.toContain('list_files')
    const { stdout, stderr } = await band.cli('roles')
    expect(stdout).toMatch(/file-picker can reach [a-z_, ]*run_tests[a-z_, ]* via planner > coder/)
    expect(stdout).toMatch(/played by claude \(anthropic, 1 worker\(s\)\)/)
    expect(stdout).toMatch(/work of openai is reviewed by anthropic/)
    // coder > file-picker > planner > coder
    expect(stderr).toMatch(/\.agents\/(file-picker|planner)\.ts:\d+:\d+: warning spawn-cycle/)
    expect(code).toBe(0)
  })

  test('helpers that others import, tests, types and the files of other programs are no roles and no problem', {
    timeout: 60_000,
  }, async () => {
    const band = await scene({
      files: agents({
        'words.ts': "export const words = 'Be short.'\n",
        'make.ts':
          "import { words } from './words'\nexport default (id: string) => ({ id, description: 'Made.', systemPrompt: words })\n",
        'made.ts': "import make from './make.js'\nexport default make('made')\n",
        'lib/deep.ts': 'export const deep = 1\n',
        'other.ts': role(named('other'), "import { deep } from './lib/deep.ts'\nvoid deep\n"),
        'other.test.ts': 'throw new Error()\n',
        'types/roles.ts': 'export type Role = string\n',
        'roles.d.ts': 'export type Role = string\n',
        'node_modules/x/index.js': 'export default {}\n',
        'skills/deploy/run.js': 'console.log(1)\n',
        'note.md': '# note\n',
      }),
    })
    const { roles, diagnostics, code } = await told(band)
    expect(diagnostics).toEqual([])
    expect(roles.flatMap(({ id, source }) => (source.startsWith('.agents') ? [id] : []))).toEqual(['made', 'other'])
    expect(code).toBe(0)
  })

  test('a linked folder and a file in the place of the folder are told', { timeout: 60_000 }, async () => {
    const band = await scene({ files: agents({ 'other.ts': role(named('other')) }) })
    mkdirSync(join(band.repo, 'more'))
    symlinkSync('../more', join(band.repo, '.agents/more'))
    const linked = await told(band)
    expect(linked.diagnostics).toMatchObject([{ code: 'not-loaded', file: '.agents/more', line: 1 }])
    const at = place()
    const repo = repositoryOf(join(at, 'repo'), { '.agents': 'x' })
    const { stderr } = await cli(repo, ['roles'], cliEnv(at))
    expect(stderr).toMatch(/^\.agents:1:1: warning not-loaded: this is no folder/)
  })

  test('of definitions that are not trusted only what their text and bundling tell is said, and nothing runs', {
    timeout: 60_000,
  }, async () => {
    const at = place()
    const canary = join(at, 'canary')
    const repo = repositoryOf(
      join(at, 'repo'),
      agents({
        'spy.ts': `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(canary)}, 'ran')\nexport default { id: 'spy', descripton: 'x' }\n`,
        'syntax.ts': 'export default {,}\n',
        'nothing.ts': 'export const x = 1\n',
      }),
    )
    const { stdout, stderr, code } = await cli(repo, ['roles', '--json'], cliEnv(at))
    const { trusted, diagnostics, roles } = JSON.parse(stdout)
    expect(trusted).toBe(false)
    expect(diagnostics.map(({ code, file }: Diagnostic) => `${file} ${code}`)).toEqual([
      '.agents/syntax.ts syntax',
      '.agents/nothing.ts no-default-export',
    ])
    expect(roles.map(({ source }: RoleLine) => dirname(source))).toEqual(Array(7).fill('roles'))
    expect(stderr).toMatch(/not trusted yet: nothing of them was run/)
    expect(code).toBe(2)
    expect(() => readFileSync(canary)).toThrow(/ENOENT/)
  })

  test('problems of the configuration have their places too', { timeout: 60_000 }, async () => {
    const band = await scene({
      config: "chekcs: [['true']],\n  merge: { bach: 1 },",
    })
    const first = await told(band)
    expect(first.diagnostics).toMatchObject(
      [
        {
          code: 'CB_CONFIG_INVALID',
          message: expect.stringContaining("'chekcs' is no option of the configuration. Did you mean 'checks'?"),
          line: 9,
          column: 3,
        },
        {
          code: 'CB_CONFIG_INVALID',
          message: expect.stringContaining("'merge.bach' is no option of the configuration. Did you mean 'batch'?"),
          line: 10,
          column: 12,
        },
      ].reverse(),
    )
    const yaml = repositoryOf(join(place(), 'repo'), {
      'codeband.config.yaml': 'sandbox: off\nworkers:\n  codre: { claude: 1 }\nreview:\n  oposition: waived\n',
    })
    const env = cliEnv(place())
    await cli(yaml, ['trust', '--yes'], env)
    const { stderr } = await cli(yaml, ['roles'], env)
    expect(stderr).toMatch(
      /^codeband\.config\.yaml:5:3: error CB_CONFIG_INVALID: 'review\.oposition' .*Did you mean 'opposition'\?/,
    )
    const worker = await scene({ config: '' })
    const path = join(worker.repo, 'codeband.config.ts')
    writeFileSync(path, readFileSync(path, 'utf8').replace('coder: {', 'codr: {'))
    await worker.cli('trust', '--yes')
    expect((await told(worker)).diagnostics).toMatchObject([
      { code: 'unknown-role', file: 'codeband.config.ts', line: 6, column: 69 },
    ])
  })

  test('the JSON is what docs/roles-json.md says', { timeout: 60_000 }, async () => {
    const page = readFileSync(fileURLToPath(new URL('../../docs/roles-json.md', import.meta.url)), 'utf8')
    const schema = z.fromJSONSchema(JSON.parse(/```json schema\n([\s\S]*?)```/.exec(page)![1]!))
    const band = await scene({ files: agents({ 'unknown-tool.ts': broken['unknown-tool.ts']!.text }) })
    const given = JSON.parse((await band.cli('roles', '--json')).stdout)
    expect(schema.safeParse(given)).toMatchObject({ success: true })
    expect(schema.safeParse({ ...given, more: 1 }).success).toBe(false)
    expect(schema.safeParse({ ...given, roles: [{ ...given.roles[0], reach: 1 }] }).success).toBe(false)
    // Every code has its line there.
    const codes = Object.values(broken).flatMap(({ says }) =>
      says.map((one) => /(?:error|warning) ([\w-]+):/.exec(one)![1]!),
    )
    expect(codes.filter((one) => !page.includes(`\`${one}\``))).toEqual([])
  })

  test('--graph prints Mermaid where no terminal is', { timeout: 60_000 }, async () => {
    const band = await scene({ files: agents({ 'end.ts': role(`${named('end')}  spawnableRoles: ['coder'],\n`) }) })
    const { stdout } = await band.cli('roles', '--graph')
    const lines = stdout.trim().split('\n')
    const node = (id: string): string =>
      lines
        .find((line) => line.endsWith(`["${id}"]`))!
        .trim()
        .split('[')[0]!
    expect(lines[0]).toBe('flowchart LR')
    expect(lines).toContain(`  ${node('end')} --> ${node('coder')}`)
    expect(lines).toContain(`  ${node('coder')} -. reviewed by .-> ${node('code-reviewer')}`)
  })
})
