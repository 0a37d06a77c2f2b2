import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { CommandLimits, CommandResult, Sandbox, SandboxCommand } from '../../../core/ports/sandbox.ts'

const small: CommandLimits = { memoryMb: 300, processes: 200, fileMb: 16, freeMb: 0 }

/** What every sandbox owes to its host: no command takes more than it may, and none leaves anything running. */
export function sandboxLimits(
  name: string,
  open: (limits: CommandLimits) => Promise<Sandbox>,
  { walls }: { walls: boolean },
): void {
  describe.runIf(process.platform === 'linux')(`${name} limits a command`, () => {
    let sandbox: Sandbox
    let room: string
    let worktree: string

    beforeAll(async () => {
      sandbox = await open(small)
      room = await realpath(await mkdtemp(join(tmpdir(), 'sandbox-limits-')))
      worktree = join(room, 'worktree')
      for (const folder of [worktree, join(room, 'home')]) await mkdir(folder)
    })
    afterAll(() => rm(room, { recursive: true, force: true }))

    const command = (argv: readonly string[], more: Partial<SandboxCommand> = {}): SandboxCommand => ({
      argv,
      cwd: worktree,
      worktree,
      writable: true,
      protect: [],
      readable: [],
      home: join(room, 'home'),
      network: [],
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
      timeoutMs: 60_000,
      maxOutput: 4_000,
      ...more,
    })
    const run = (argv: readonly string[], more?: Partial<SandboxCommand>): Promise<CommandResult> =>
      sandbox.run(command(argv, more))
    const sh = (script: string, more?: Partial<SandboxCommand>) => run(['sh', '-c', script], more)
    const node = (script: string, more?: Partial<SandboxCommand>) => run(['node', '-e', script], more)

    test('a fork bomb is stopped, and says why (NX-018)', async () => {
      // It doubles nine times and no more: the tests beside this one need processes too.
      const result = await sh('bomb() { [ $1 -gt 0 ] && { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; sleep 60; }; bomb 9')
      expect(result).toMatchObject({ exitCode: null, timedOut: false, limit: 'processes' })
      expect(result.output).toMatch(
        /codeband: stopped, it had more than 200 processes and threads \(limits\.processes\)\n$/,
      )
      expect((await sh('echo usable')).output).toBe('usable\n')
    })

    test('a hog of memory is stopped, and says why (NX-018)', async () => {
      const result = await node('const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))')
      expect(result).toMatchObject({ exitCode: null, timedOut: false, limit: 'memory' })
      expect(result.output).toMatch(/held more than 300 MiB of memory \(limits\.memoryMb\)\n$/)
    })

    test('many processes that share a hog of memory are stopped too', async () => {
      const each = 'const held = Buffer.alloc(8e7, 1); setTimeout(() => held[0], 60000)'
      const result = await sh(`for one in 1 2 3 4 5 6; do node -e '${each}' & done; wait`)
      expect(result).toMatchObject({ exitCode: null, limit: 'memory' })
    })

    test('memory that processes share counts once', async () => {
      const share = `const { fork } = require('child_process'); for (let one = 0; one < 8; one++) fork('child.cjs')`
      await writeFile(join(worktree, 'child.cjs'), 'setTimeout(() => {}, 700)')
      expect(await node(share)).toMatchObject({ exitCode: 0 })
    })

    test('a file of 100 GB does not come into being, with holes or without (NX-018)', async () => {
      const sparse = await run(['truncate', '-s', '100G', 'sparse'])
      expect(sparse.limit).toBe('file')
      expect(sparse.output).toMatch(/a file would have grown over 16 MiB \(limits\.fileMb\)\n$/)
      expect(await run(['dd', 'if=/dev/zero', 'of=full', 'bs=1M', 'count=100'])).toMatchObject({ limit: 'file' })
      const ignoring = await node("require('fs').writeFileSync('ignoring', Buffer.alloc(2e7))")
      expect(ignoring).toMatchObject({ exitCode: 1, limit: 'file' })
      for (const file of await readdir(worktree)) {
        expect((await stat(join(worktree, file))).size, file).toBeLessThanOrEqual(16 * 1024 ** 2)
      }
    })

    test('a disk that has less left than shall stay free ends a command, and says why', async () => {
      const all = 2 ** 40
      const result = await (await open({ ...small, freeMb: all })).run(command(['sleep', '60']))
      expect(result).toMatchObject({ exitCode: null, timedOut: false, limit: 'disk' })
      expect(result.output).toBe(`codeband: stopped, less than ${all} MiB were left free on the disk (limits.freeMb)\n`)
      const short = await (await open({ ...small, freeMb: 1 })).run(command(['sleep', '0.2']))
      expect(short).toMatchObject({ exitCode: 0, output: '' })
    })

    test('many files together do not fill the disk', async ({ skip }) => {
      const where = walls ? 'worktree' : 'home'
      const folder = join(room, 'small')
      if (!(await smallDisk(folder))) skip('this machine does not let us mount a small file system')
      const fill = 'for n in $(seq 60); do head -c 1M /dev/zero > "$0/f$n" || exit 1; sleep 0.01; done'
      const walled = await open({ ...small, freeMb: 32 })
      const result = await walled.run(
        command(['sh', '-c', fill, folder], { [where]: folder, ...(where === 'worktree' && { cwd: folder }) }),
      )
      expect(result).toMatchObject({ exitCode: null, limit: 'disk' })
      expect((await readdir(folder)).length).toBeLessThan(60)
    })

    test('a flood of output is stopped, and says why', async () => {
      const result = await run(['yes'])
      expect(result).toMatchObject({ exitCode: null, limit: 'output', truncated: true })
      expect(result.output).toMatch(/codeband: stopped, it wrote more than 256 MiB of output\n$/)
      expect(result.output.length).toBeLessThan(4_200)
    })

    test('no memory of a process is written to a core file (SE-009)', async () => {
      expect((await sh('ulimit -c; kill -SEGV $$')).output).toMatch(/^0\n/)
      expect((await readdir(worktree)).filter((one) => one.startsWith('core'))).toEqual([])
    })

    test('it is the first to go where memory is short', async () => {
      expect((await run(['cat', '/proc/self/oom_score_adj'])).output).toBe('1000\n')
    })

    test('a command of many processes that stays within its limits runs as it is', async () => {
      await writeFile(join(worktree, 'package.json'), '{"scripts":{"test":"node worker.cjs"}}')
      const worker = `const { Worker } = require('worker_threads'); let left = 4
        for (let one = 0; one < 4; one++) new Worker('0', { eval: true }).on('exit', () => --left || console.log('done'))`
      await writeFile(join(worktree, 'worker.cjs'), worker)
      const { limit, ...result } = await run(['npm', '--silent', 'test'])
      expect({ ...result, limit }).toMatchObject({ exitCode: 0, output: 'done\n', limit: undefined })
    })

    test.each([
      ['in a session of its own', 'setsid sleep MARK'],
      ['that its parents have left', '(setsid sh -c "sleep MARK & sleep MARK" &) ; sleep 0.2'],
      ['that takes no hang-up for an end', 'nohup sleep MARK'],
      ['that does not listen to TERM', 'sh -c \'trap "" TERM INT HUP; sleep MARK; sleep MARK\''],
      // Without walls nothing is left of such a one by which it could be known, unless it was seen while its parent lived.
      walls
        ? ['with an empty environment and no parent', '(env -i setsid sleep MARK &) ; sleep 0.3']
        : ['with an empty environment, seen beside its parent', '(env -i setsid sleep MARK & sleep 1.5)'],
    ])('no process %s is alive one second after the end (NX-019)', async (_, script) => {
      // Time to be seen, also on a busy machine.
      const [long, until] = script.includes('1.5') ? [1.7, 2_000] : [0.3, 500]
      for (const [index, limit] of [undefined, 'time', 'abort'].entries()) {
        const more =
          limit === 'time' ? { timeoutMs: until } : limit === 'abort' ? { signal: AbortSignal.timeout(until) } : {}
        const mark = `${6_000 + index}.${process.pid}${Math.floor(Math.random() * 1e6)}`
        const own = `(${script.replaceAll('MARK', mark)}) </dev/null >/dev/null 2>&1 &\nsleep ${long}${index ? '; sleep 60' : ''}`
        await sh(own, more)
        for (let round = 0; round < 20 && (await running(mark)).length > 0; round++) {
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        expect(await running(mark)).toEqual([])
      }
    })
  })
}

/** A file system of its own with 64 MiB, where this machine lets us mount one. */
async function smallDisk(folder: string): Promise<boolean> {
  await mkdir(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=0700', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return false
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
  return true
}

/** Arguments of the processes of this machine that name the word. */
async function running(word: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.map((line) => line.replaceAll('\0', ' ')).filter((line) => line.includes(word))
}
