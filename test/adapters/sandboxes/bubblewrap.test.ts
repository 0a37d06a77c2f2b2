import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { bubblewrap, findBubblewrap } from '../../../adapters/sandboxes/bubblewrap.ts'
import { type SelfTest, selfTest } from '../../../adapters/sandboxes/self-test.ts'
import { defaultCommandLimits } from '../../../core/config.ts'
import { sandboxContract } from '../../contracts/sandbox.ts'

const found = await findBubblewrap()
const installed = 'missing' in found ? undefined : found
/** '' when every wall holds, else the first that does not. */
const problemOf = (result: SelfTest): string =>
  'unusable' in result ? result.unusable : (result.walls.find(({ holds }) => !holds)?.found ?? '')
const problems = await Promise.all(
  (['copy', installed?.throwAway ?? 'mounted'] as const).map(async (throwAway) => ({
    throwAway,
    problem: installed
      ? problemOf(await selfTest(await bubblewrap({ ...installed, throwAway }, defaultCommandLimits)))
      : `no bwrap on this ${process.platform}`,
  })),
)

for (const { throwAway, problem } of problems) {
  const name = `bubblewrap with throw-away writes by ${throwAway}`
  // An overlay depends on the kernel, and openSandbox does without it; the copy must work wherever CI runs.
  if (problem && (throwAway !== 'copy' || process.env.CI !== 'true')) test.skip(`${name}: ${problem}`, () => undefined)
  else {
    test(`${name} works here`, () => expect(problem).toBe(''))
    sandboxContract(name, (limits) => bubblewrap({ ...installed!, throwAway }, limits), { walls: true })
  }
}

describe.runIf(problems[0]!.problem === '')('bubblewrap', () => {
  test('kill -9 of codeband ends the command too, and leaves nothing of its way to the network', async () => {
    const room = await mkdtemp(join(tmpdir(), 'bubblewrap-'))
    await Promise.all(['worktree', 'home'].map((name) => mkdir(join(room, name))))
    const adapter = new URL('../../../adapters/sandboxes/bubblewrap.ts', import.meta.url)
    const script = `
      const { bubblewrap, findBubblewrap } = await import(${JSON.stringify(adapter.href)})
      const sandbox = await bubblewrap({ ...(await findBubblewrap()), throwAway: 'copy' }, { memoryMb: 1000, processes: 100, fileMb: 100, freeMb: 0 })
      const [worktree, home] = [${JSON.stringify(join(room, 'worktree'))}, ${JSON.stringify(join(room, 'home'))}]
      await sandbox.run({ argv: ['sh', '-c', 'setsid sh -c "while :; do date +%s%N > beat; sleep 0.05; done"'], cwd: worktree, worktree,
        writable: true, protect: [], readable: [], home, network: ['example.com'], env: { PATH: '/usr/bin:/bin' }, timeoutMs: 60000, maxOutput: 1000 })`
    const codeband = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
    const beat = () => readFile(join(room, 'worktree/beat'), 'utf8').catch(() => '')
    for (let turn = 0; turn < 200 && (await beat()) === ''; turn++) await sleep(50)
    expect(await beat()).not.toBe('')
    const doors = async () =>
      (await readdir(tmpdir())).filter((name) => name.startsWith(`codeband-net-${codeband.pid}-`))
    expect(await doors()).toHaveLength(1)
    codeband.kill('SIGKILL')
    await sleep(1_000)
    const last = await beat()
    await sleep(300)
    expect(await beat()).toBe(last)
    expect(await doors()).toEqual([])
    await rm(room, { recursive: true })
  })

  test.runIf(existsSync('/usr/bin/perl'))(
    'the keys of the session that codeband was started in cannot be asked for, and none can be left there',
    async () => {
      const [add, request, control] = process.arch === 'x64' ? [248, 249, 250] : [217, 218, 219]
      const tries = [
        `my ($t, $n, $p) = ("user", "codeband-test", "x");`,
        `print syscall(${add}, $t, $n, $p, 1, -3), " $!\\n";`,
        `print syscall(${request}, $t, $n, 0, 0), " $!\\n";`,
        `print syscall(${control}, 0, -3, 1), " $!\\n";`,
      ].join('')
      const room = await mkdtemp(join(tmpdir(), 'bubblewrap-'))
      const [worktree, home] = [join(room, 'worktree'), join(room, 'home')]
      await mkdir(worktree)
      const sandbox = await bubblewrap({ ...installed!, throwAway: 'copy' }, defaultCommandLimits)
      const { output } = await sandbox.run({
        ...{ argv: ['perl', '-e', tries], cwd: worktree, worktree, writable: true, protect: [], readable: [], home },
        ...{ network: [], env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, timeoutMs: 20_000, maxOutput: 1000 },
      })
      expect(output).toBe('-1 Operation not permitted\n'.repeat(3))
      await rm(room, { recursive: true })
    },
  )

  test('the self-test leaves nothing behind', async () => {
    const own = await mkdtemp(join(tmpdir(), 'self-test-'))
    vi.stubEnv('TMPDIR', own)
    onTestFinished(async () => {
      vi.unstubAllEnvs()
      await rm(own, { recursive: true })
    })
    expect(
      problemOf(await selfTest(await bubblewrap({ ...installed!, throwAway: 'copy' }, defaultCommandLimits))),
    ).toBe('')
    expect(await readdir(own)).toEqual([])
  })
})
