import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run, start } from '../../../adapters/processes/process.ts'

let cwd: string
const env = { PATH: process.env.PATH! }
const node = process.execPath
const limits = { timeoutMs: 20_000, maxOutput: 10_000 }
const js = (code: string) => [node, '-e', code]

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'process-'))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

const alive = async (pid: number) => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && !/\) [ZX] /.test(stat)
}

test.runIf(process.platform === 'linux')(
  'a program has none of the descriptors that this process was given: an open folder leads out of every sandbox',
  () => {
    const code = `
      import { run } from ${JSON.stringify(new URL('../../../adapters/processes/process.ts', import.meta.url))}
      const limits = { cwd: '/', env: { PATH: process.env.PATH }, timeoutMs: 20_000, maxOutput: 10_000 }
      const look = 'cat <&3; for fd in 40 41; do readlink /proc/self/fd/$fd; done; ls /proc/self/fd/40/'
      const { output } = await run(['sh', '-c', look], { ...limits, files: ['given '] })
      console.log(output, (await run(['sh', '-c', 'exec bash -c "echo x >&1050"'], limits)).exitCode)`
    const folder = openSync(cwd, 'r')
    const others = Array.from({ length: 37 }, () => 'ignore' as const)
    const far = Array.from({ length: 1008 }, () => 'ignore' as const)
    const { stdout, stderr } = spawnSync(node, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', ...others, folder, folder, ...far, folder],
    })
    closeSync(folder)
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(
        /^given \/dev\/null\n\/dev\/null\nls: [^\n]*\/proc\/self\/fd\/40\/'?: Not a directory\n 1\n$/,
      ),
      stderr: '',
    })
  },
)

