/** The function that the regression is in, by the lines around its body. */
const begin = 'Reply.prototype.header = function'
const end = 'Reply.prototype.headers ='

const head = `${begin} (key, value = '') {\n  key = key.toLowerCase()\n\n`
const tail = '\n  return this\n}\n\n'

const broken = `${head}  // A header is what it was set to last.\n  this[kReplyHeaders][key] = value\n${tail}`

/** Keeps every cookie, and with them every value of every other header. */
const wrong = `${head}  const before = this[kReplyHeaders][key]\n  this[kReplyHeaders][key] = before ? [].concat(before, value) : value\n${tail}`

/** The source with the regression, and the edits of the two rounds: one that mends it and breaks something else, one that is right. */
export function regression(source: string): {
  source: string
  first: { old: string; new: string }
  second: { old: string; new: string }
} {
  const right = source.slice(source.indexOf(begin), source.indexOf(end))
  if (!right.startsWith(begin)) throw new Error('the source is not the one this regression was made for')
  return {
    source: source.replace(right, () => broken),
    first: { old: broken, new: wrong },
    second: { old: wrong, new: right },
  }
}

export const unit = ['node', '--test', 'test/internals/*.test.js']
export const wide = [
  'node',
  '--test',
  ...['reply-*', 'hooks*', 'content-*', 'decorator*', 'stream.*', 'custom-parser*'].map(
    (some) => `test/${some}.test.js`,
  ),
]

export const config = `import { defineConfig } from 'codeband'
import { scripted } from 'codeband/scripted'
import script from './band.json'

export default defineConfig({
  frameworks: {
    claude: scripted({ id: 'claude', family: 'anthropic', script }),
    codex: scripted({ id: 'codex', family: 'openai', script }),
  },
  workers: { planner: { claude: 1 }, 'plan-reviewer': { codex: 1 }, coder: { codex: 1 }, 'code-reviewer': { claude: 1 } },
  setup: [['npm', 'ci', '--no-audit', '--no-fund', '--prefer-offline']],
  checks: ${JSON.stringify([unit, wide])},
  sandbox: 'if-available',
})
`

export function script({ first, second }: Pick<ReturnType<typeof regression>, 'first' | 'second'>): string {
  const path = 'lib/reply.js'
  const tests = (contains: string) => ({ call: 'run_tests', input: { argv: unit }, expect: { contains } })
  const edit = (change: { old: string; new: string }) => ({
    call: 'apply_diff',
    input: { path, ...change },
    expect: 'ok',
  })
  const verdict = (decision: string, summary: string, findings: object[] = []) => ({
    call: 'submit_verdict',
    input: { decision, risk: 'low', summary, findings },
  })
  const plan = {
    summary: 'Several cookies of one reply all reach the client again.',
    subtasks: [
      {
        id: 'cookies',
        title: 'Keep every Set-Cookie',
        description:
          'reply.header called again with set-cookie adds a cookie; every other header goes on being replaced.',
        files: [path],
      },
    ],
  }
  const turns = [
    {
      role: 'file-picker',
      steps: [
        {
          call: 'search_codebase',
          input: { pattern: 'set-cookie', glob: '{lib,test}/**' },
          expect: { contains: 'test/internals/reply.test.js' },
        },
        { call: 'set_output', input: { output: [path, 'test/internals/reply.test.js'] } },
      ],
    },
    {
      role: 'planner',
      steps: [
        { call: 'read_files', input: { paths: [path] }, expect: 'ok' },
        { call: 'submit_plan', input: plan },
      ],
    },
    { role: 'plan-reviewer', steps: [verdict('approve', 'Small and complete.')] },
    { role: 'coder', steps: [tests('fail 3'), edit(first)] },
    { role: 'coder', steps: [edit(second), tests('fail 0')] },
    {
      role: 'code-reviewer',
      steps: [
        tests('fail 1'),
        verdict('request_changes', 'A test that passed before fails now.', [
          {
            severity: 'Critical',
            issue: 'Every header set twice becomes a list, not only set-cookie.',
            file: path,
            evidence: "node --test: fail 1, 'reply.getHeader returns correct values'",
          },
        ]),
      ],
    },
    { role: 'code-reviewer', steps: [tests('fail 0'), verdict('approve', 'All unit tests pass.')] },
  ]
  return `${JSON.stringify({ turns }, null, 2)}\n`
}
