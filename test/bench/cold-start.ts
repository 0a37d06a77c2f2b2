import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { roleFile } from './load-roles.ts'
import { alternate, compared, type Measure } from './measure.ts'

const CLI = fileURLToPath(new URL('../../dist/adapters/cli/main.js', import.meta.url))
const PAIRS = 19
const MEMORY_ROUNDS = 3

const names: Readonly<Record<string, string>> = { roles: 'roles, 10 of them warm', can: 'can, with 10 roles warm' }
const aims: Readonly<Record<string, string>> = {
  '--version': 'under 1.3 of `node -e 0`',
  roles: 'under 2.5 of `node -e 0`',
}

/** Writes the peak of the process's memory in KiB to descriptor 3. `maxRSS` would count what the parent had before `exec`. */
const PEAK = `process.on('exit', () => {
  const fs = require('node:fs')
  const own = process.platform === 'linux' && /VmHWM:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))
  fs.writeSync(3, String(own ? own[1] : process.resourceUsage().maxRSS))
})
`

/** The built command line from its start to its end, beside a Node that does nothing. */
export async function coldStartBench(): Promise<Measure[]> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-bench-'))
  const env = { PATH: `${dirname(process.execPath)}${delimiter}/usr/bin:/bin`, HOME: folder, LANG: 'C.UTF-8' }
  const repo = join(folder, 'repo')
  const peak = join(folder, 'peak.cjs')

  /** Runs Node; gives milliseconds and, with `peak.cjs`, MiB. */
  function run(argv: readonly string[]): { ms: number; output: string; mib: number } {
    const began = performance.now()
    const child = spawnSync(process.execPath, argv, { cwd: repo, env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
    const ms = performance.now() - began
    const [, stdout, stderr, kib] = child.output.map(String)
    if (child.status !== 0) throw new Error(`'${argv.join(' ')}' ended with ${child.status}: ${stderr}`)
    return { ms, output: stdout!, mib: Number(kib) / 1024 }
  }

  try {
    mkdirSync(repo)
    writeFileSync(peak, PEAK)
    writeFileSync(join(repo, 'package.json'), '{"scripts":{"test":"true"}}\n')
    const git = (...argv: string[]) =>
      execFileSync('git', ['-c', 'user.name=ada', '-c', 'user.email=ada@localhost', ...argv], { cwd: repo, env })
    git('init', '-q', '-b', 'main')
    git('add', '-A')
    git('commit', '-q', '-m', 'start')
    run([CLI, 'init'])
    for (let n = 0; n < 10; n++) writeFileSync(join(repo, '.agents', `role-${n}.ts`), roleFile(n))
    run([CLI, 'trust', '--yes'])
    // What has just changed is not kept.
    await sleep(2_500)
    run([CLI, 'roles'])

    const commands = {
      '--version': [CLI, '--version'],
      '--help': [CLI, '--help'],
      status: [CLI, 'status'],
      roles: [CLI, 'roles'],
      can: [CLI, 'can', 'role-0', 'list_files', '{}'],
    }
    // An answer that says nothing would be the fastest of all.
    for (const argv of Object.values(commands)) if (run(argv).output.trim() === '') throw new Error(`${argv} is silent`)
    const all = { ...commands, node: ['-e', '0'] }
    const ms = await alternate(
      PAIRS,
      mapped(all, (argv) => () => run(argv).ms),
    )
    const mib = await alternate(
      MEMORY_ROUNDS,
      mapped(all, (argv) => () => run(['--require', peak, ...argv]).mib),
    )
    return (['--version', '--help', 'status', 'roles', 'can'] as const).flatMap((name) => [
      compared(`cold start: ${names[name] ?? name}`, 'ms', ms[name], ms.node, aims[name]),
      compared(`peak memory: ${names[name] ?? name}`, 'MiB', mib[name], mib.node),
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function mapped<Name extends string, From, To>(
  record: Readonly<Record<Name, From>>,
  change: (value: From) => To,
): Record<Name, To> {
  return Object.fromEntries(Object.entries<From>(record).map(([name, value]) => [name, change(value)])) as Record<
    Name,
    To
  >
}
