import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultCommandLimits } from '../../core/config.ts'
import type { CommandLimits, Sandbox, SandboxCommand } from '../../core/ports/sandbox.ts'
import { sandboxHomesAndPrograms } from './sandbox/homes-and-programs.ts'
import { sandboxLimits } from './sandbox/limits.ts'

export interface SandboxTraits {
  /** Whether it holds the command by the OS. Without walls only order is promised: time, output, groups and throw-away copies. */
  walls: boolean
}

/** What every adapter of the sandbox port owes. */
export function sandboxContract(
  name: string,
  open: (limits: CommandLimits) => Promise<Sandbox>,
  { walls }: SandboxTraits,
): void {
  sandboxLimits(name, open, { walls })
  sandboxHomesAndPrograms(name, open)

  describe(`${name} keeps the sandbox contract`, () => {
    let sandbox: Sandbox
    let room: string
    let count = 0

    beforeAll(async () => {
      sandbox = await open(defaultCommandLimits)
      room = await realpath(await mkdtemp(join(tmpdir(), 'sandbox-')))
    })
    afterAll(() => rm(room, { recursive: true, force: true }))

    /** A worktree of its own with some files, and a command in it. */
    const fresh = async (name = String(count++)) => {
      const base = join(room, name)
      const [worktree, home, outside] = [join(base, 'worktree'), join(base, 'home'), join(base, 'outside')]
      for (const folder of [join(worktree, '.github/workflows'), home, outside])
        await mkdir(folder, { recursive: true })
      await writeFile(join(worktree, '.git'), 'gitdir: elsewhere\n')
      await writeFile(join(worktree, '.github/workflows/ci.yml'), 'on: push\n')
      await writeFile(join(worktree, 'a.txt'), 'a\n')
      await writeFile(join(outside, 'secret'), 'secret\n')
      const command = (argv: readonly string[], more: Partial<SandboxCommand> = {}): SandboxCommand => ({
        argv,
        cwd: worktree,
        worktree,
        writable: true,
        protect: [],
        readable: [],
        home,
        network: [],
        env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
        timeoutMs: 20_000,
        maxOutput: 20_000,
        ...more,
      })
      const sh = (script: string, more?: Partial<SandboxCommand>) => sandbox.run(command(['sh', '-c', script], more))
      const node = (script: string, more?: Partial<SandboxCommand>) =>
        sandbox.run(command(['node', '-e', script], more))
      return { base, worktree, home, outside, command, sh, node }
    }

    test('tells exit code, output, its own kind, and no more', async () => {
      const { sh } = await fresh()
      const { ms, ...rest } = await sh('echo out; sleep 0.1; echo err >&2; exit 7')
      expect(rest).toEqual({
        exitCode: 7,
        timedOut: false,
        cancelled: false,
        output: 'out\nerr\n',
        truncated: false,
        sandbox: sandbox.kind,
      })
      expect(ms).toBeGreaterThan(90)
    })

    test('runs argv as it is, without a shell', async () => {
      const { command } = await fresh()
      const words = ['$(id)', '; rm -rf .', '`id`', '--', '-x', 'ä b', '']
      const { output } = await sandbox.run(
        command(['node', '-p', 'JSON.stringify(process.argv.slice(1))', '--', ...words]),
      )
      expect(JSON.parse(output)).toEqual(words)
    })

    test('gives exactly the environment, with HOME and its own marks', async () => {
      const { command, home } = await fresh()
      const env = { PATH: '/usr/bin:/bin', ONLY: 'this', EMPTY: '' }
      const { output } = await sandbox.run(command(['/usr/bin/env', '-0'], { env }))
      const seen = Object.fromEntries(
        output
          .split('\0')
          .filter(Boolean)
          .map((line) => line.split(/=(.*)/s)),
      )
      const { PWD: _, CODEBAND_COMMAND: __, ...rest } = seen
      expect(rest).toEqual({ ...env, HOME: home })
    })

    test('a missing program is exit 127 and nothing is thrown', async () => {
      const { command } = await fresh()
      for (const argv of [['no-such-program'], ['/no/such/program'], ['./missing', 'x'], [''], []]) {
        expect(await sandbox.run(command(argv)), argv[0]).toMatchObject({ exitCode: 127, timedOut: false })
      }
      expect(await sandbox.run(command(['./a.txt']))).toMatchObject({ exitCode: 126 })
      expect(await sandbox.run(command(['true', 'nul\0byte']))).toMatchObject({ exitCode: 126 })
      expect(await sandbox.run(command(['true'], { env: { A: 'b\0--bind\0/\0/' } }))).toMatchObject({ exitCode: 126 })
    })

    test('npm test runs with the Node that codeband runs on', async () => {
      const { worktree, command } = await fresh()
      await writeFile(join(worktree, 'package.json'), '{"scripts":{"test":"node -p process.version"}}')
      const { exitCode, output } = await sandbox.run(command(['npm', '--silent', 'test']))
      expect([exitCode, output.trim()]).toEqual([0, process.version])
    })

    test('writes in the worktree, home and /tmp work', async () => {
      const { sh, worktree, home } = await fresh()
      expect(
        await sh('echo b > b.txt && echo h > "$HOME/h" && f=$(mktemp) && echo t > "$f" && cat "$f"'),
      ).toMatchObject({
        exitCode: 0,
        output: 't\n',
      })
      expect(await readFile(join(worktree, 'b.txt'), 'utf8')).toBe('b\n')
      expect(await readFile(join(home, 'h'), 'utf8')).toBe('h\n')
    })

    test('an unwritable worktree is as before, though the command sees its own writes there (RL-008)', async () => {
      const { sh, worktree, base } = await fresh()
      await symlink('a.txt', join(worktree, 'link'))
      const script = 'echo changed > a.txt; echo b > b.txt; rm .git; mkdir d; cat link b.txt; ls -d d'
      expect(await sh(script, { writable: false })).toMatchObject({ exitCode: 0, output: 'changed\nb\nd\n' })
      expect((await readdir(worktree)).sort()).toEqual(['.git', '.github', 'a.txt', 'link'])
      expect(await readFile(join(worktree, 'a.txt'), 'utf8')).toBe('a\n')
      expect((await readdir(base)).sort()).toEqual(['home', 'outside', 'worktree'])
    })

    test('a throw-away copy goes away also when the command was ended or left unwritable folders', async () => {
      const { sh, base } = await fresh()
      await sh('mkdir -p deep/er; touch deep/er/x; chmod 000 deep/er deep', { writable: false })
      await sh('sleep 60', { writable: false, timeoutMs: 400 })
      await sh('true', { writable: false, signal: AbortSignal.abort() })
      expect((await readdir(base)).sort()).toEqual(['home', 'outside', 'worktree'])
    })

    test('odd names of folders mean nothing', async () => {
      for (const name of ['a:b,c', 'back\\slash', 'it\'s $(id) "x"', 'lowerdir=/', '-x', 'ä ö']) {
        const { sh, worktree } = await fresh(name)
        for (const writable of [true, false]) {
          const result = await sh('cat a.txt; echo b > b.txt; cat b.txt', { writable, protect: ['.git'] })
          expect(result, `${name} ${writable}`).toMatchObject({ exitCode: 0, output: 'a\nb\n' })
          expect((await readdir(worktree)).includes('b.txt')).toBe(writable)
          await rm(join(worktree, 'b.txt'), { force: true })
        }
      }
    })

    test('protected paths are as before, existing or not, and leave no trace', async () => {
      const { sh, worktree, outside } = await fresh()
      await symlink('a.txt', join(worktree, '.npmrc'))
      await mkdir(join(worktree, '.agents/tools'), { recursive: true })
      await writeFile(join(worktree, '.agents/coder.ts'), 'role')
      const protect = ['.git', '.agents', '.github/workflows', '.claude', '.mcp.json', '.npmrc', 'x/y/z', '.vscode']
      const script = [
        'echo evil > .git; rm -f .git; mv a.txt .git',
        'echo evil >> .agents/coder.ts; echo evil > .agents/new.ts; rm -rf .agents; mkdir .agents; echo evil > .agents/e.ts',
        'mv .github .gh; mkdir -p .github/workflows; echo evil > .github/workflows/evil.yml',
        'mkdir .claude; echo evil > .claude/settings.json; echo evil > .mcp.json',
        'rm .npmrc; echo evil > .npmrc; mkdir -p x/y/z; echo evil > x/y/z/f',
        `ln -s ${outside} .vscode; true`,
      ].join('\n')
      expect(await sh(script, { protect })).toMatchObject({ exitCode: 0 })
      const read = (path: string) => readFile(join(worktree, path), 'utf8')
      expect(await read('.git')).toBe('gitdir: elsewhere\n')
      expect(await read('.agents/coder.ts')).toBe('role')
      expect(await readdir(join(worktree, '.agents'))).toEqual(['coder.ts', 'tools'])
      expect(await readdir(join(worktree, '.github/workflows'))).toEqual(['ci.yml'])
      expect(await read('.npmrc').catch(() => 'a\n')).toBe('a\n')
      const left = await readdir(worktree)
      expect(left.filter((one) => ['.claude', '.mcp.json', '.vscode'].includes(one))).toEqual([])
      expect(await readdir(join(worktree, 'x/y'))).toEqual([])
      expect(await readdir(outside)).toEqual(['secret'])
    })

    test('a link on the way to a protected path leads the clean-up nowhere', async () => {
      const { sh, worktree, outside } = await fresh()
      await mkdir(join(outside, 'deep'))
      await sh(`ln -s ${outside} ci; ln -s / root; true`, { protect: ['ci/deep', 'ci/secret', 'root/etc/hostname'] })
      expect((await readdir(outside)).sort()).toEqual(['deep', 'secret'])
      expect((await readdir(worktree)).sort()).toEqual(['.git', '.github', 'a.txt'])
    })

    test('a protected path outside the worktree is misuse', async () => {
      const { sh } = await fresh()
      await expect(sh('true', { protect: ['../outside'] })).rejects.toThrow('is not inside')
    })

    test('the time limit ends everything', async () => {
      const { sh } = await fresh()
      const result = await sh('echo up; sleep 60 & sleep 60', { timeoutMs: 700 })
      expect(result).toMatchObject({ exitCode: null, timedOut: true, cancelled: false, output: 'up\n' })
      expect(result.ms).toBeLessThan(50_000)
    })

    test('an abort ends everything, also before the start', async () => {
      const { sh, worktree } = await fresh()
      const controller = new AbortController()
      const running = sh('echo up; sleep 60', { signal: controller.signal })
      setTimeout(() => controller.abort(), 500)
      expect(await running).toMatchObject({ exitCode: null, timedOut: false, cancelled: true })
      expect(await sh('touch started', { signal: controller.signal })).toMatchObject({
        exitCode: null,
        cancelled: true,
      })
      expect(await readdir(worktree)).not.toContain('started')
    })

    test('output over the limit is cut in the middle', async () => {
      const { node } = await fresh()
      const result = await node('process.stdout.write("x".repeat(3e6) + "END")', { maxOutput: 1_000 })
      expect(result.truncated).toBe(true)
      expect(result.output.length).toBeLessThan(1_100)
      expect(result.output).toMatch(/^xxx.*bytes left out.*END$/s)
    })

    test.runIf(process.platform === 'linux')(
      'a daemon that left its group is dead one second after the end (NX-019)',
      async () => {
        const { sh, worktree } = await fresh()
        const daemon = 'while :; do date +%s%N > beat; sleep 0.05; done'
        await sh(`(setsid sh -c '${daemon}' </dev/null >/dev/null 2>&1 &) ; sleep 0.4`)
        await sleep(1_000)
        const [before] = [await readFile(join(worktree, 'beat'), 'utf8')]
        await sleep(300)
        expect(await readFile(join(worktree, 'beat'), 'utf8')).toBe(before)
      },
    )

    test('ten at once keep apart', async () => {
      const { sh } = await fresh()
      const all = await Promise.all(Array.from({ length: 10 }, (_, one) => sh(`echo ${one}; exit ${one}`)))
      expect(all.map(({ exitCode, output }) => [exitCode, output])).toEqual(all.map((_, one) => [one, `${one}\n`]))
    })

    describe.runIf(walls)('with walls', () => {
      test('nothing outside can be read or written', async () => {
        const { sh, outside, base } = await fresh()
        const { output } = await sh(
          `cat ${outside}/secret; echo x > ${outside}/new; echo x > /usr/new; echo x > /new; echo x > /etc/passwd; cat /etc/shadow; ls ${base}`,
        )
        expect(output).not.toMatch(/^(secret|root:.*)$/m)
        expect(output).toMatch(/home\nworktree\n$/)
        expect(await readdir(outside)).toEqual(['secret'])
      })

      test('a readable folder can be read and not written', async () => {
        const { sh, outside } = await fresh()
        const { output } = await sh(`cat ${outside}/secret; echo x > ${outside}/new`, { readable: [outside] })
        expect(output).toMatch(/^secret\n/)
        expect(await readdir(outside)).toEqual(['secret'])
      })

      test('a protected path cannot be written while the command runs', async () => {
        const { sh } = await fresh()
        const { output } = await sh(
          'echo evil > .git; mv .git x; mv .github x; cd ..; mv worktree x; cat worktree/.git',
          {
            protect: ['.git', '.github/workflows'],
          },
        )
        expect(output).toMatch(/gitdir: elsewhere\n$/)
        expect(output.match(/Device or resource busy/g)).toHaveLength(3)
      })

      test('loopback, a UNIX socket by path and an abstract one are out of reach (NX-003, NX-005, NX-006)', async () => {
        const { node, base } = await fresh()
        const names = [{ port: 0, host: '127.0.0.1' }, { path: join(base, 'socket') }, { path: '\0sandbox-contract' }]
        let reached = 0
        const servers = names.map(() =>
          createTcpServer((socket) => {
            reached++
            socket.destroy()
          }),
        )
        try {
          await Promise.all(servers.map((one, at) => new Promise<void>((done) => one.listen(names[at], done))))
          const { port } = servers[0]!.address() as { port: number }
          const targets = JSON.stringify([
            { port, host: '127.0.0.1' },
            { port: 80, host: '169.254.169.254' },
            ...names.slice(1),
          ])
          const { output } = await node(
            `for (const to of ${targets}) require('net').connect(to).on('connect', () => console.log('reached')).on('error', () => console.log('no'))`,
          )
          expect([output, reached]).toEqual(['no\n'.repeat(4), 0])
        } finally {
          for (const server of servers) server.close()
        }
      })

      test('host processes are invisible and cannot be signalled', async () => {
        const { node } = await fresh()
        const { output } = await node(
          `const { readdirSync } = require('fs'); console.log(readdirSync('/proc').filter((n) => /^\\d+$/.test(n)).length < 6); try { process.kill(${process.pid}, 0); console.log('alive') } catch (e) { console.log(e.code) }`,
        )
        expect(output).toBe('true\nESRCH\n')
      })

      test('no environment of the host stands anywhere in /proc (a leak through the first process)', async () => {
        const { sh } = await fresh()
        const { output } = await sh('cat /proc/*/environ | tr "\\0" "\\n" | cut -d= -f1 | sort -u')
        expect(output.trim().split('\n').sort()).toEqual(['HOME', 'PATH', 'PWD'])
      })

      test('no capability and no user namespace is left to work with (NX-021)', async () => {
        const { sh } = await fresh()
        const { output } = await sh(
          'grep CapEff /proc/self/status; mount -t tmpfs x /tmp && echo mounted; unshare -Urm true && echo unshared',
        )
        expect(output).toMatch(/CapEff:\t0{16}/)
        expect(output).not.toMatch(/mounted|unshared/)
      })

      test('a link out of the worktree leads nowhere inside (NX-022)', async () => {
        const { sh, outside } = await fresh()
        expect(await sh(`ln -s ${outside} escape; cat escape/secret`)).toMatchObject({ exitCode: 1 })
      })

      test('looking up its own name does not wait for a resolver', async () => {
        const { node } = await fresh()
        const { output, ms } = await node(
          "require('dns').lookup(require('os').hostname(), (e, a) => console.log(e?.code ?? a)); require('dns').lookup('example.org', (e) => console.log(e?.code))",
        )
        expect(output).toMatch(/^127\.0\.0\.1$/m)
        expect(ms).toBeLessThan(2_000)
      })

      test('with hosts the loopback of the host is out of reach, but for what is named, by the proxy', async () => {
        const { node } = await fresh()
        const server = createServer((request, answer) => answer.end(`hello ${request.url}`))
        await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
        const { port } = server.address() as { port: number }
        const ask = `require('net').connect(${port}, '127.0.0.1').on('connect', () => console.log('reached')).on('error', (e) => console.log(e.code))
          fetch('http://localhost:${port}/a').then(async (a) => console.log(a.status, await a.text()), () => console.log('no'))`
        const inOrder = async (network: readonly string[]) => {
          const { output, refusedHosts } = await node(ask, { network })
          return [...output.trim().split('\n').sort(), ...(refusedHosts ?? [])]
        }
        expect(await inOrder([`localhost:${port}`])).toEqual(['200 hello /a', 'ECONNREFUSED'])
        expect(await inOrder(['localhost:1'])).toEqual(['ECONNREFUSED', 'no', `localhost:${port}`])
        server.close()
      })

      test('with hosts a command is what it is without: its exit code, a missing program, the end by time and by the caller', async () => {
        const { sh, command } = await fresh()
        const network = ['example.com']
        expect(await sh('echo out; exit 7', { network })).toMatchObject({ exitCode: 7, output: 'out\n' })
        expect(await sh('kill -KILL $$', { network })).toMatchObject({ exitCode: 137 })
        expect(await sandbox.run(command(['no-such-program'], { network }))).toMatchObject({ exitCode: 127 })
        const slow = { network, timeoutMs: 300 }
        expect(await sh('sleep 60', slow)).toMatchObject({ exitCode: null, timedOut: true })
        const controller = new AbortController()
        const running = sh('sleep 60', { network, signal: controller.signal })
        setTimeout(() => controller.abort(), 300)
        expect(await running).toMatchObject({ exitCode: null, cancelled: true })
      })
    })
  })
}
