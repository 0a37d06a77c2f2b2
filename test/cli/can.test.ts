import { spawn } from 'node:child_process'
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Scene, scene } from '../scene/band.ts'
import { type CliResult, cli, cliEnv, ended } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'

const house = fileURLToPath(new URL('../..', import.meta.url))
const scribe = `import { defineRole, z } from 'codeband'
export default defineRole({
  id: 'scribe',
  description: 'Writes.',
  produces: 'change',
  reviewedBy: 'code-reviewer',
  output: z.object({ text: z.string() }),
  writes: ['docs/**'],
  tools: [
    'read_files',
    'write_file',
    { name: 'run_command', allowedCommands: ['npm test'] },
    { name: 'fetch_url', allowedHosts: ['example.com'] },
    'count',
  ],
  optionalTools: ['git_log'],
  generator: () => ({ additionalTools: ['git_log'] }),
  spawnableRoles: ['file-picker'],
})
`
const count = `import { defineTool, z } from 'codeband'
export default defineTool({ name: 'count', description: 'Counts.', input: z.object({ n: z.number().max(9) }), run: () => { throw new Error('it ran') } })
`
const band = (): Promise<Scene> => scene({ files: { '.agents/scribe.ts': scribe, '.agents/tools/count.ts': count } })

interface Explained {
  exit: number | null
  allowed: boolean
  code: string | null
  rule: string
  at: string | null
}

async function explained({ cli }: Scene, ...argv: string[]): Promise<Explained> {
  const { code: exit, stdout } = await cli('can', ...argv, '--json')
  const { allowed, code, rule, declared } = JSON.parse(stdout)
  return { exit, allowed, code, rule, at: declared && `${declared.file}:${declared.line}:${declared.column}` }
}

function piped({ repo, env }: Pick<Scene, 'repo' | 'env'>, text: string): Promise<CliResult> {
  const lines = join(place(), 'lines')
  writeFileSync(lines, text)
  const argv = [join(house, 'node_modules/tsx/dist/cli.mjs'), '--tsconfig', join(house, 'tsconfig.json')]
  const program = [...argv, join(house, 'adapters/cli/main.ts'), 'can', '--stdin']
  const stdin = openSync(lines, 'r')
  const child = spawn(join(house, 'node_modules/.bin/node'), program, {
    cwd: repo,
    env,
    stdio: [stdin, 'pipe', 'pipe'],
  })
  closeSync(stdin)
  return ended(child)
}

