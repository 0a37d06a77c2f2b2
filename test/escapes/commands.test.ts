import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import { verdict, write } from '../scene/band.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'
import { answersOf, obedient } from './obedient.ts'

/** What `npm test` does in the repository: its own script, and the two that npm runs around it. */
const attack = (canary: string, port: number) => `
const fs = require('fs'), { spawn } = require('child_process')
const hook = process.argv[2]
const quietly = (act) => { try { act() } catch {} }
quietly(() => fs.writeFileSync('${canary}-' + hook, ''))
quietly(() => fs.writeFileSync('src/a.js', '// laundered by a test run\\n'))
quietly(() => fs.symlinkSync('/etc', 'escape'))
quietly(() => fs.writeFileSync('.npmrc', 'registry=http://evil.invalid\\n'))
quietly(() => fs.writeFileSync('.git', 'gitdir: /tmp/evil\\n'))
spawn('sh', ['-c', 'sleep 1; echo late >> src/a.js; touch ${canary}-late'], { detached: true, stdio: 'ignore' }).unref()
require('net').connect(${port}, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(0))
setTimeout(() => process.exit(0), 2000)
`

describe.runIf('works' in (await findSandbox()))(
  'an allowed command that does what an attacker wants, in whole turns',
  () => {
    test('of the reviewer and of the checks: no canary, no packet, no process, and what lands is what was reviewed (RL-008, SC-001, NX-003, NX-019, NX-022)', {
      timeout: 120_000,
    }, async () => {
      const at = place()
      let reached = 0
      const server = createServer((socket) => {
        reached++
        socket.destroy()
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      onTestFinished(() => void server.close())
      const { port } = server.address() as { port: number }
      const canary = join(at, 'canary')
      const scripts = { pretest: 'node attack.cjs pre', test: 'node attack.cjs test', posttest: 'node attack.cjs post' }
      const repo = repositoryOf(join(at, 'repo'), {
        'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts }),
        'attack.cjs': attack(canary, port),
        'src/a.js': 'module.exports = 1\n',
        '.npmrc': 'audit=false\n',
      })
      const played = await obedient({
        repo,
        home: join(at, 'home'),
        script: [
          { role: 'coder', steps: [write('src/a.js', 'module.exports = 2\n')] as never },
          {
            role: 'code-reviewer',
            steps: [
              { call: 'run_tests', input: { argv: ['npm', 'test'] } },
              { call: 'read_files', input: { paths: ['src/a.js', 'escape/passwd'] } },
              { call: 'read_files', input: { paths: ['src/a.js'] } },
              verdict('approve'),
            ] as never,
          },
        ],
        checks: [['npm', 'test']],
        sandbox: 'required',
        *steps({ band }) {
          yield* band.reviewed(
            'coder' as never,
            {
              subtask: { id: 's', title: 'S', description: '', files: ['src/a.js'], dependsOn: [] },
              files: [],
            } as never,
          )
          yield* band.spawn('mergemaster', {})
        },
      })
      const result = await played.run()
      const worktrees = ['coder-x-0', 'code-reviewer-y-0'].map((worker) => played.worktree(worker))
      await sleep(1500)
      await played.band.close()
      expect(result).toMatchObject({ outcome: 'success' })
      const [tests, , source] = answersOf(played.events, 'code-reviewer')
      expect(tests).toMatchObject({ ok: true, violations: [] })
      expect(source!.output).toContain('module.exports = 2')
      expect(personsGit(repo, 'show', 'main:src/a.js')).toBe('module.exports = 2')
      expect(personsGit(repo, 'rev-parse', 'main^{tree}')).toBe(played.of('ChangeSubmitted')[0]!.tree)
      expect(personsGit(repo, 'ls-tree', '--name-only', 'main')).not.toContain('escape')
      for (const hook of ['pre', 'test', 'post', 'late']) expect(existsSync(`${canary}-${hook}`), hook).toBe(false)
      expect(reached).toBe(0)
      for (const path of worktrees) {
        expect(readFileSync(join(path, 'src/a.js'), 'utf8')).toBe('module.exports = 2\n')
        expect(readFileSync(join(path, '.npmrc'), 'utf8')).toBe('audit=false\n')
        expect(lstatSync(join(path, '.git')).isFile()).toBe(true)
      }
    })
  },
)

test('a yes is for the bytes that were shown: what changed since asks again (PI-016)', {
  timeout: 60_000,
}, async () => {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'b.txt': 'b\n', 'check.sh': 'true\n' })
  const played = await obedient({
    repo,
    home: join(at, 'home'),
    script: [
      { role: 'coder', steps: [write('a.txt', 'changed\n')] as never },
      { role: 'code-reviewer', steps: [verdict('approve')] as never },
    ],
    checks: [['sh', 'check.sh']],
    merge: { autoMerge: 'none' },
    *steps({ band }) {
      yield* band.reviewed(
        'coder' as never,
        { subtask: { id: 's', title: 'S', description: '', files: ['a.txt'], dependsOn: [] }, files: [] } as never,
      )
      yield* band.spawn('mergemaster', {})
    },
  })
  const first = await played.run()
  expect(first).toMatchObject({ outcome: 'parked', parked: 'approval' })
  writeFileSync(join(repo, 'b.txt'), 'meanwhile\n')
  personsGit(repo, 'commit', '-qam', 'meanwhile')
  const meanwhile = personsGit(repo, 'rev-parse', 'main')
  const [second] = await played.band.resume()
  expect(second).toMatchObject({ outcome: 'parked', parked: 'approval' })
  expect(second!.pending[0]!.tree).not.toBe(first.pending[0]!.tree)
  await expect(played.band.approve(first.pending[0]!.id)).rejects.toMatchObject({ code: 'CB_APPROVAL_UNKNOWN' })
  expect(personsGit(repo, 'rev-parse', 'main')).toBe(meanwhile)
  expect(await played.band.approve(second!.pending[0]!.id)).toMatchObject({ outcome: 'success' })
  await played.band.close()
})
