import { riskFloor } from '../boundary/risk.ts'
import type { FileDiff, Workspaces } from '../ports/workspace.ts'
import type { Candidate, Task } from '../protocol/state.ts'
import { higherRisk, type Risk } from '../protocol/verdict.ts'
import type { Runtime } from './runtime.ts'

/** Files of which it matters what changed inside: a mere version differs from a script. */
const telling =
  /(^|\/)(package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|uv\.lock|poetry\.lock|composer\.(json|lock)|deno\.jsonc?|gemfile\.lock|cargo\.(lock|toml)|pyproject\.toml|go\.mod)$/i

/** Bytes of a diff that are searched: far more than anybody reviews, and, of the shortest lines, a second's work. */
const largestPatch = 8 * 1024 * 1024
/** Characters of files that are compared. */
const mostCompared = 32 * 1024 * 1024

/** Every line of a diff begins with a letter, a blank, a sign or a backslash. */
const isCut = (patch: string): boolean => /(^|\n)\[\.\.\. cut at \d+ bytes \.\.\.\]\n$/.test(patch)

/** Core's own view of a candidate's risk, which no reviewer can lower, goes into the log with what a person is asked for it. */
export async function assess(runtime: Runtime, task: Task, { id, base, commit }: Candidate): Promise<void> {
  const { workspaces, config, log } = runtime
  const files = await workspaces.diff(base, commit)
  const patch = await workspaces.patch(base, commit, largestPatch)
  const { contents, all } = await contentsOf(workspaces, files, base, commit)
  const { risk, reasons } = riskFloor(files, {
    checks: [...config.checks.map(({ command }) => command), ...config.setup, ...grantedBy(runtime)],
    patch,
    unread: !all || isCut(patch),
    contents,
  })
  const tested = risksOfTests(task.candidates[id]!, config.checks.length)
  const approval = `${task.id}.${Object.keys(task.approvals).length + 1}`
  await log.must({
    type: 'AssessRisk',
    task: task.id,
    candidate: id,
    floor: tested.reduce((highest, one) => higherRisk(highest, one.risk), risk),
    reasons: [...reasons, ...tested.map(({ text }) => text)],
    approval,
  })
}

/** What the checks leave open, as they are recorded. */
function risksOfTests(candidate: Candidate, configured: number): { risk: Risk; text: string }[] {
  if (configured === 0) return [{ risk: 'medium', text: 'no checks are configured: nothing was tested' }]
  const { checks } = candidate.checks ?? { checks: [] }
  return checks.flatMap(({ argv, tests: { missing, uncompared } = { passed: 0, skipped: 0 } }) => {
    const name = argv.join(' ')
    const found: { risk: Risk; text: string }[] = []
    if (missing) {
      const names = missing.names.map((one) => `'${one}'`).join(', ')
      const more = missing.count > missing.names.length ? ` and ${missing.count - missing.names.length} more` : ''
      found.push({
        risk: 'high',
        text: `${name}: ${missing.count} of the tests that passed on the base did not run: ${names}${more}`,
      })
    }
    if (uncompared !== undefined)
      found.push({ risk: 'medium', text: `${name}: its tests are compared with nothing, since ${uncompared}` })
    return found
  })
}

async function contentsOf(
  { read }: Workspaces,
  files: readonly FileDiff[],
  base: string,
  commit: string,
): Promise<{ contents: Map<string, { before?: string; after?: string }>; all: boolean }> {
  const contents = new Map<string, { before?: string; after?: string }>()
  let compared = 0
  for (const { path, from = path } of files.filter((file) => telling.test(file.path))) {
    if (compared > mostCompared) return { contents, all: false }
    const before = await read(base, from)
    const after = await read(commit, path)
    compared += (before?.length ?? 0) + (after?.length ?? 0)
    contents.set(path, { before, after })
  }
  return { contents, all: true }
}

/** The commands that roles may run, word by word. */
function grantedBy({ roles }: Runtime): string[][] {
  return [...roles.values()].flatMap(({ tools = [], optionalTools = [] }) =>
    [...tools, ...optionalTools].flatMap((tool) =>
      typeof tool === 'string'
        ? []
        : (tool.allowedCommands ?? []).map((command) =>
            typeof command === 'string' ? command.split(' ') : [...command],
          ),
    ),
  )
}
