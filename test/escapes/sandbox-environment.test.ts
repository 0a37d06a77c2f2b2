import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { baseEnv } from '../../adapters/host.ts'
import { findSandbox, openSandbox } from '../../adapters/sandboxes/open.ts'
import { defaultCommandLimits } from '../../core/config.ts'
import type { Sandbox } from '../../core/ports/sandbox.ts'
import { place } from '../scene/place.ts'

/** What a person's shell may hold that would change what a program does. */
const hostile = {
  LD_PRELOAD: '/nonexistent/evil.so',
  LD_LIBRARY_PATH: '/nonexistent',
  NODE_OPTIONS: '--require /nonexistent/evil.cjs',
  NODE_PATH: '/nonexistent',
  GIT_DIR: '/nonexistent',
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'core.fsmonitor',
  GIT_CONFIG_VALUE_0: 'evil',
  BASH_ENV: '/nonexistent/evil.sh',
  ENV: '/nonexistent/evil.sh',
  npm_config_script_shell: '/nonexistent/evil',
  SSH_AUTH_SOCK: '/nonexistent/agent',
  ANTHROPIC_API_KEY: 'sk-of-the-host',
}

const modes = ['works' in (await findSandbox()) ? 'required' : undefined, 'off'] as const

for (const mode of modes) {
  describe.runIf(mode)(`the environment of a command, sandbox '${mode}'`, () => {
    const open = (): Promise<Sandbox> => openSandbox(mode!, defaultCommandLimits)

    async function runIn(worktree: string, argv: readonly string[], path: string) {
      const home = join(dirname(worktree), 'home')
      mkdirSync(home, { recursive: true })
      const env = baseEnv({ env: { ...hostile, PATH: path } })
      const base = { cwd: worktree, worktree, writable: true, protect: [], readable: [], home, network: [] }
      return (await open()).run({ ...base, argv, env, timeoutMs: 20_000, maxOutput: 20_000 })
    }

    /** A worktree with programs of its own wherever a careless PATH would look. */
    function trapped(): { worktree: string; folders: string[] } {
      const worktree = join(place(), 'worktree')
      const folders = ['.', 'bin', 'node_modules/.bin'].map((folder) => join(worktree, folder))
      for (const folder of folders) {
        mkdirSync(folder, { recursive: true })
        for (const name of ['node', 'git', 'env', 'sh', 'own-program']) {
          writeFileSync(join(folder, name), '#!/bin/sh\necho TRAPPED\n')
          chmodSync(join(folder, name), 0o755)
        }
      }
      return { worktree, folders }
    }

    test('holds nothing of the host but PATH and LANG', async () => {
      const { worktree } = trapped()
      const { output } = await runIn(worktree, ['env'], '/usr/bin:/bin')
      const names = output
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0])
      expect(names.filter((name) => name !== 'CODEBAND_COMMAND' && name !== 'PWD').sort()).toEqual([
        'HOME',
        'LANG',
        'PATH',
      ])
      expect(output).not.toMatch(/evil|of-the-host/)
    })

    test('finds programs by absolute folders only, whatever the PATH of the host says', async () => {
      const { worktree, folders } = trapped()
      const relative = ['.', '', './bin', 'node_modules/.bin', '../worktree', '~/bin']
      for (const name of ['git', 'node', 'sh']) {
        const argv = name === 'sh' ? ['sh', '-c', 'echo fine'] : [name, '--version']
        const { output } = await runIn(worktree, argv, [...relative, folders[2], '/usr/bin', '/bin'].join(':'))
        expect(output).not.toContain('TRAPPED')
      }
      const { exitCode } = await runIn(worktree, ['own-program'], [...relative, folders[2]].join(':'))
      expect(exitCode).toBe(127)
    })

    test("npm's own scripts see the programs of their package, and nobody else does", async () => {
      const { worktree } = trapped()
      writeFileSync(join(worktree, 'package.json'), '{"scripts":{"test":"own-program"}}')
      expect((await runIn(worktree, ['npm', '--silent', 'test'], '/usr/bin:/bin')).output).toBe('TRAPPED\n')
      expect((await runIn(worktree, ['sh', '-c', 'own-program'], '/usr/bin:/bin')).exitCode).toBe(127)
    })

    test('runs the Node that codeband runs on, not the one that stands first', async () => {
      const { worktree } = trapped()
      const { output } = await runIn(worktree, ['node', '-p', 'process.execPath'], '/usr/local/bin:/usr/bin:/bin')
      const same = ['-p', 'require("fs").realpathSync(process.execPath)']
      expect(execFileSync(output.trim(), same, { encoding: 'utf8' })).toBe(
        execFileSync(process.execPath, same, { encoding: 'utf8' }),
      )
    })
  })
}
