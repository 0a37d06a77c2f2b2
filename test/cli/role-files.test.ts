import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { planning, scene, type Turn, verdict, write } from '../scene/band.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'

const house = fileURLToPath(new URL('../..', import.meta.url))
const fixture = join(house, 'test/fixtures/design/.agents')
const written = (name: string): string => readFileSync(join(fixture, name), 'utf8')
const approves: Turn = { role: 'code-reviewer', steps: [verdict('approve')] }

/** What a person's editor says of these role files, with codeband installed. */
function typesOf(folder: string): string {
  const path = (file: string): string[] => [join(house, file)]
  const compilerOptions = {
    paths: { codeband: path('adapters/index.ts'), 'codeband/roles': path('adapters/roles.ts') },
    typeRoots: [join(house, 'node_modules/@types')],
  }
  const config = join(folder, 'tsconfig.json')
  writeFileSync(
    config,
    JSON.stringify({ extends: join(house, 'tsconfig.json'), compilerOptions, include: ['.agents/*.ts'] }),
  )
  try {
    execFileSync(join(house, 'node_modules/.bin/tsc'), ['-p', config, '--noEmit'], { encoding: 'utf8' })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

describe('role files', () => {
  test('the two roles of the first page compile under strict TypeScript and run as they stand, without node_modules', {
    timeout: 120_000,
  }, async () => {
    const subtask = { id: 'one', title: 'Write one', files: ['src/one.ts'] }
    const band = await scene({
      files: {
        '.agents/coder.ts': written('coder.ts'),
        '.agents/conductor.ts': written('conductor.ts'),
        'package.json': '{"scripts":{"test":"true"}}',
      },
      turns: [
        ...planning(subtask, { id: 'two', title: 'Write two', files: ['two.txt'] }),
        {
          role: 'coder',
          when: 'Subtask one:',
          steps: [
            write('src/one.ts', 'export const one = 1\n'),
            // The generator gave run_command for TypeScript, with exactly one command.
            { call: 'run_command', input: { argv: ['ls'] }, expect: { contains: 'argv-not-allowlisted' } },
            { call: 'run_tests', input: {}, expect: 'ok' },
          ],
        },
        {
          role: 'coder',
          when: 'Subtask two:',
          steps: [
            write('two.txt', '2\n'),
            { call: 'run_command', input: { argv: ['ls'] }, expect: { contains: 'tool-not-in-role' } },
          ],
        },
        approves,
      ],
    })
    expect(readdirSync(band.repo)).not.toContain('node_modules')
    const roles = JSON.parse((await band.cli('roles', '--json')).stdout)
    expect(roles.diagnostics).toEqual([])
    expect(
      roles.roles.flatMap(({ id, source }: { id: string; source: string }) =>
        source.startsWith('.agents') ? [`${id} ${source}`] : [],
      ),
    ).toEqual(['coder .agents/coder.ts', 'conductor .agents/conductor.ts'])
    const run = await band.cli('run', 'Write one')
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' })
    expect(band.git('show', 'main:src/one.ts')).toBe('export const one = 1')

    const typed = place()
    writeFileSync(join(typed, 'package.json'), '{"type":"module"}')
    cpSync(fixture, join(typed, '.agents'), { recursive: true })
    expect(typesOf(typed)).toBe('')
    writeFileSync(
      join(typed, '.agents/coder.ts'),
      written('coder.ts').replace('subtask.files.some', 'subtask.file.some'),
    )
    expect(typesOf(typed)).toMatch(/coder\.ts.*'file'/)
  })

  test('a coder with its own steps, a new role and a new conductor; an edit serves only later tasks, and none before a person trusts it', {
    timeout: 120_000,
  }, async () => {
    const committer = (version: string): string => `import { defineRole, z } from 'codeband'
export default defineRole({
  id: 'committer',
  description: 'Words the commit.',
  input: z.object({ title: z.string() }),
  output: z.object({ message: z.string() }),
  systemPrompt: 'Word the commit, ${version}.',
  userPrompt: '${version}: {{title}}',
})
`
    const agents = {
      'package.json': '{"type":"module"}',
      '.agents/committer.ts': committer('v1'),
      '.agents/coder.ts': `import { defineRole } from 'codeband'
import { coder } from 'codeband/roles'
import committer from './committer.ts'
export default defineRole({
  ...coder,
  spawnableRoles: [...(coder.spawnableRoles ?? []), 'committer'],
  *steps({ subtask, band }) {
    yield* band.stepAll()
    const { message } = yield* band.spawn(committer, { title: subtask.title })
    return { message }
  },
})
`,
      '.agents/conductor.ts': `import { defineRole } from 'codeband'
import { coder, conductor } from 'codeband/roles'
import committer from './committer.ts'
export default defineRole({
  ...conductor,
  spawnableRoles: ['coder', 'committer', 'mergemaster'],
  *steps({ task, band }) {
    const { message } = yield* band.spawn(committer, { title: task })
    const subtask = { id: 'one', title: task, description: message, files: ['one.txt'], dependsOn: [] }
    yield* band.reviewed(coder, { subtask, files: [] })
    yield* band.spawn('mergemaster', {})
  },
})
`,
    }
    const words = (version: string): Turn => ({
      role: 'committer',
      when: `${version}:`,
      steps: [{ call: 'set_output', input: { message: `feat: one, ${version}` } }],
    })
    const coder = (content: string): Turn => ({ role: 'coder', steps: [write('one.txt', content)] })
    const band = await scene({
      files: agents,
      config: "merge: { autoMerge: 'none' },",
      turns: [words('v1'), words('v2'), coder('1\n'), coder('2\n'), approves, approves],
    })
    expect(typesOf(band.repo)).toBe('')
    rmSync(join(band.repo, 'tsconfig.json'))
    const run = await band.cli('run', 'Write one')
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 3, stderr: '' })
    expect((await band.events('ChangeSubmitted')).map(({ message }) => message)).toEqual(['feat: one, v1'])

    writeFileSync(join(band.repo, '.agents/committer.ts'), committer('v2'))
    band.git('commit', '-qam', 'v2')
    const refused = await band.cli('resume')
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/^CB_UNTRUSTED /)
    expect((await band.cli('trust', '--yes')).code).toBe(0)
    const again = await band.cli('reject', 't1.1', 'again')
    expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 3, stderr: '' })
    expect((await band.events('ChangeSubmitted')).map(({ message }) => message)).toEqual([
      'feat: one, v1',
      'feat: one, v1',
    ])
    expect((await band.cli('approve', 't1.2')).code).toBe(0)
    expect(band.git('log', '-1', '--format=%s', 'main')).toBe('feat: one, v1')
    band.script([words('v2'), coder('3\n'), approves])
    expect((await band.cli('run', 'Write it anew')).code).toBe(3)
    expect((await band.events('ChangeSubmitted')).at(-1)).toMatchObject({ task: 't2', message: 'feat: one, v2' })
  })

  test('one role alone, played by a script: its prompt, its calls, its denials and its output, and nothing is left behind', {
    timeout: 60_000,
  }, async () => {
    const band = await scene({
      files: {
        '.agents/scribe.ts': `import { defineRole, z } from 'codeband'
export default defineRole({
  id: 'scribe',
  description: 'Explains.',
  input: z.object({ topic: z.string() }),
  output: z.object({ text: z.string() }),
  tools: ['read_files'],
  systemPrompt: 'You explain.',
  userPrompt: 'Explain {{topic}}.',
})
`,
      },
    })
    const script = join(band.repo, '../scribe.json')
    const steps = [
      { say: 'Reading a.txt' },
      { call: 'read_files', input: { paths: ['a.txt'] }, expect: 'ok' },
      { call: 'write_file', input: { path: 'a.txt', content: 'x' }, expect: 'error' },
      { call: 'x\u001b[2J\u202e', input: { '\u009b2J': '\u001b]0;t\u0007' }, expect: 'error' },
      { say: 'One \u001b[8m hidden' },
      { call: 'set_output', input: { text: 'It is an a.' } },
    ]
    writeFileSync(script, JSON.stringify({ turns: [{ role: 'scribe', steps }] }))
    const before = band.git('rev-parse', 'HEAD')
    const played = await band.cli('run', '--role', 'scribe', '{"topic":"a.txt"}', '--script', script)
    expect({ code: played.code, stderr: played.stderr }).toEqual({ code: 0, stderr: '' })
    expect(played.stdout).toMatch(/You explain\.[\s\S]*Explain a\.txt\./)
    expect(played.stdout).toMatch(/> read_files \{"paths":\["a\.txt"\]\}/)
    // Nothing that a model says or calls moves the cursor, hides text or turns it round.
    expect(played.stdout).toContain('> x\\u{1b}[2J\\u{202e} {')
    expect(played.stdout).not.toMatch(/(?!\n)\p{Cc}|\u202e/u)
    expect(played.stdout).toMatch(/\[boundary\] +scribe-scripted-0 write_file a\.txt: denied, tool-not-in-role/)
    expect(played.stdout).toMatch(/Output: \{\s+"text": "It is an a\."\s+\}/)
    expect(band.git('rev-parse', 'HEAD')).toBe(before)
    expect(band.git('status', '--porcelain')).toBe('')
    expect(JSON.parse((await band.cli('status', '--json')).stdout)).toEqual({ leader: null, tasks: [] })
    const wrong = await band.cli('run', '--role', 'scribe', '{"topc":"a"}', '--script', script)
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toMatch(/^CB_INPUT_INVALID .*'scribe'.*topic/)
  })
})

