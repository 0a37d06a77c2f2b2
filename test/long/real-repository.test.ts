import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSandbox } from '../../adapters/sandboxes/open.ts'
import { defaultCommandLimits } from '../../core/config.ts'
import type { Recorded } from '../../core/protocol/events.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { personsGit, place } from '../scene/place.ts'
import { config, regression, script, unit, wide } from './real-repository/cookies.ts'
import { fastifyRepository, registryEnv, registryTrouble } from './real-repository/fastify.ts'

const task = 'A reply that sets several cookies sends only the last one: mend it'

/** What node --test sums up at the end of its output. */
function counts(output: string): { tests: number; pass: number; fail: number } {
  const of = (word: string): number => Number(new RegExp(`^. ${word} (\\d+)$`, 'm').exec(output)?.[1])
  return { tests: of('tests'), pass: of('pass'), fail: of('fail') }
}

function packagesIn(lockFile: string): string[] {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as { packages: Record<string, { optional?: true }> }
  return Object.keys(packages)
    .filter((path) => path !== '' && !packages[path]!.optional)
    .sort()
}

test('on the sources of fastify its own tests refuse the first change, approve the second and let it land', {
  timeout: 400_000,
}, async ({ skip }) => {
  const trouble = await registryTrouble()
  if (trouble !== '') {
    if (process.env.CI === 'true') throw new Error(trouble)
    skip(trouble)
  }
  const at = place()
  const home = join(at, 'band')
  const env = cliEnv(at, { ...(await registryEnv()), CODEBAND_HOME: home })
  const repo = await fastifyRepository(join(at, 'fastify'), {})
  const reply = join(repo, 'lib/reply.js')
  const { source, ...edits } = regression(readFileSync(reply, 'utf8'))
  writeFileSync(join(repo, 'codeband.config.ts'), config)
  writeFileSync(join(repo, 'band.json'), script(edits))
  personsGit(repo, 'add', '-A')
  personsGit(repo, 'commit', '-q', '-m', 'codeband')
  const sound = personsGit(repo, 'rev-parse', 'main^{tree}')
  writeFileSync(reply, source)
  personsGit(repo, 'commit', '-qam', 'reply: set headers in one line')
  const before = personsGit(repo, 'rev-parse', 'main')
  expect(personsGit(repo, 'ls-files').split('\n').length).toBeGreaterThan(300)

  expect(await cli(repo, ['trust', '--yes'], env)).toMatchObject({ code: 0 })
  const { code, stdout, stderr } = await cli(repo, ['run', task, '--json'], env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
  const all = <T extends Recorded['type']>(type: T) =>
    events.filter((event): event is Extract<Recorded, { type: T }> => event.type === type)

  expect(all('VerdictGiven').map(({ worker, verdict }) => `${worker} ${verdict.decision}`)).toEqual([
    'plan-reviewer-codex-0 approve',
    'code-reviewer-claude-0 request_changes',
    'code-reviewer-claude-0 approve',
  ])
  expect(all('ViolationRecorded')).toEqual([])

  const { kind } = await openSandbox('if-available', defaultCommandLimits)
  const runs = all('ToolReturned').filter(({ tool }) => tool === 'run_tests')
  expect(runs.map(({ worker, ok, output, sandbox }) => ({ worker, ok, fail: counts(output).fail, sandbox }))).toEqual([
    { worker: 'coder-codex-0', ok: false, fail: 3, sandbox: kind },
    { worker: 'code-reviewer-claude-0', ok: false, fail: 1, sandbox: kind },
    { worker: 'coder-codex-0', ok: true, fail: 0, sandbox: kind },
    { worker: 'code-reviewer-claude-0', ok: true, fail: 0, sandbox: kind },
  ])
  expect(runs[0]!.output).toMatch(/✖ reply\.header setting multiple cookies as multiple Set-Cookie headers/)
  expect(runs[1]!.output).toMatch(/✖ reply\.getHeader returns correct values/)
  const { tests } = counts(runs[0]!.output)
  expect(tests).toBeGreaterThan(200)
  for (const { output } of runs) expect(counts(output)).toMatchObject({ tests })

  const [checked, ...more] = all('ChecksRecorded')
  expect(more).toEqual([])
  expect(checked).toMatchObject({
    passed: true,
    sandbox: kind,
    checks: [
      { argv: unit, exitCode: 0 },
      { argv: wide, exitCode: 0 },
    ],
  })
  expect(counts(checked!.checks[0]!.output)).toMatchObject({ tests, pass: tests, fail: 0 })
  const beyond = counts(checked!.checks[1]!.output)
  expect(beyond.tests).toBeGreaterThan(300)
  expect(beyond).toMatchObject({ pass: beyond.tests, fail: 0 })

  const after = personsGit(repo, 'rev-parse', 'main')
  expect(all('Landed')).toHaveLength(1)
  expect(all('Landed')[0]).toMatchObject({ from: before, to: after, tree: sound, sandbox: kind })
  expect(checked!.tree).toBe(sound)
  expect(personsGit(repo, 'rev-parse', 'main^{tree}')).toBe(sound)
  expect(personsGit(repo, 'diff', '--name-only', before, after)).toBe('lib/reply.js')
  expect(personsGit(repo, 'log', '--first-parent', '--format=%H', `${before}..${after}`).split('\n')).toHaveLength(1)
  expect(personsGit(repo, 'status', '--porcelain', '--ignored')).toBe('')
  expect(personsGit(repo, 'ls-tree', '-r', '--name-only', after)).not.toMatch(/node_modules/)

  const wanted = packagesIn(join(repo, 'package-lock.json'))
  expect(wanted.length).toBeGreaterThan(100)
  for (const worker of ['coder-codex-0', 'code-reviewer-claude-0', 'mergemaster']) {
    const installed = join(home, 'worktrees', worker, 'node_modules')
    expect(packagesIn(join(installed, '.package-lock.json')), worker).toEqual(wanted)
    expect(existsSync(join(installed, 'find-my-way/package.json')), worker).toBe(true)
  }
})