describe('codeband can', () => {
  test('one call is explained: allowed or denied, its code, the rule and where that is declared', {
    timeout: 120_000,
  }, async () => {
    const scene = await band()
    const denied = { exit: 4, allowed: false }
    const granted = { exit: 0, allowed: true, code: null }
    const cases: [argv: string[], Explained][] = [
      [
        ['write_file', '{"path":"docs/a.md","content":"x"}'],
        { ...granted, rule: "'tools' grants write_file", at: '.agents/scribe.ts:11:5' },
      ],
      [
        ['write_file', '{"path":"src/a.ts","content":"x"}'],
        {
          ...denied,
          code: 'above-ceiling',
          rule: "'writes' names all that the role may write",
          at: '.agents/scribe.ts:8:11',
        },
      ],
      [
        ['write_file', '{"path":".git/config","content":"x"}'],
        {
          ...denied,
          code: 'protected-path',
          rule: "the gate's rule 'protected-path', the same for every role",
          at: null,
        },
      ],
      [
        ['run_command', '{"argv":["npm","publish"]}'],
        {
          ...denied,
          code: 'argv-not-allowlisted',
          rule: "a command must be one of the 'allowedCommands' of run_command, word for word",
          at: '.agents/scribe.ts:12:45',
        },
      ],
      [
        ['fetch_url', '{"url":"https://example.org/"}'],
        {
          ...denied,
          code: 'host-not-allowed',
          rule: "'allowedHosts' of fetch_url names the hosts exactly",
          at: '.agents/scribe.ts:13:40',
        },
      ],
      [
        ['git_log'],
        {
          ...denied,
          code: 'tool-not-in-role',
          rule: "git_log is there only in a turn whose 'generator' adds it from 'optionalTools'",
          at: '.agents/scribe.ts:16:19',
        },
      ],
      [
        ['delete_file', '{"path":"docs/a.md"}'],
        { ...denied, code: 'tool-not-in-role', rule: "'tools' is an allow list", at: '.agents/scribe.ts:9:3' },
      ],
      [
        ['spawn_roles', '{"role":"coder"}'],
        {
          ...denied,
          code: 'not-spawnable',
          rule: "a role spawns along 'spawnableRoles' only",
          at: '.agents/scribe.ts:18:3',
        },
      ],
      [['set_output', '{"text":"x"}'], { ...granted, rule: "'output' grants set_output", at: '.agents/scribe.ts:7:3' }],
      [
        ['set_output', '{"txt":"x"}'],
        {
          ...denied,
          code: 'schema',
          rule: "'output' is the schema of what set_output takes",
          at: '.agents/scribe.ts:7:3',
        },
      ],
      [['count', '{"n":3}'], { ...granted, rule: "'tools' grants count", at: '.agents/scribe.ts:14:5' }],
    ]
    for (const [argv, wanted] of cases)
      expect(await explained(scene, 'scribe', ...argv), argv.join(' ')).toEqual(wanted)
    const text = await scene.cli('can', 'scribe', 'count', '{"n":33}')
    expect({ code: text.code, stdout: text.stdout }).toEqual({
      code: 4,
      stdout: expect.stringMatching(
        /^denied {2}schema {2}.*n: .*9\n {4}rule: what count takes is fixed; anything else is refused \(every role\)\n$/,
      ),
    })
    // A role of the checks: what it may run is declared in the configuration.
    expect(await explained(scene, 'coder', 'run_tests', '{"argv":["rm"]}')).toMatchObject({
      code: 'argv-not-allowlisted',
      at: 'codeband.config.ts:7:11',
    })
    expect(readdirSync(scene.repo).sort()).toEqual([
      '.agents',
      '.git',
      'README.md',
      'a.txt',
      'b.txt',
      'check.sh',
      'codeband.config.ts',
    ])
  })

  test('--worktree decides against the files that are there', { timeout: 60_000 }, async () => {
    const scene = await band()
    const folder = place()
    mkdirSync(join(folder, 'docs'))
    writeFileSync(join(folder, 'docs/a.md'), 'a')
    linkSync(join(folder, 'docs/a.md'), join(folder, 'docs/hard.md'))
    symlinkSync('/etc', join(folder, 'docs/etc'))
    const write = (path: string) => [
      'scribe',
      'write_file',
      JSON.stringify({ path, content: 'x' }),
      '--worktree',
      folder,
    ]
    expect(await explained(scene, ...write('docs/hard.md'))).toMatchObject({ exit: 4, code: 'hardlink' })
    expect(await explained(scene, ...write('docs/etc/x'))).toMatchObject({ exit: 4, code: 'symlink' })
    expect(await explained(scene, ...write('docs/A.md'))).toMatchObject({ exit: 4, code: 'case-collision' })
    expect(await explained(scene, ...write('docs/b.md'))).toMatchObject({ exit: 0, allowed: true })
    // Without it the repository counts, where there is no such link.
    expect(await explained(scene, ...write('docs/etc/x').slice(0, 3))).toMatchObject({ exit: 0 })
    expect(readFileSync(join(folder, 'docs/a.md'), 'utf8')).toBe('a')
  })

  test('a batch of ten thousand is answered line by line in order, broken lines too', {
    timeout: 60_000,
  }, async () => {
    const scene = await band()
    const calls = Array.from({ length: 10_000 }, (_, id) => ({
      id,
      role: ['scribe', 'coder', 'file-picker', 'nobody'][id % 4],
      tool: 'write_file',
      input: { path: `docs/${id}\u2028.md`.replace('\u2028', id % 8 === 0 ? '\u2028' : ''), content: 'x' },
    }))
    const { code, stdout, stderr } = await piped(scene, calls.map((call) => `${JSON.stringify(call)}\n`).join(''))
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(answers.map(({ id }) => id)).toEqual(calls.map(({ id }) => id))
    expect(answers.slice(0, 5).map(({ code }) => code)).toEqual([
      'unicode-collision',
      null,
      'tool-not-in-role',
      'policy-unavailable',
      null,
    ])
    for (const answer of answers) expect(Object.keys(answer)).toEqual(['id', 'allowed', 'code', 'reason'])

    const lines = [
      '{"id":"x"',
      '',
      'null',
      '[]',
      '{"id":{"deep":[1]},"role":"scribe","tool":"__proto__","input":{}}',
      '{"id":2,"role":3,"tool":"x"}',
      `{"id":3,"role":"scribe","tool":"count","input":${'['.repeat(200)}${']'.repeat(200)}}`,
    ]
    const strange = await piped(scene, lines.join('\n'))
    expect(
      strange.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ id, allowed, code }) => [id, allowed, code]),
    ).toEqual([
      [null, false, 'schema'],
      [null, false, 'schema'],
      [null, false, 'schema'],
      [{ deep: [1] }, false, 'schema'],
      [2, false, 'schema'],
      [3, false, 'payload'],
    ])
    expect(strange.code).toBe(0)
  })

  test('what cannot be decided is an error, never a yes', { timeout: 60_000 }, async () => {
    const scene = await band()
    for (const [argv, says] of [
      [['scrib', 'x'], /^CB_USAGE .*'scrib'.*Did you mean 'scribe'/],
      [['scribe'], /^CB_USAGE .*codeband can coder/],
      [['scribe', 'count', '{n}'], /^CB_USAGE .*not JSON/],
      [['scribe', 'count', '{}', '--worktree', '/nowhere'], /^CB_USAGE .*'\/nowhere'/],
      [['scribe', '--stdin'], /^CB_USAGE .*--stdin/],
    ] as const) {
      const { code, stderr } = await scene.cli('can', ...argv)
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(says) })
    }
    writeFileSync(join(scene.repo, '.agents/scribe.ts'), scribe.replace("'docs/**'", "'**'"))
    expect((await scene.cli('can', 'scribe', 'count', '{"n":1}')).stderr).toMatch(/^CB_UNTRUSTED/)
    const at = place()
    const broken = repositoryOf(join(at, 'repo'), { '.agents/scribe.ts': scribe.replace('write_file', 'writefile') })
    const env = cliEnv(at)
    await cli(broken, ['trust', '--yes'], env)
    const invalid = await cli(broken, ['can', 'scribe', 'write_file', '{"path":"docs/x","content":""}'], env)
    expect({ code: invalid.code, stderr: invalid.stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^CB_ROLE_INVALID [\s\S]*\.agents\/scribe\.ts:11:5: error unknown-tool/),
    })
  })
})