describe('run', () => {
  test('gives exit code, output of both streams and stdout alone', async () => {
    const { ms, ...rest } = await run(
      js('console.log("one"); setTimeout(() => { console.error("two"); process.exitCode = 3 }, 50)'),
      { cwd, env, ...limits },
    )
    expect(rest).toEqual({
      exitCode: 3,
      timedOut: false,
      cancelled: false,
      output: 'one\ntwo\n',
      stdout: 'one\n',
      truncated: false,
      report: '',
    })
    expect(ms).toBeGreaterThan(40)
  })

  test('passes exactly the given environment and no shell reads the arguments', async () => {
    const { stdout } = await run(
      [...js('console.log(JSON.stringify([process.env, process.argv.slice(1)]))'), '$(id)', '; ls'],
      {
        cwd,
        env: { ...env, ONLY: 'this' },
        ...limits,
      },
    )
    expect(JSON.parse(stdout)).toEqual([{ ...env, ONLY: 'this' }, ['$(id)', '; ls']])
  })

  test('a missing program is exit 127, a missing folder too, an unexecutable file 126', async () => {
    const plain = join(cwd, 'plain')
    await writeFile(plain, 'text', { mode: 0o644 })
    const codes = []
    for (const [argv, folder] of [
      [['no-such-program-here'], cwd],
      [['/no/such/file'], cwd],
      [[], cwd],
      [[node, '-v'], join(cwd, 'nowhere')],
      [[plain], cwd],
      [['echo', 'nul\0byte'], cwd],
    ] as const) {
      const { exitCode, output } = await run(argv, { cwd: folder, env, ...limits })
      codes.push([exitCode, output !== ''])
    }
    expect(codes).toEqual([
      [127, true],
      [127, true],
      [127, true],
      [127, true],
      [126, true],
      [126, true],
    ])
  })

  test('looks the program up in the given PATH, not in its own', async () => {
    const { exitCode } = await run(['git', '--version'], { cwd, env: { PATH: cwd }, ...limits })
    expect(exitCode).toBe(127)
  })

  test('the time limit ends a program that ignores TERM (F-PR-06)', async () => {
    const result = await run(js('process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1e3)'), {
      cwd,
      env,
      ...limits,
      timeoutMs: 500,
    })
    expect(result).toMatchObject({ exitCode: null, timedOut: true, cancelled: false, output: 'up\n' })
    expect(result.ms).toBeLessThan(5_000)
  })

  test('an abort ends it, also one that came before the start', async () => {
    const controller = new AbortController()
    const running = run(js('console.log("up"); setInterval(() => {}, 1e3)'), {
      cwd,
      env,
      ...limits,
      signal: controller.signal,
    })
    await sleep(300)
    controller.abort()
    expect(await running).toMatchObject({ exitCode: null, timedOut: false, cancelled: true })
    expect(await run(['touch', 'started'], { cwd, env, ...limits, signal: controller.signal })).toMatchObject({
      cancelled: true,
    })
    await expect(readFile(join(cwd, 'started'))).rejects.toThrow('ENOENT')
  })

  test('a grandchild dies with its group', async () => {
    const { stdout, ms } = await run(['sh', '-c', 'sleep 300 & echo $!'], { cwd, env, ...limits })
    expect(await alive(Number(stdout))).toBe(false)
    expect(ms).toBeLessThan(5_000)
  })

  test.runIf(process.platform === 'linux')(
    'an orphan that left the group and holds the pipe does not hold the result',
    async () => {
      const { stdout, ms } = await run(['sh', '-c', "echo said; setsid sh -c 'echo $$; exec sleep 300' & sleep 0.3"], {
        cwd,
        env,
        ...limits,
      })
      expect(stdout).toMatch(/^said\n\d+\n$/)
      expect(ms).toBeLessThan(5_000)
      expect(await alive(Number(stdout.split('\n')[1]))).toBe(true)
      process.kill(Number(stdout.split('\n')[1]), 'SIGKILL')
    },
  )

  test('output over the limit keeps head and tail and says how much is missing', async () => {
    const result = await run(js('process.stdout.write("a".repeat(5e6) + "END")'), {
      cwd,
      env,
      ...limits,
      maxOutput: 100,
    })
    expect(result.truncated).toBe(true)
    expect(result.output).toBe(`${'a'.repeat(50)}\n[... 4999903 bytes left out ...]\n${'a'.repeat(47)}END`)
  })

  test('a cut never splits a character', async () => {
    for (const maxOutput of [7, 8, 9, 10, 11]) {
      const { output } = await run(js('process.stdout.write("😀ä€".repeat(50))'), { cwd, env, ...limits, maxOutput })
      expect(output).not.toContain('\ufffd')
    }
  })

  test('input reaches stdin, and a program that does not read it is no error', async () => {
    expect(await run(['cat'], { cwd, env, ...limits, input: 'hello' })).toMatchObject({ stdout: 'hello', exitCode: 0 })
    expect(await run(['true'], { cwd, env, ...limits, input: 'x'.repeat(1e7) })).toMatchObject({ exitCode: 0 })
    expect(await run(['cat'], { cwd, env, ...limits })).toMatchObject({ stdout: '', exitCode: 0 })
  })

  test('files reach further descriptors and a report comes back on the next', async () => {
    const argv = ['sh', '-c', 'cat <&3; cat <&4; echo seen >&5']
    const options = { cwd, env, ...limits, files: ['one\n', 'two\n'], report: true }
    expect(await run(argv, options)).toMatchObject({ stdout: 'one\ntwo\n', report: 'seen\n', exitCode: 0 })
    expect(await run(['no-such-program-here'], options)).toMatchObject({ report: '', exitCode: 127 })
  })

  test('a program killed by a signal has no exit code', async () => {
    expect(await run(['sh', '-c', 'kill -9 $$'], { cwd, env, ...limits })).toMatchObject({
      exitCode: null,
      timedOut: false,
      cancelled: false,
    })
  })
})

describe('start', () => {
  test('gives live streams and the exit', async () => {
    const child = start(['cat'], { cwd, env })
    child.stdin.write('ping')
    const [chunk] = await new Promise<Buffer[]>((resolve) => child.stdout.once('data', (data) => resolve([data])))
    expect(String(chunk)).toBe('ping')
    child.stdin.end()
    expect(await child.exited).toEqual({ exitCode: 0 })
  })

  test('kill ends the whole group, twice is once', async () => {
    const child = start(['sh', '-c', 'trap "" TERM; sleep 300 & echo $!; wait; sleep 300'], { cwd, env })
    const inner = Number(
      await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data)))),
    )
    await Promise.all([child.kill(), child.kill()])
    expect([await alive(child.pid), await alive(inner)]).toEqual([false, false])
    expect(await child.exited).toEqual({ exitCode: null, signal: 'SIGKILL' })
  })

  test('a missing program settles as exit 127 and kill of it touches nothing', async () => {
    const child = start(['no-such-program-here'], { cwd, env })
    child.stdin.write('to nobody')
    expect(await child.exited).toMatchObject({ exitCode: 127 })
    expect(child.pid).toBeNaN()
    await child.kill()
  })
})
