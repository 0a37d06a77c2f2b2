import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamage, salvage } from '../../adapters/event-stores/sqlite/salvage.ts'
import { type ScriptStep, type ScriptTurn, scripted } from '../../adapters/frameworks/scripted.ts'
import { host } from '../../adapters/host.ts'
import { type Band, type BandOptions, createBand } from '../../adapters/index.ts'
import type { Recorded } from '../../core/protocol/events.ts'

/** A real run of the whole band, all of it but the models: what they say, what a person does, and how the band is set up. */
export interface Run {
  readonly turns: readonly ScriptTurn[]
  readonly config?: Pick<BandOptions, 'merge' | 'review' | 'limits' | 'checks'>
  play(band: Band, repo: string): Promise<unknown>
}

const verdict = (decision: string, summary: string, risk = 'low'): ScriptStep => ({
  call: 'submit_verdict',
  input: {
    decision,
    summary,
    risk,
    findings: decision === 'approve' ? [] : [{ severity: 'Critical', issue: summary, file: 'a.txt' }],
  },
})
const plan = (...ids: readonly string[]): ScriptTurn[] => [
  { role: 'file-picker', steps: [{ call: 'set_output', input: { output: ['a.txt'] } }] },
  {
    role: 'planner',
    steps: [
      {
        call: 'submit_plan',
        input: {
          subtasks: ids.map((id, i) => ({
            id,
            title: `Write ${id}`,
            files: [`${id}.txt`],
            dependsOn: i > 0 ? [ids[0]!] : [],
          })),
        },
      },
    ],
  },
  { role: 'plan-reviewer', steps: [verdict('approve', 'A plan for what was asked.')] },
]
const writes = (id: string, content: string, more: Partial<ScriptTurn> = {}): ScriptTurn => ({
  role: 'coder',
  when: `Subtask ${id}:`,
  steps: [{ say: `I write ${id}.` }, { call: 'write_file', input: { path: `${id}.txt`, content } }],
  ...more,
})
const reviews = (...steps: readonly ScriptStep[]): ScriptTurn[] =>
  steps.map((step) => ({ role: 'code-reviewer', steps: [step] }))
const approve = verdict('approve', 'It does what was asked.')

/** One for each way a task can go. */
export const runs: Readonly<Record<string, Run>> = {
  landed: {
    turns: [...plan('one', 'two'), writes('one', '1\n'), writes('two', '2\n'), ...reviews(approve, approve)],
    play: (band) => band.run('Write two files'),
  },
  revised: {
    turns: [
      ...plan('one'),
      writes('one', 'wrong\n'),
      writes('one', 'right\n', { when: 'the word is wrong' }),
      ...reviews(verdict('request_changes', 'the word is wrong'), approve),
    ],
    play: (band) => band.run('Write the right word'),
  },
  escalated: {
    turns: [
      ...plan('one'),
      writes('one', 'a\n'),
      writes('one', 'b\n'),
      writes('one', 'c\n'),
      ...reviews(...Array.from({ length: 3 }, () => verdict('request_changes', 'still not what was asked'))),
    ],
    play: (band) => band.run('Write what nobody agrees on'),
  },
  parked: {
    turns: [...plan('one'), writes('one', '1\n'), ...reviews(verdict('approve', 'Fine, but it matters.', 'high'))],
    play: (band) => band.run('Write what a person must see'),
  },
  approved: {
    turns: [...plan('one'), writes('one', '1\n'), ...reviews(verdict('approve', 'Fine, but it matters.', 'high'))],
    async play(band) {
      const { pending } = await band.run('Write what a person must see')
      await band.approve(pending[0]!.id)
    },
  },
  refused: {
    turns: [
      ...plan('one'),
      writes('one', '1\n'),
      writes('one', '2\n', { when: 'two, not one' }),
      ...reviews(verdict('approve', 'Fine.', 'medium'), verdict('approve', 'Fine again.', 'medium')),
    ],
    async play(band) {
      const { pending } = await band.run('Write what a person refuses once')
      const second = await band.reject(pending[0]!.id, 'two, not one')
      await band.approve(second!.pending[0]!.id)
    },
  },
  waived: {
    turns: [...plan('one'), writes('one', '1\n'), ...reviews(approve)],
    config: { review: { opposition: 'waived' } },
    async play(band) {
      const { pending } = await band.run('Write with one family')
      await band.approve(pending[0]!.id)
    },
  },
  dirty: {
    turns: [...plan('a'), writes('a', 'theirs\n'), ...reviews(approve)],
    async play(band, repo) {
      writeFileSync(join(repo, 'a.txt'), 'mine, not committed\n')
      const { task } = await band.run('Write over what I work on')
      execFileSync('git', ['checkout', '--quiet', 'a.txt'], { cwd: repo })
      await band.resume(task)
    },
  },
  'red-checks': {
    turns: [
      ...plan('one'),
      writes('one', 'red\n'),
      writes('one', 'green\n', { when: 'checks' }),
      ...reviews(approve, approve),
    ],
    config: { checks: [['sh', '-c', '! grep -q red one.txt']] },
    play: (band) => band.run('Write what passes'),
  },
  'out-of-bounds': {
    turns: [
      ...plan('one'),
      writes('one', '1\n', {
        steps: [
          { call: 'write_file', input: { path: '../outside.txt', content: 'x' } },
          { call: 'run_command', input: { command: ['curl', 'example.com'] } },
          { call: 'write_file', input: { path: 'one.txt', content: '1\n' } },
        ],
      }),
      ...reviews(approve),
    ],
    play: (band) => band.run('Try what is not allowed, then what is'),
  },
}

/** The log of a run on a throw-away repository, without names of this machine. */
export async function historyOf({ turns, config, play }: Run): Promise<Recorded[]> {
  const at = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-history-'))
  try {
    const repo = join(at, 'repo')
    mkdirSync(repo)
    writeFileSync(join(repo, 'a.txt'), 'a\n')
    const git = (...argv: readonly string[]) => execFileSync('git', argv, { cwd: repo })
    git('init', '--quiet', '--initial-branch=main')
    git('add', '--all')
    git('-c', 'user.name=ada', '-c', 'user.email=ada@localhost', 'commit', '--quiet', '--message=start')
    const script = { turns }
    const waived = config?.review?.opposition === 'waived'
    const codex = scripted({ id: 'codex', family: 'openai', script })
    const frameworks = { codex, ...(!waived && { claude: scripted({ id: 'claude', family: 'anthropic', script }) }) }
    const home = join(at, 'home')
    const band = await createBand({ repo, home, frameworks, by: 'ada', sandbox: 'off', checks: [['true']], ...config })
    try {
      await play(band, repo)
    } finally {
      await band.close()
    }
    return [...salvage(join(home, 'band.db'))].map((one) => {
      if (isDamage(one)) throw new Error(one.damage)
      return nameless(one, at)
    })
  } finally {
    rmSync(at, { recursive: true })
  }
}

function nameless(event: Recorded, folder: string): Recorded {
  const text = JSON.stringify(event).replaceAll(folder, '/tmp/band').replaceAll(host().machine, 'desk')
  const named = JSON.parse(text) as Recorded
  return named.type === 'LeaderElected' ? { ...named, process: 'ada@desk pid 1' } : named
}
