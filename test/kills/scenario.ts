import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import { defineRole, defineTool, EffectError, type Role, type Steps, type Tool, z } from '../../adapters/index.ts'
import * as shipped from '../../adapters/roles.ts'
import { type ResolvedConfig, resolveConfig } from '../../core/config.ts'
import type { Policy } from '../../core/protocol/events.ts'

/** The task whose run is killed: two changes, one upon the other, a review that asks for more, letters that are sent once. */
export const task = 'Turn the letters over'

/** What the person's repository holds before. `setup.sh` and `check.sh` say when they have begun, and take a moment. */
export const files: Readonly<Record<string, string>> = {
  '.gitignore': 'ready.txt\nbegun.txt\n',
  'a.txt': 'a\n',
  'b.txt': 'b\n',
  'gone.txt': 'gone\n',
  'setup.sh': 'echo > begun.txt; sleep 0.03; echo ready > ready.txt\n',
  'check.sh': 'echo > begun.txt; sleep 0.03; grep -q A a.txt && cat ready.txt\n',
}

/** One attempt to do something outside of the worktree. */
export interface Attempt {
  tool: 'send_letter' | 'stamp_letter'
  key: string
  /** False: the service knew the key already. */
  new: boolean
}

export interface Effects {
  /** Called in the middle of a tool, after its effect. */
  after(tool: Attempt['tool']): void
}

/** A service that is told what to do over the network would look like this: it knows keys, and forgets nothing. */
function openLedger(place: string): { note(tool: Attempt['tool'], key: string): void } {
  const keys = join(place, 'keys')
  mkdirSync(keys, { recursive: true })
  return {
    note(tool, key) {
      let fresh = true
      try {
        writeFileSync(join(keys, key), '', { flag: 'wx' })
      } catch {
        fresh = false
      }
      appendFileSync(join(place, 'ledger'), `${JSON.stringify({ tool, key, new: fresh } satisfies Attempt)}\n`)
    },
  }
}

export function attempts(place: string): Attempt[] {
  const text = readFileSync(join(place, 'ledger'), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Attempt)
}

export function toolsOf(place: string, { after }: Effects): Tool[] {
  const ledger = openLedger(place)
  const tool = (name: Attempt['tool'], repeat: 'safe' | 'never') =>
    defineTool({
      name,
      description: 'Does something that cannot be undone.',
      input: z.object({ to: z.string() }),
      repeat,
      run({ to }, { key }) {
        ledger.note(name, key)
        after(name)
        return `${name} to ${to}`
      },
    })
  return [tool('send_letter', 'never'), tool('stamp_letter', 'safe')] as unknown as Tool[]
}

/** Asks for what the law refuses. */
function* refused<T>(ask: () => Steps<T>): Steps<string> {
  try {
    yield* ask()
    return 'allowed'
  } catch (error) {
    return (error as EffectError).outcome
  }
}

const clerk = defineRole({
  id: 'clerk',
  description: 'Sends letters, and needs no model for it.',
  tools: ['send_letter', 'stamp_letter'],
  *steps({ band }) {
    yield* refused(() => band.tool('delete_file', { path: 'a.txt' }))
    yield* refused(() => band.spawn('planner', { task: 'no', files: [] }))
    yield* band.tool('stamp_letter', { to: 'grace' })
    try {
      yield* band.tool('send_letter', { to: 'grace' })
    } catch (error) {
      if (!(error instanceof EffectError) || !error.reason.startsWith('outcome unknown')) throw error
    }
    return 'done'
  },
})

const conductor = defineRole({
  id: 'conductor',
  description: 'Takes the task from plan to merge, with letters before the work.',
  spawnableRoles: ['file-picker', 'planner', 'coder', 'mergemaster', 'clerk'],
  *steps({ task: text, band }) {
    const picked = yield* band.spawn('file-picker', { task: text })
    const plan = yield* band.reviewed('planner', { task: text, files: picked })
    yield* band.spawn(clerk, {})
    yield* band.each(plan.subtasks, function* (subtask) {
      yield* band.reviewed('coder', { subtask, files: picked })
    })
    yield* band.spawn('mergemaster', {})
  },
})

const coder = { ...shipped.coder, tools: [...shipped.coder.tools!, 'send_letter', 'stamp_letter'] } as unknown as Role

export const roles: ReadonlyMap<string, Role> = new Map(
  [
    conductor,
    clerk,
    coder,
    shipped.filePicker,
    shipped.planner,
    shipped.planReviewer,
    shipped.codeReviewer,
    shipped.mergemaster,
  ].map((role) => [role.id, role as unknown as Role]),
)

const call = (name: string, input: object) => ({ call: name, input })
const verdict = (decision: string, risk: string, ...issues: string[]) =>
  call('submit_verdict', {
    decision,
    risk,
    summary: 'Read.',
    findings: issues.map((issue) => ({ severity: 'Critical', issue })),
  })

const subtasks = [
  { id: 'one', title: 'Turn a over', files: ['a.txt', 'gone.txt'] },
  { id: 'two', title: 'Turn b over', files: ['b.txt', 'n/new.txt'], dependsOn: ['one'] },
]

const turnsOf = (risk: string) => [
  {
    role: 'file-picker',
    steps: [{ say: 'Looking.' }, call('list_files', {}), call('set_output', { output: ['a.txt'] })],
  },
  { role: 'planner', steps: [call('submit_plan', { subtasks })] },
  { role: 'plan-reviewer', steps: [verdict('approve', 'low')] },
  {
    role: 'coder',
    when: 'Turn a over',
    steps: [
      call('write_file', { path: 'a.txt', content: 'A\n' }),
      call('stamp_letter', { to: 'ada' }),
      call('send_letter', { to: 'ada' }),
      call('send_letter', { to: 'ada' }),
      call('write_file', { path: '.git/hooks/x', content: 'no' }),
      call('delete_file', { path: 'gone.txt' }),
      call('run_tests', { command: 'sh check.sh' }),
    ],
  },
  { role: 'code-reviewer', when: 'a.txt', round: 1, steps: [verdict('request_changes', 'low', 'Greet, too.')] },
  { role: 'coder', when: 'Greet, too.', steps: [call('write_file', { path: 'a.txt', content: 'A, hello\n' })] },
  { role: 'code-reviewer', when: 'hello', steps: [verdict('approve', 'low')] },
  {
    role: 'coder',
    when: 'Turn b over',
    steps: [
      call('write_file', { path: 'b.txt', content: 'B\n' }),
      call('write_file', { path: 'n/new.txt', content: 'new\n' }),
    ],
  },
  { role: 'code-reviewer', when: 'n/new.txt', steps: [verdict('approve', risk)] },
]

/** `person`: the second change is risky, so that a person must approve the landing. */
export function configOf(person: boolean): ResolvedConfig {
  const script = { turns: turnsOf(person ? 'critical' : 'low') }
  return resolveConfig(
    {
      frameworks: {
        claude: scripted({ id: 'claude', family: 'anthropic', script }),
        codex: scripted({ id: 'codex', family: 'openai', script }),
      },
      workers: {
        planner: { claude: 1 },
        'plan-reviewer': { codex: 1 },
        coder: { codex: 2 },
        'code-reviewer': { claude: 2 },
      },
      setup: [['sh', 'setup.sh']],
      checks: [['sh', 'check.sh']],
      sandbox: 'if-available',
    },
    'the scenario',
    () => undefined,
  )
}

export const policy: Policy = {
  definitions: 'kills',
  target: 'main',
  opposition: 'required',
  autoMerge: 'high',
  rounds: 3,
  retries: 3,
  sandbox: 'if-available',
}
