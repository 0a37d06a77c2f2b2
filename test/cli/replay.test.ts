import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { planning, scene, verdict, write } from '../scene/band.ts'

const one = { id: 'one', title: 'One', files: ['a.txt'] }
const turns = [
  ...planning(one),
  { role: 'coder', steps: [{ call: 'read_files', input: { paths: ['b.txt'] } }, write('a.txt', 'one\n')] },
  { role: 'code-reviewer', steps: [verdict('approve')] },
]
const narrower = `import { defineRole } from 'codeband'
import { coder } from 'codeband/roles'

export default defineRole({
  ...coder,
  tools: ['list_files', 'write_file'],
})
`

test('a folder of roles is code that needs trust; its first denied call is shown with its line, as text and as one object', {
  timeout: 120_000,
}, async () => {
  const band = await scene({ turns })
  expect(await band.cli('replay', 't1')).toMatchObject({ code: 2, stderr: expect.stringContaining('CB_TASK_UNKNOWN') })
  await band.cli('task', 'later')
  expect(await band.cli('replay', 't1')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^CB_REPLAY_RUNNING {2}Task 't1' has not begun/),
  })
  expect(await band.cli('resume')).toMatchObject({ code: 0 })
  const equal = await band.cli('replay', 't1', '--json')
  expect(equal).toMatchObject({ code: 0, stderr: '' })
  const { events } = JSON.parse(equal.stdout)
  expect(JSON.parse(equal.stdout)).toEqual({
    task: 't1',
    events,
    equal: events,
    changed: [],
    difference: null,
    fork: null,
  })

  const other = join(band.repo, '..', 'other')
  mkdirSync(other)
  writeFileSync(join(other, 'coder.ts'), narrower)
  const untrusted = await band.cli('replay', 't1', '--roles', '../other')
  expect(untrusted).toMatchObject({ code: 2, stderr: expect.stringMatching(/^CB_UNTRUSTED/) })
  band.env.CODEBAND_TRUST = /hash ([0-9a-f]{64})/.exec(untrusted.stderr)![1]!
  const text = await band.cli('replay', 't1', '--roles', '../other')
  expect(text).toMatchObject({ code: 1, stderr: '' })
  expect(text.stdout).toContain('coder-codex-0 at conductor/3/0.0 (../other/coder.ts:6:3)')
  expect(text.stdout).toMatch(/^ {2}now {3}read_files is denied \(tool-not-in-role\)/m)
  const { difference } = JSON.parse((await band.cli('replay', 't1', '--roles', '../other', '--json')).stdout)
  expect(difference).toMatchObject({
    kind: 'gate',
    worker: 'coder-codex-0',
    declared: { file: '../other/coder.ts', line: 6, column: 3 },
    tools: { added: [], removed: expect.arrayContaining(['read_files', 'run_tests']) },
  })
  expect(await band.cli('replay', 't1', '--roles', '../other', '--recorded')).toMatchObject({ code: 2 })

  // What the task began with, whatever the files say; without it there is nothing to play.
  mkdirSync(join(band.repo, '.agents'))
  writeFileSync(join(band.repo, '.agents/coder.ts'), 'not even TypeScript (')
  expect(await band.cli('replay', 't1', '--recorded')).toMatchObject({ code: 0 })
  rmSync(join(band.repo, '.agents'), { recursive: true })
  const home = readdirSync(join(band.env.XDG_STATE_HOME!, 'codeband'))[0]!
  rmSync(join(band.env.XDG_STATE_HOME!, 'codeband', home, 'roles'), { recursive: true })
  expect(await band.cli('replay', 't1', '--recorded')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^CB_DEFINITIONS_GONE/),
  })
})

test('--live goes on in a home of its own: the branch, the log and the worktrees of the task stay as they are', {
  timeout: 120_000,
}, async () => {
  const band = await scene({ turns })
  expect(await band.cli('run', 'One')).toMatchObject({ code: 0 })
  const before = { log: (await band.cli('log', '--json')).stdout, main: band.git('rev-parse', 'main') }
  mkdirSync(join(band.repo, '.agents'))
  writeFileSync(join(band.repo, '.agents/coder.ts'), narrower)
  await band.cli('trust', '--yes')
  // The new coder may not read: its model writes something else.
  band.script([
    ...planning(one),
    { role: 'coder', steps: [write('a.txt', 'another\n')] },
    { role: 'code-reviewer', steps: [verdict('approve')] },
  ])
  const live = await band.cli('replay', 't1', '--live', '--json')
  expect(live).toMatchObject({ code: 0, stderr: '' })
  const { fork, difference } = JSON.parse(live.stdout)
  expect(difference).toMatchObject({ kind: 'gate' })
  expect(fork).toMatchObject({ home: expect.stringMatching(/\/forks\/t1-1$/), outcome: 'stopped' })
  expect(fork.candidate).toMatchObject({ target: 'main' })
  const diff = band.git(`--git-dir=${fork.home}/repo.git`, 'diff', fork.candidate.base, fork.candidate.commit)
  expect(diff).toContain('+another')
  expect({ log: (await band.cli('log', '--json')).stdout, main: band.git('rev-parse', 'main') }).toEqual(before)
  expect(band.git('status', '--porcelain')).toBe('?? .agents/')
  expect(JSON.parse((await band.cli('replay', 't1', '--live', '--json')).stdout).fork.home).toMatch(/t1-2$/)
})
