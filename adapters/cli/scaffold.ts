/** What `init` found in a repository. */
export interface Found {
  clients: ('claude' | 'codex')[]
  branch: string | undefined
  manager: string | undefined
  setup: string[][]
  checks: string[][]
}

interface Folder {
  has(file: string): Promise<boolean>
  read(file: string): Promise<string>
}

/** The package manager of a repository, what makes a fresh worktree ready, and what tests it. */
export async function setupOf({ has, read }: Folder): Promise<Pick<Found, 'manager' | 'setup' | 'checks'>> {
  if (await has('package.json')) {
    const {
      scripts = {},
      dependencies,
      devDependencies,
    } = JSON.parse(await read('package.json')) as {
      scripts?: Record<string, string>
      dependencies?: object
      devDependencies?: object
    }
    const manager = (await has('pnpm-lock.yaml'))
      ? 'pnpm'
      : (await has('yarn.lock'))
        ? 'yarn'
        : (await has('bun.lock'))
          ? 'bun'
          : 'npm'
    const installs: Record<string, string[]> = {
      npm: (await has('package-lock.json')) ? ['npm', 'ci'] : ['npm', 'install'],
      pnpm: ['pnpm', 'install', '--frozen-lockfile'],
      yarn: ['yarn', 'install', '--immutable'],
      bun: ['bun', 'install', '--frozen-lockfile'],
    }
    const needs = Object.keys({ ...dependencies, ...devDependencies }).length > 0
    return { manager, setup: needs ? [installs[manager]!] : [], checks: scripts.test ? [[manager, 'test']] : [] }
  }
  if (await has('go.mod'))
    return { manager: 'go', setup: [['go', 'mod', 'download']], checks: [['go', 'test', './...']] }
  if (await has('Cargo.toml')) return { manager: 'cargo', setup: [['cargo', 'fetch']], checks: [['cargo', 'test']] }
  if (await has('pyproject.toml')) return { manager: 'python', setup: [], checks: [['pytest']] }
  if (await has('Makefile')) return { manager: 'make', setup: [], checks: [['make', 'test']] }
  return { manager: undefined, setup: [], checks: [] }
}

/** `codeband.config.ts` with only the workers that exist. */
export function configSource({ clients, branch, setup, checks }: Found): string {
  const [one = 'claude', other = one] = clients
  const both = clients.length > 1
  const workers = [
    `    planner: { ${one}: 1 },`,
    `    'plan-reviewer': { ${other}: 1 },`,
    both ? `    coder: { ${one}: 1, ${other}: 1 },` : `    coder: { ${one}: 1 },`,
    both ? `    'code-reviewer': { ${one}: 1, ${other}: 1 },` : `    'code-reviewer': { ${one}: 1 },`,
  ]
  const list = (commands: readonly (readonly string[])[]): string =>
    `[${commands.map((argv) => `[${argv.map((word) => `'${word}'`).join(', ')}]`).join(', ')}]`
  return [
    `import { defineConfig } from 'codeband'`,
    ...clients.map((name) => `import { ${name} } from 'codeband/${name}'`),
    '',
    'export default defineConfig({',
    `  frameworks: { ${clients.map((name) => `${name}: ${name}()`).join(', ')} },`,
    ...(clients.length > 0 ? ['  workers: {', ...workers, '  },'] : ['  workers: {},']),
    `  setup: ${list(setup)}, // what a fresh worktree needs`,
    `  checks: ${list(checks)}, // what must pass on the merged tree${checks.length === 0 ? ': without one, every landing asks you' : ''}`,
    `  merge: { ${branch ? `into: '${branch}', ` : ''}autoMerge: 'low' }, // above this risk a person decides`,
    ...(clients.length === 1
      ? [`  review: { opposition: 'waived' }, // one family only: marked everywhere, and nothing lands without you`]
      : []),
    `  sandbox: 'required', // bubblewrap; 'if-available' lets commands run unsandboxed where it is missing`,
    '})',
    '',
  ].join('\n')
}

export const firstRole = `import { defineRole, z } from 'codeband'

// A first role of your own. Try it: npx codeband run --role scribe '{"topic":"the tests"}'
${'export'} default defineRole({
  id: 'scribe',
  description: 'Explains one part of this repository.',
  input: z.object({ topic: z.string() }),
  output: z.object({ text: z.string() }),
  tools: ['list_files', 'search_codebase', 'read_files'],
  systemPrompt: 'You explain code to a new colleague: short, exact, with the files to read.',
  userPrompt: 'Explain {{topic}}.',
})
`
