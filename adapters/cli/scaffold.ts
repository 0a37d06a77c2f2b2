import { typesReference } from './scaffold/examples.ts'
import { type ReportingCheck, reportingPython, reportingScript } from './scaffold/reporting.ts'

/** What `init` found in a repository. */
export interface Found {
  clients: ('claude' | 'codex')[]
  branch: string | undefined
  manager: string | undefined
  setup: string[][]
  checks: string[][]
  /** The same with a report, where the test runner is plainly known. */
  reporting?: ReportingCheck | undefined
}

interface Folder {
  has(file: string): Promise<boolean>
  read(file: string): Promise<string>
}

/** The package manager of a repository, what makes a fresh worktree ready, and what tests it. */
export async function setupOf({
  has,
  read,
}: Folder): Promise<Pick<Found, 'manager' | 'setup' | 'checks' | 'reporting'>> {
  if (await has('package.json')) {
    const { scripts = {}, dependencies, devDependencies, packageManager } = manifestOf(await read('package.json'))
    const named = /^(npm|pnpm|yarn|bun)@/.exec(String(packageManager))?.[1] ?? 'npm'
    const manager = (await has('pnpm-lock.yaml'))
      ? 'pnpm'
      : (await has('yarn.lock'))
        ? 'yarn'
        : (await has('bun.lock'))
          ? 'bun'
          : named
    const installs: Record<string, string[]> = {
      npm: (await has('package-lock.json')) ? ['npm', 'ci'] : ['npm', 'install'],
      pnpm: ['pnpm', 'install', '--frozen-lockfile'],
      yarn: ['yarn', 'install', '--immutable'],
      bun: ['bun', 'install', '--frozen-lockfile'],
    }
    const needs = Object.keys({ ...dependencies, ...devDependencies }).length > 0
    const setup = needs ? [installs[manager]!] : []
    if (!scripts.test) return { manager, setup, checks: [] }
    const reporting = reportingScript(manager, scripts.test, { ...dependencies, ...devDependencies })
    return { manager, setup, checks: [[manager, 'test']], reporting }
  }
  if (await has('go.mod'))
    return { manager: 'go', setup: [['go', 'mod', 'download']], checks: [['go', 'test', './...']] }
  if (await has('Cargo.toml')) return { manager: 'cargo', setup: [['cargo', 'fetch']], checks: [['cargo', 'test']] }
  for (const file of ['pyproject.toml', 'pytest.ini', 'tox.ini', 'setup.cfg', 'setup.py', 'requirements.txt']) {
    if (!(await has(file))) continue
    const reporting = reportingPython(await read(file))
    if (reporting || file === 'pyproject.toml') return { manager: 'python', setup: [], checks: [['pytest']], reporting }
  }
  if (await has('Makefile')) return { manager: 'make', setup: [], checks: [['make', 'test']] }
  return { manager: undefined, setup: [], checks: [] }
}

interface Manifest {
  scripts?: Record<string, string>
  dependencies?: object
  devDependencies?: object
  packageManager?: unknown
}

function manifestOf(text: string): Manifest {
  try {
    return (JSON.parse(text.replace(/^\ufeff/, '')) ?? {}) as Manifest
  } catch {
    // Its package manager will say so; what cannot be read has no scripts.
    return {}
  }
}

/** A name of the repository as source: a branch may hold quotes. */
const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** `codeband.config.ts` with only the workers that exist. */
export function configSource({ clients, branch, setup, checks, reporting }: Found): string {
  const [one = 'claude', other = one] = clients
  const both = clients.length > 1
  const workers = [
    `    planner: { ${one}: 1 },`,
    `    'plan-reviewer': { ${other}: 1 },`,
    both ? `    coder: { ${one}: 1, ${other}: 1 },` : `    coder: { ${one}: 1 },`,
    both ? `    'code-reviewer': { ${one}: 1, ${other}: 1 },` : `    'code-reviewer': { ${one}: 1 },`,
  ]
  const list = (commands: readonly (readonly string[])[]): string =>
    `[${commands.map((argv) => `[${argv.map(quoted).join(', ')}]`).join(', ')}]`
  const named =
    reporting && `{ command: [${reporting.command.map(quoted).join(', ')}], report: ${quoted(reporting.report)} }`
  return [
    `${typesReference('codeband.config.ts')}import { defineConfig } from 'codeband'`,
    ...clients.map((name) => `import { ${name} } from 'codeband/${name}'`),
    '',
    'export default defineConfig({',
    ...(clients.length === 0
      ? [
          `  // Once a client is installed: import { claude } from 'codeband/claude', and here { claude: claude() }; so with codex.`,
        ]
      : []),
    `  frameworks: ${clients.length > 0 ? `{ ${clients.map((name) => `${name}: ${name}()`).join(', ')} }` : '{}'},`,
    ...(clients.length > 0 ? ['  workers: {', ...workers, '  },'] : ['  workers: {},']),
    `  setup: ${list(setup)}, // what a fresh worktree needs`,
    `  checks: ${list(checks)}, // what must pass on the merged tree${checks.length === 0 ? ': without one, every landing asks you' : ''}`,
    ...(named ? [`  // With the name of every test, so that a run of none is not green: checks: [${named}],`] : []),
    `  merge: { ${branch ? `into: ${quoted(branch)}, ` : ''}autoMerge: 'low' }, // above this risk a person decides`,
    ...(clients.length === 1
      ? [`  review: { opposition: 'waived' }, // one family only: marked everywhere, and nothing lands without you`]
      : []),
    `  sandbox: 'required', // bubblewrap; 'if-available' lets commands run unsandboxed where it is missing`,
    '})',
    '',
  ].join('\n')
}

/** What a project begins with: a role and a tool of its own. */
export const firstFiles: Readonly<Record<string, string>> = {
  '.agents/scribe.ts': `${typesReference('.agents/scribe.ts')}import { defineRole, z } from 'codeband'

// A first role of your own. Try it: npx codeband run --role scribe '{"topic":"the tests"}'
${'export'} default defineRole({
  id: 'scribe',
  description: 'Explains one part of this repository.',
  input: z.object({ topic: z.string() }),
  output: z.object({ text: z.string() }),
  tools: ['list_files', 'search_codebase', 'read_files', 'list_todos'],
  systemPrompt: 'You explain code to a new colleague: short, exact, with the files to read.',
  userPrompt: 'Explain {{topic}}.',
})
`,
  '.agents/tools/list-todos.ts': `${typesReference('.agents/tools/list-todos.ts')}import { defineTool, z } from 'codeband'

// A first tool of your own. A role has it when it names it: tools: ['list_todos'].
${'export'} default defineTool({
  name: 'list_todos',
  description: 'Lists the open ends that comments in this repository name, one "file:line:text" a line.',
  input: z.object({ word: z.enum(['TODO', 'FIXME']).default('TODO') }),
  repeat: 'safe',
  async run({ word }, { run }) {
    // A command of a tool runs in the sandbox, in the worktree of whoever calls it.
    const { exitCode, output } = await run(['grep', '-rnIw', '--exclude-dir=.git', '--exclude-dir=node_modules', word, '.'])
    if (exitCode === 1) return 'There are none.'
    if (exitCode !== 0) throw new Error(output)
    return output
  },
})
`,
}
