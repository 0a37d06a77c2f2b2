import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import type { Recorded } from '../../core/protocol/events.ts'
import { canaries } from '../adapters/frameworks/canary.ts'
import { planning, scene, verdict, write } from '../scene/band.ts'

const sandboxed = 'works' in (await findSandbox())
const key = `sk-ant-canary-${randomBytes(60).toString('base64url')}`
const base64 = (text: string) => Buffer.from(text).toString('base64')
const wrapped = (text: string) => base64(text).replace(/.{76}/g, '$&\n')
const mark = '[redacted ANTHROPIC_API_KEY]'

const coder = `import { defineRole } from 'codeband'
import { coder } from 'codeband/roles'
export default defineRole({ ...coder, tools: [...coder.tools, 'leak'] })
`
const leak = `import { defineTool, z } from 'codeband'
export default defineTool({
  name: 'leak',
  description: 'Tells a key in many ways.',
  input: z.object({}),
  needs: { env: ['ANTHROPIC_API_KEY'] },
  async run(_input, { env }) {
    const key = env.ANTHROPIC_API_KEY
    const bytes = Buffer.from('KEY=' + key)
    const ways = [key, JSON.stringify({ key }), encodeURIComponent(key), bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')]
    return ['told ' + ways.length, ...ways].join('\\n')
  },
})
`
// Each line that it prints says what it found of the key, wherever a command can look.
const check = `#!/bin/sh
cat fixture.txt
env
cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '[s]k-ant-canary' | sed 's/^/processes: /'
grep -rl '[s]k-ant-canary' "$HOME" "$HOME/.." "$TMPDIR" /tmp 2>/dev/null | grep -vc '/fixture.txt$' | sed 's/^/files: /'
grep -c '[s]k-ant-canary' fixture.txt | sed 's/^/fixture: /'
`

test('a key that tools, tests and models print is in no event, log, trace, listing or argv, and no model hears it (I-33)', {
  timeout: 120_000,
}, async () => {
  const say = { say: `The key is ${key}, or ${base64(key)}.` }
  const band = await scene({
    files: {
      '.agents/coder.ts': coder,
      '.agents/tools/leak.ts': leak,
      'check.sh': check,
      'fixture.txt': `${key}\n${wrapped(`{"key":"${key}"}`)}\n`,
    },
    turns: [
      ...planning({ id: 'one', title: `Write one with ${key}`, files: ['one.txt'] }),
      {
        role: 'coder',
        steps: [
          say,
          { call: 'leak', input: {}, expect: { contains: mark } },
          { call: 'read_files', input: { paths: ['fixture.txt'] }, expect: { contains: mark } },
          { call: 'run_tests', input: {}, expect: { contains: mark } },
          // A call that is denied tells its input too.
          { call: 'run_command', input: { argv: ['echo', key] }, expect: 'error' },
          write('one.txt', '1\n'),
        ],
      },
      { role: 'code-reviewer', steps: [say, verdict('approve', { summary: `It tells ${key}.` })] },
    ],
  })
  Object.assign(band.env, { ANTHROPIC_API_KEY: key })
  const state = join(dirname(band.repo), 'state', 'codeband')
  const homes = readdirSync(state).map((name) => join(state, name))
  expect(homes).toHaveLength(1)
  // What a client keeps of its own, such as a login, is not what commands have for a home.
  const login = join(homes[0]!, 'agents', 'coder-codex-0', 'codex')
  mkdirSync(login, { recursive: true })
  writeFileSync(join(login, 'auth.json'), 'sk-ant-canary of a login')
  const printed: string[] = []
  const print = async (...argv: string[]) => {
    const { stdout, stderr } = await band.cli(...argv)
    printed.push(stdout, stderr)
    return stdout
  }
  await print('run', `Use ${key}`)
  await print('log')
  await print('status', '--json')
  const events = (await print('log', '--json'))
    .split('\n')
    .flatMap((line) => (line ? [JSON.parse(line) as Recorded] : []))
  const returned = events.filter((event) => event.type === 'ToolReturned')
  const output = (tool: string) => returned.find((one) => one.tool === tool)?.output ?? ''
  expect(output('leak')).toMatch(/^told 6\n/)
  expect(output('leak').split(mark)).toHaveLength(7)
  expect(output('run_tests')).toContain('fixture: 1')
  if (sandboxed) expect(output('run_tests')).toMatch(/processes: 0\nfiles: 0\n/)
  expect(output('run_tests').split(mark).length).toBeGreaterThan(2)
  const said = events.flatMap((event) => (event.type === 'TextSaid' ? [event.text] : []))
  // The last character of base64 holds the end of a key with nothing: it may stay.
  const redacted = /^The key is \[redacted ANTHROPIC_API_KEY\], or \[redacted ANTHROPIC_API_KEY\].{0,3}\.$/
  expect(said).toEqual([expect.stringMatching(redacted), expect.stringMatching(redacted)])
  expect(events.filter(({ type }) => type === 'ViolationRecorded')).toHaveLength(1)

  // Everything that codeband keeps, but for the repository's own content in the worktrees and in the bare repository.
  expect(homes.flatMap((home) => readdirSync(home))).toEqual(expect.arrayContaining(['band.db', 'agents', 'logs']))
  const { findings, looked } = await canaries([key], { folders: homes, except: ['worktrees', 'repo.git'] })
  expect(findings).toEqual([])
  expect(looked.files).toBeGreaterThan(3)
  for (const text of printed) expect(text).not.toContain(key)
  expect(printed[0]).toContain(mark)
})