describe('init', () => {
  test('with no client it says what to do; with one it waives opposition in words; again it changes nothing', {
    timeout: 60_000,
  }, async () => {
    const at = place()
    const repo = repositoryOf(join(at, 'repo'), { 'package.json': '{"scripts":{"test":"true"}}' })
    const bin = join(at, 'bin')
    mkdirSync(bin)
    const node = join(house, 'node_modules/node/bin')
    const bare = cliEnv(at, { PATH: `${node}:/usr/bin:/bin` })
    const hostile = repositoryOf(join(at, 'hostile'), { 'codeband.config.ts': "throw new Error('ran')\n" })
    expect((await cli(hostile, ['init'], bare)).stdout).toMatch(/not trusted/)
    expect((await cli(hostile, ['run', 'x'], bare)).stderr).toMatch(/^CB_UNTRUSTED/)
    const empty = repositoryOf(join(at, 'empty'), { 'a.txt': 'a\n' })
    const none = await cli(empty, ['init'], bare)
    expect(none.code).toBe(0)
    expect(none.stdout).toMatch(/missing {2}codex: .*npm install/)
    expect(none.stdout.trim().split('\n').at(-1)).toMatch(/codeband demo/)

    writeFileSync(join(bin, 'codex'), '#!/bin/sh\necho codex-cli 0.169.0\n')
    chmodSync(join(bin, 'codex'), 0o755)
    const env = { ...bare, PATH: `${bin}:${bare.PATH}`, OPENAI_API_KEY: 'sk-test' }
    const one = await cli(repo, ['init'], env)
    expect({ code: one.code, stderr: one.stderr }).toEqual({ code: 0, stderr: '' })
    expect(one.stdout).toMatch(/found {4}codex: codex 0\.169\.0/)
    expect(one.stdout).toMatch(/Only codex is here: .*waives opposition/)
    const config = readFileSync(join(repo, 'codeband.config.ts'), 'utf8')
    expect(config).toMatch(/review: \{ opposition: 'waived' \}/)
    expect(config).not.toMatch(/claude/)
    const roles = await cli(repo, ['roles', '--json'], env)
    expect({ code: roles.code, ...JSON.parse(roles.stdout) }).toMatchObject({ code: 0, diagnostics: [] })

    const before = personsGit(repo, 'status', '--porcelain', '-uall')
    writeFileSync(
      join(repo, '.agents/scribe.ts'),
      readFileSync(join(repo, '.agents/scribe.ts'), 'utf8').replace('short', 'long'),
    )
    const again = JSON.parse((await cli(repo, ['init', '--json'], env)).stdout)
    expect(again).toMatchObject({ written: [] })
    expect(again.kept).toEqual(expect.arrayContaining(['codeband.config.ts', '.agents/scribe.ts']))
    expect(readFileSync(join(repo, 'codeband.config.ts'), 'utf8')).toBe(config)
    expect(readFileSync(join(repo, '.agents/scribe.ts'), 'utf8')).toMatch(/colleague: long/)
    expect(personsGit(repo, 'status', '--porcelain', '-uall')).toBe(before)
    // What it did not write it does not trust.
    expect((await cli(repo, ['run', 'x'], env)).stderr).toMatch(/^CB_UNTRUSTED/)
  })
})
