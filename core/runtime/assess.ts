import { riskFloor } from '../boundary/risk.ts'
import type { FileDiff, Workspaces } from '../ports/workspace.ts'
import type { Candidate, Task } from '../protocol/state.ts'
import type { Runtime } from './runtime.ts'

/** Files of which it matters what changed inside: a mere version differs from a script. */
const telling =
  /(^|\/)(package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|uv\.lock|poetry\.lock|composer\.lock|gemfile\.lock|cargo\.(lock|toml)|pyproject\.toml|go\.mod)$/i

/** Core's own view of a candidate's risk, which no reviewer can lower, goes into the log with what a person is asked for it. */
export async function assess(runtime: Runtime, task: Task, { id, base, commit }: Candidate): Promise<void> {
  const { workspaces, config, log } = runtime
  const files = await workspaces.diff(base, commit)
  const { risk, reasons } = riskFloor(files, {
    checks: [...config.checks, ...config.setup, ...grantedBy(runtime)],
    patch: await workspaces.patch(base, commit),
    contents: await contentsOf(workspaces, files, base, commit),
  })
  const untested = config.checks.length === 0
  const floor = untested && risk === 'low' ? 'medium' : risk
  const approval = `${task.id}.${Object.keys(task.approvals).length + 1}`
  await log.must({
    type: 'AssessRisk',
    task: task.id,
    candidate: id,
    floor,
    reasons: untested ? [...reasons, 'no checks are configured: nothing was tested'] : reasons,
    approval,
  })
}

async function contentsOf(
  { read }: Workspaces,
  files: readonly FileDiff[],
  base: string,
  commit: string,
): Promise<Map<string, { before?: string; after?: string }>> {
  const contents = new Map<string, { before?: string; after?: string }>()
  for (const { path, from = path } of files.filter((file) => telling.test(file.path))) {
    contents.set(path, { before: await read(base, from), after: await read(commit, path) })
  }
  return contents
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
