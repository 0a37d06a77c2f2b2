import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Recorded } from '../../core/protocol/events.ts'
import { type CliResult, cli, cliEnv, ended, startCli } from './cli.ts'
import { personsGit, place, repositoryOf } from './place.ts'

export interface Turn {
  role: string
  when?: string
  round?: number
  steps: readonly object[]
}

export interface Scene {
  repo: string
  env: Record<string, string>
  /** The command line, run to its end. */
  cli(...argv: string[]): Promise<CliResult>
  /** Calls `seen` for each event as the command prints it with --json. */
  watch(argv: readonly string[], seen: (event: Recorded, kill: () => void) => void): Promise<CliResult>
  /** What the models say and call from now on; it lies outside the repository. */
  script(turns: readonly Turn[]): void
  git(...argv: string[]): string
  /** The last log entries of that type. */
  events<T extends Recorded['type']>(type: T): Promise<Extract<Recorded, { type: T }>[]>
}

/** A repository with a trusted band of two scripted families: `claude` (anthropic) plans and reviews code, `codex` (openai) does the
 *  rest. `check.sh` is the check, green unless a scenario brings its own. */
export async function scene({
  files = {},
  config = '',
  turns = [],
}: {
  files?: Readonly<Record<string, string>>
  /** More lines of the configuration. */
  config?: string
  turns?: readonly Turn[]
} = {}): Promise<Scene> {
  const at = place()
  const script = join(at, 'script.json')
  const repo = repositoryOf(join(at, 'repo'), {
    'README.md': '# a project\n',
    'a.txt': 'a\n',
    'b.txt': 'b\n',
    'check.sh': 'true\n',
    'codeband.config.ts': `import { defineConfig } from 'codeband'
import { scripted } from 'codeband/scripted'
const script = ${JSON.stringify(script)}
export default defineConfig({
  frameworks: { claude: scripted({ id: 'claude', family: 'anthropic', script }), codex: scripted({ id: 'codex', family: 'openai', script }) },
  workers: { planner: { claude: 1 }, 'plan-reviewer': { codex: 1 }, coder: { codex: 2 }, 'code-reviewer': { claude: 2 } },
  checks: [['sh', 'check.sh']],
  sandbox: 'if-available',
  ${config}
})
`,
    ...files,
  })
  const env = cliEnv(at)
  const write = (all: readonly Turn[]): void => writeFileSync(script, JSON.stringify({ turns: all }))
  write(turns)
  const run = (...argv: string[]): Promise<CliResult> => cli(repo, argv, env)
  const trust = await run('trust', '--yes')
  expect(trust).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Trusted: /) })
  return {
    repo,
    env,
    cli: run,
    script: write,
    git: (...argv) => personsGit(repo, ...argv),
    watch(argv, seen) {
      const child = startCli(repo, [...argv, '--json'], env)
      let rest = ''
      child.stdout?.on('data', (data: Buffer) => {
        const lines = (rest + data.toString()).split('\n')
        rest = lines.pop()!
        for (const line of lines) seen(JSON.parse(line) as Recorded, () => process.kill(-child.pid!, 'SIGKILL'))
      })
      return ended(child)
    },
    async events(type) {
      const { stdout } = await run('log', '--json')
      const all = stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line) as Recorded] : []))
      return all.filter((event) => event.type === type) as never
    },
  }
}

interface PlannedSubtask {
  id: string
  title: string
  files: readonly string[]
  dependsOn?: readonly string[]
}

/** Turns that lead to an approved plan of these subtasks. */
export function planning(...subtasks: readonly PlannedSubtask[]): Turn[] {
  return [
    { role: 'file-picker', steps: [{ call: 'set_output', input: { output: ['a.txt'] } }] },
    { role: 'planner', steps: [{ call: 'submit_plan', input: { subtasks } }] },
    { role: 'plan-reviewer', steps: [verdict('approve')] },
  ]
}

export const write = (path: string, content: string): object => ({ call: 'write_file', input: { path, content } })

export function verdict(
  decision: 'approve' | 'request_changes' | 'escalate',
  { risk = 'low', summary = 'Fine.', issue }: { risk?: string; summary?: string; issue?: string } = {},
): object {
  const findings = issue === undefined ? [] : [{ severity: 'Critical', issue }]
  return { call: 'submit_verdict', input: { decision, risk, summary, findings } }
}
