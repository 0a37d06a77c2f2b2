import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Sandbox, SandboxCommand } from '../../../core/ports/sandbox.ts'
import type { Role } from '../../../core/role/role.ts'
import { coder, openBench, reviewer, trappedWorktree } from './scene.ts'

/** Keeps what it was asked and answers what it is given. */
function recordingSandbox(answer: Partial<Awaited<ReturnType<Sandbox['run']>>> = {}): {
  sandbox: Sandbox
  asked: SandboxCommand[]
} {
  const asked: SandboxCommand[] = []
  const result = {
    exitCode: 0,
    timedOut: false,
    cancelled: false,
    output: 'fine',
    truncated: false,
    ms: 1234,
    sandbox: 'bubblewrap' as const,
  }
  return {
    asked,
    sandbox: {
      kind: 'bubblewrap',
      freshHome: () => Promise.resolve(),
      run: async (command) => (asked.push(command) > 0 ? { ...result, ...answer } : result),
    },
  }
}

const runner = (...allowedCommands: (string | string[])[]): Role => ({
  ...coder,
  tools: [{ name: 'run_command', allowedCommands }],
})

test('a command runs exactly as granted, with the environment, walls and limits of core', async () => {
  const place = trappedWorktree()
  writeFileSync(join(place.root, 'src/.npmrc'), '')
  const { sandbox, asked } = recordingSandbox()
  const { call } = openBench(coder, place, {
    sandbox,
    env: { PATH: '/bin' },
    home: '/home/w',
    store: '/store.git',
    commandTimeoutMs: 5000,
  })
  expect(await call('run_tests', { command: ' npm  test' })).toEqual({
    ok: true,
    output: 'npm test: exit 0 after 1.2 s\nfine',
    sandbox: 'bubblewrap',
  })
  const [{ protect, signal, ...rest }] = asked as [SandboxCommand]
  expect(rest).toEqual({
    argv: ['npm', 'test'],
    cwd: place.root,
    worktree: place.root,
    writable: true,
    readable: ['/store.git'],
    home: '/home/w',
    network: [],
    env: { PATH: '/bin' },
    timeoutMs: 5000,
    maxOutput: 16_384,
  })
  expect(protect).toEqual(expect.arrayContaining(['.git', '.agents', '.github', 'codeband.config.ts', 'src/.npmrc']))
  expect(signal).toBeDefined()
})

test('a reviewer runs tests without writing the worktree', async () => {
  const { sandbox, asked } = recordingSandbox()
  const { call } = openBench(reviewer, trappedWorktree(), { sandbox })
  await call('run_tests', {})
  expect(asked[0]).toMatchObject({ writable: false })
})

test.each([
  [{ exitCode: 1, output: 'broken' }, 'npm test: exit 1 after 1.2 s\nbroken'],
  [{ exitCode: null, timedOut: true }, 'npm test: stopped at the time limit of 20 s\nfine'],
  [{ exitCode: null, cancelled: true }, 'npm test: cancelled after 1.2 s\nfine'],
  [{ exitCode: null }, 'npm test: ended by a signal after 1.2 s\nfine'],
])('how a command ended comes first: %j', async (answer, output) => {
  const { sandbox } = recordingSandbox(answer)
  expect(await openBench(coder, trappedWorktree(), { sandbox }).call('run_tests', {})).toEqual({
    ok: false,
    output,
    sandbox: 'bubblewrap',
  })
})

test('long output keeps its head and its tail', async () => {
  const { sandbox } = recordingSandbox({ output: `first ${'x'.repeat(100_000)} last` })
  const { output } = await openBench(coder, trappedWorktree(), { sandbox }).call('run_tests', {})
  expect(output.length).toBeLessThan(17_000)
  expect(output).toMatch(/first x+\n\[\.\.\. \d+ characters left out \.\.\.\]\nx+ last$/s)
})

test('where processes run bare, the output says so', async () => {
  const { call } = openBench(runner(['node', '-p', '6*7']), undefined)
  expect(await call('run_command', { argv: ['node', '-p', '6*7'] })).toMatchObject({
    denied: { code: 'policy-unavailable' },
  })
  const inPlace = openBench(runner(['node', '-p', '6*7']), trappedWorktree())
  expect(await inPlace.call('run_command', {})).toEqual({
    ok: true,
    output: expect.stringMatching(/^node -p 6\*7: exit 0 after \d+\.\d s, unsandboxed\n42\n$/),
    sandbox: 'none',
  })
})

test('without a sandbox where one is required nothing runs', async () => {
  const place = trappedWorktree()
  const { call } = openBench(runner(['touch', 'made']), place, { sandbox: undefined })
  expect(await call('run_command', {})).toMatchObject({ ok: false, denied: { code: 'policy-unavailable' } })
  expect(existsSync(join(place.root, 'made'))).toBe(false)
})

test('a word of a granted list reaches the program as it is', async () => {
  const word = 'a "b" $HOME; touch x'
  const { call } = openBench(runner(['node', '-p', 'process.argv[1]', word]), trappedWorktree())
  expect((await call('run_command', {})).output).toContain(`\n${word}\n`)
})

test('a command never overlaps a file tool of the same worker', async () => {
  const place = trappedWorktree()
  const script = "const fs=require('fs');setTimeout(()=>fs.writeFileSync('seen',fs.readFileSync('README.md')),400)"
  const both = openBench(
    { ...coder, tools: ['write_file', { name: 'run_command', allowedCommands: [['node', '-e', script]] }] },
    place,
  )
  await Promise.all([both.call('run_command', {}), both.call('write_file', { path: 'README.md', content: 'late' })])
  expect(readFileSync(join(place.root, 'seen'), 'utf8')).toBe('# Sample\n')
})

test('a call that was given up before its turn does nothing', async () => {
  const place = trappedWorktree()
  const { box } = openBench(coder, place)
  const signal = AbortSignal.abort()
  expect(await box.call('write_file', { path: 'x', content: 'x' }, { id: '1', signal })).toEqual({
    ok: false,
    output: 'cancelled',
  })
  expect(existsSync(join(place.root, 'x'))).toBe(false)
})
