import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { none } from '../../adapters/sandboxes/none.ts'
import { openSandbox } from '../../adapters/sandboxes/open.ts'
import { selfTest } from '../../adapters/sandboxes/self-test.ts'
import { defaultCommandLimits } from '../../core/config.ts'
import { CodebandError } from '../../core/errors.ts'
import type { Sandbox, SandboxCommand } from '../../core/ports/sandbox.ts'
import { openBench, plainWorktree } from '../runtime/tools/scene.ts'
import { alone, alternate, compared, type Measure, type Skipped } from './measure.ts'

const ROUNDS = 25
const NPM_ROUNDS = 7

/** What the wall adds to a command that does nothing: bubblewrap, and the runner without a wall, beside a plain spawn. */
export async function sandboxBench(): Promise<(Measure | Skipped)[]> {
  const walled = await bubblewrap()
  if (typeof walled === 'string') return [{ name: 'sandbox: bubblewrap', skipped: walled }]
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-bench-'))
  try {
    const worktree = join(folder, 'worktree')
    mkdirSync(worktree)
    const tests = Array.from({ length: 20 }, (_, one) => `test('${one}', () => {})`).join('\n')
    writeFileSync(join(worktree, 'package.json'), '{"scripts":{"test":"node --test some.test.mjs"}}')
    writeFileSync(join(worktree, 'some.test.mjs'), `import { test } from 'node:test'\n${tests}\n`)
    const command: SandboxCommand = {
      argv: ['true'],
      cwd: worktree,
      worktree,
      writable: true,
      protect: [join(worktree, '.git'), join(worktree, 'package.json')],
      readable: [],
      home: join(folder, 'home'),
      network: [],
      env: { PATH: '/usr/bin:/bin' },
      timeoutMs: 20_000,
      maxOutput: 1000,
    }
    const ms = await alternate(ROUNDS, {
      plain: () => timed(() => plain(worktree, ['true'], { PATH: '/usr/bin:/bin' })),
      bare: () => timed(() => plain(worktree, bareBwrap(worktree), { PATH: '/usr/bin:/bin' })),
      none: () => timed(() => runIn(none(defaultCommandLimits), command)),
      writable: () => timed(() => runIn(walled, command)),
      readOnly: () => timed(() => runIn(walled, { ...command, writable: false })),
    })
    const path = `${dirname(process.execPath)}:/usr/bin:/bin`
    const npmTest = { ...command, argv: ['npm', '--silent', 'test'], env: { PATH: path } }
    const run = await alternate(NPM_ROUNDS, {
      plain: () => timed(() => plain(worktree, npmTest.argv, { PATH: path, HOME: folder })),
      walled: () => timed(() => runIn(walled, npmTest)),
    })
    const tool = await runTestsOf(worktree, walled, npmTest)
    const throughTool = await alternate(NPM_ROUNDS, {
      plain: () => timed(() => plain(worktree, npmTest.argv, { PATH: path, HOME: folder })),
      tool: () => timed(tool),
    })
    const proof = await alternate(NPM_ROUNDS, {
      node: () => timed(() => plain(worktree, [process.execPath, '-e', '0'], {})),
      selfTest: () => timed(async () => void (await selfTest(walled))),
    })
    return [
      alone('sandbox: what bubblewrap with limits adds to a plain spawn', 'ms', ms.writable - ms.plain, 'under 8 ms'),
      compared('sandbox: npm test in bubblewrap', 'ms', run.walled, run.plain, 'under 1.15'),
      compared('sandbox: a whole run_tests of npm test', 'ms', throughTool.tool, throughTool.plain),
      compared('sandbox: trying every wall, once a process, beside a start of Node', 'ms', proof.selfTest, proof.node),
      compared('sandbox: bubblewrap, worktree writable', 'ms', ms.writable, ms.plain),
      compared('sandbox: bubblewrap, worktree writable (floor: bwrap by hand)', 'ms', ms.writable, ms.bare),
      compared('sandbox: bubblewrap, worktree read-only', 'ms', ms.readOnly, ms.plain),
      compared('sandbox: none', 'ms', ms.none, ms.plain),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** bwrap by hand with the namespaces that all of ours have; without limits, a made-up /etc, protected paths or a watch. */
function bareBwrap(worktree: string): string[] {
  const system = [
    '--ro-bind',
    '/usr',
    '/usr',
    ...['bin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
  ]
  const own = ['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--bind', worktree, worktree, '--chdir', worktree]
  return [
    'bwrap',
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    ...system,
    ...own,
    '--',
    'true',
  ]
}

/** run_tests as a model calls it: gate, git's list of files, sandbox, report. */
async function runTestsOf(folder: string, sandbox: Sandbox, { argv, home, env }: SandboxCommand) {
  const git = (...words: string[]) => plain(folder, ['git', ...words], { PATH: '/usr/bin:/bin' })
  await git('init', '-q')
  await git('add', '-A')
  await git('-c', 'user.name=ada', '-c', 'user.email=ada@localhost', 'commit', '-qm', 'start')
  const role = { id: 'coder', description: 'Tests.', tools: [{ name: 'run_tests', allowedCommands: [argv] }] }
  const place = { root: folder, worktree: plainWorktree(folder) }
  const { call } = openBench(role, place, { sandbox, home, env, writable: true })
  return async () => {
    const { ok, output } = await call('run_tests', {})
    if (!ok) throw new Error(output)
  }
}

/** The working sandbox, or why there is none. */
async function bubblewrap(): Promise<Sandbox | string> {
  try {
    return await openSandbox('required', defaultCommandLimits)
  } catch (error) {
    if (CodebandError.is(error, 'CB_SANDBOX_MISSING')) return `bubblewrap ${error.values.detail}`
    throw error
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function runIn(sandbox: Sandbox, command: SandboxCommand): Promise<void> {
  const { exitCode, output } = await sandbox.run(command)
  if (exitCode !== 0)
    throw new Error(`'${command.argv[0]}' ended with ${exitCode} in the sandbox '${sandbox.kind}': ${output}`)
}

function plain(cwd: string, [program, ...args]: readonly string[], env: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.resume()
    child.stderr.resume()
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`'${program}' ended with ${code}`))))
  })
}
