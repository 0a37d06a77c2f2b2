import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { cli, cliEnv, ended, startCli } from '../scene/cli.ts'
import { personsGit, place, repositoryOf } from '../scene/place.ts'

/** A small file system of its own, where this machine lets us mount one. */
function smallDisk(folder: string): boolean {
  mkdirSync(folder, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=0700', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return false
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
  return true
}

const script = {
  turns: [
    {
      role: 'file-picker',
      steps: [
        { say: 'now' },
        { wait: 3000 },
        { say: 'x'.repeat(200_000) },
        { call: 'set_output', input: { output: [] } },
      ],
    },
    {
      role: 'planner',
      steps: [{ call: 'submit_plan', input: { subtasks: [{ id: 'one', title: 'One', files: ['a.txt'] }] } }],
    },
    {
      role: 'plan-reviewer',
      steps: [{ call: 'submit_verdict', input: { decision: 'approve', risk: 'low', summary: 'fine' } }],
    },
    { role: 'coder', steps: [{ call: 'write_file', input: { path: 'a.txt', content: 'a\n' } }] },
    {
      role: 'code-reviewer',
      steps: [{ call: 'submit_verdict', input: { decision: 'approve', risk: 'low', summary: 'fine' } }],
    },
  ],
}

test('a disk that is full while the log is written stops the band with its cure; with room again, resume ends the task', {
  timeout: 90_000,
}, async ({ skip }) => {
  const at = place()
  const home = join(at, 'disk')
  if (!smallDisk(home)) skip('this machine does not let us mount a small file system')
  const config = `import { defineConfig } from 'codeband'
import { scripted } from 'codeband/scripted'
const script = ${JSON.stringify(script)}
export default defineConfig({
  frameworks: { claude: scripted({ id: 'claude', family: 'anthropic', script }), codex: scripted({ id: 'codex', family: 'openai', script }) },
  checks: [['true']], sandbox: 'off', limits: { freeMb: 1 },
})
`
  const repo = repositoryOf(join(at, 'repo'), { 'README.md': 'x\n', 'codeband.config.ts': config })
  const env = cliEnv(at, { CODEBAND_HOME: home })
  expect((await cli(repo, ['trust', '--yes'], env)).code).toBe(0)
  const child = startCli(repo, ['run', 'write a.txt', '--json'], env)
  const result = ended(child)
  await new Promise<void>((resolve) =>
    child.stdout?.on('data', (data) => String(data).includes('TurnStarted') && resolve()),
  )
  const filler = join(home, 'filler')
  try {
    for (let n = 0; ; n++) writeFileSync(`${filler}${n}`, Buffer.alloc(n < 11 ? 1024 * 1024 : 4096))
  } catch {
    // No space is left: what this loop is for.
  }
  const { code, stdout, stderr } = await result
  expect(`${stdout}${stderr}`).toMatch(/CB_LOG_APPEND.*cannot be written: .*free the cause and `codeband resume`/s)
  expect(code).toBe(6)
  execFileSync('sh', ['-c', 'rm -f "$0"*', filler])
  rmSync(filler, { force: true })
  const resumed = await cli(repo, ['resume'], env)
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
  expect(personsGit(repo, 'show', 'main:a.txt')).toBe('a')
})
