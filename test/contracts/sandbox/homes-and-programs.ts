import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultCommandLimits } from '../../../core/config.ts'
import type { CommandLimits, Sandbox, SandboxCommand } from '../../../core/ports/sandbox.ts'

/** What a command finds that was not given to it by name: its home, and the programs on its PATH. */
export function sandboxHomesAndPrograms(name: string, open: (limits: CommandLimits) => Promise<Sandbox>): void {
  describe(`${name} keeps homes apart and programs as they were`, () => {
    let sandbox: Sandbox
    let room: string
    let command: (argv: readonly string[], more?: Partial<SandboxCommand>) => SandboxCommand

    beforeAll(async () => {
      sandbox = await open(defaultCommandLimits)
      room = await realpath(await mkdtemp(join(tmpdir(), 'sandbox-homes-')))
      const [worktree, home] = [join(room, 'worktree'), join(room, 'home')]
      await mkdir(worktree)
      command = (argv, more = {}) => ({
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
    })
    afterAll(() => rm(room, { recursive: true, force: true }))

    test('a fresh home holds nothing of what commands left, whatever that was, and is for this user alone', async () => {
      const { home } = command([])
      const leave = `cd "$HOME" && echo x > .npmrc && mkdir -p tmp deep shut/in && chmod 500 shut && ln -s / root &&
        i=0; while [ $i -lt 60 ]; do n=$(printf 'd%.0s' $(seq 200)); mkdir $n; cd $n; i=$((i+1)); done`
      await sandbox.freshHome(home)
      await sandbox.run(command(['bash', '-c', leave]))
      expect(await readdir(home)).toContain('.npmrc')
      await sandbox.freshHome(home)
      expect(await readdir(home)).toEqual([])
      expect((await stat(home)).mode & 0o777).toBe(0o700)
      expect((await readdir(room)).sort()).toEqual(['home', 'worktree'])
      await chmod(home, 0o755)
      await sandbox.freshHome(home)
      await symlink('/etc', join(room, 'linked'))
      await sandbox.freshHome(join(room, 'linked'))
      expect(await readdir(join(room, 'linked'))).toEqual([])
      expect(await readFile('/etc/passwd', 'utf8')).toContain('root')
    })

    test('a fresh home can begin with a copy of another, without what only saves a download, and nothing goes back', async () => {
      const { home } = command([])
      const from = join(room, 'from')
      for (const folder of [
        '.npm/_cacache',
        '.cargo/registry',
        '.cache/pip',
        '.cache/browser',
        'tmp',
        '.local/share/pnpm/store',
      ])
        await mkdir(join(from, folder), { recursive: true })
      for (const file of [
        '.npm/_cacache/x',
        '.cargo/registry/crate',
        '.cache/pip/x',
        '.cache/browser/run',
        '.local/share/font',
      ])
        await writeFile(join(from, file), 'was')
      await symlink('.cargo', join(from, 'link'))
      await sandbox.freshHome(home, from)
      // What lies below a link is that of its target.
      const all = (await readdir(home, { recursive: true })).filter((path) => !path.startsWith('link/'))
      expect(all.filter((path) => !path.endsWith('x')).sort()).toEqual(
        ['.cache', '.cache/browser', '.cache/browser/run', '.cargo', '.cargo/registry', '.cargo/registry/crate'].concat(
          ['.local', '.local/share', '.local/share/font', '.local/share/pnpm', 'link'],
        ),
      )
      expect(all.filter((path) => path.endsWith('x'))).toEqual([])
      await sandbox.run(command(['sh', '-c', 'echo now > "$HOME/.cargo/registry/crate"; rm -r "$HOME/.cache"']))
      expect(await readFile(join(from, '.cargo/registry/crate'), 'utf8')).toBe('was')
      expect(await readdir(join(from, '.cache'))).toEqual(['browser', 'pip'])
    })

    test('a program is looked up once: one that is put earlier on the PATH later on is not what runs', async () => {
      const [early, late] = [join(room, 'early'), join(room, 'late')]
      await mkdir(early)
      await mkdir(late)
      const write = async (folder: string, word: string) =>
        writeFile(join(folder, 'say'), `#!/bin/sh\necho ${word}\n`, { mode: 0o755 })
      await write(late, 'right')
      const env = { PATH: `${early}:${late}:/usr/bin:/bin` }
      const say = async () => (await sandbox.run(command(['say'], { env }))).output
      expect(await say()).toBe('right\n')
      await write(early, 'wrong')
      expect(await say()).toBe('right\n')
    })
  })
}
