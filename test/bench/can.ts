import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { alone, alternate, type Measure } from './measure.ts'

const CLI = fileURLToPath(new URL('../../dist/adapters/cli/main.js', import.meta.url))
const ROUNDS = 5
const MANY = 5000

/** Decisions a second of `codeband can --stdin`, its start taken off. */
export async function canBench(): Promise<Measure[]> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-bench-'))
  const env = { PATH: `${dirname(process.execPath)}${delimiter}/usr/bin:/bin`, HOME: folder, LANG: 'C.UTF-8' }
  try {
    writeFileSync(join(folder, 'package.json'), '{"scripts":{"test":"true"}}\n')
    const git = (...argv: string[]) =>
      execFileSync('git', ['-c', 'user.name=ada', '-c', 'user.email=ada@localhost', ...argv], { cwd: folder, env })
    git('init', '-q', '-b', 'main')
    git('add', '-A')
    git('commit', '-q', '-m', 'start')
    const run = (words: readonly string[], input = ''): string => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], {
        cwd: folder,
        env,
        input,
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      })
      if (status !== 0) throw new Error(`'${words}' ended with ${status}: ${stderr}`)
      return stdout
    }
    run(['init'])
    run(['trust', '--yes'])
    const calls = [
      { role: 'coder', tool: 'write_file', input: { path: 'src/deep/er/file.ts', content: 'x' } },
      { role: 'coder', tool: 'run_tests', input: { command: 'npm test; x' } },
      { role: 'planner', tool: 'write_file', input: { path: 'x', content: 'x' } },
    ].map((call) => `${JSON.stringify(call)}\n`)
    const asked = (count: number) => () => {
      const input = Array.from({ length: count }, (_, at) => calls[at % calls.length]).join('')
      const began = performance.now()
      const answers = run(['can', '--stdin'], input).trim().split('\n').length
      if (answers !== count) throw new Error(`${answers} answers to ${count} calls`)
      return performance.now() - began
    }
    const ms = await alternate(ROUNDS, { few: asked(3), many: asked(MANY) })
    return [alone('can --stdin', 'decisions/s', (MANY - 3) / ((ms.many - ms.few) / 1000))]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
