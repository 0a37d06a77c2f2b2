import { join } from 'node:path'
import { type Boundary, compileBoundary } from '../boundary/boundary.ts'
import type { Check } from '../config.ts'
import type { ToolResult } from '../ports/framework.ts'
import type { Worktree } from '../ports/workspace.ts'
import type { Adjustments, Role } from '../role/role.ts'
import type { Worker } from './roster.ts'
import type { Runtime } from './runtime.ts'
import { openServedTools } from './served-tools.ts'
import { homeEnv, newHome, prepareWorktree } from './setup.ts'
import { type Scene, type Toolbox, toolbox } from './tools/toolbox.ts'

/** What a worker works at: its worktree, its private home and the tools of the role it plays. */
export interface Seat {
  boundary: Boundary
  worktree: Worktree
  toolbox: Toolbox
  home: string
  /** The whole environment of its client. */
  clientEnv: Readonly<Record<string, string>>
  /** Ends what was started for it. Idempotent. */
  close(): Promise<void>
}

/** Bytes. */
const largestDiff = 512 * 1024

export interface SeatRequest {
  role: Role
  worker: Worker
  /** Parsed. */
  input: unknown
  adjustments: Adjustments
  /** Where `setup` runs, and where the worktree starts. */
  base: string
  commit: string
  /** What a reviewer's git_diff shows. */
  diff?: string
  submit: Scene['submit']
  say: Scene['say']
  spawn(role: string, input: unknown): Promise<ToolResult>
  ask: Scene['ask']
}

/** The seat, or the problems of what the generator asked for. */
export async function openSeat(
  runtime: Runtime,
  request: SeatRequest,
): Promise<Seat | { problems: readonly string[] }> {
  const { role, worker, input, adjustments, base, commit, diff } = request
  const compiled = compileBoundary(withServed(withChecks(role, runtime.config.checks)), {
    worker: worker.id,
    input,
    additionalTools: adjustments.additionalTools ?? [],
  })
  if ('problems' in compiled) return compiled
  const { boundary } = compiled
  const home = join(runtime.home, 'agents', worker.id)
  // Apart from what the client keeps: its conversations, and a login where the vendor knows no other way.
  const commandHome = join(home, 'commands')
  const env = { ...runtime.baseEnv, ...homeEnv(commandHome) }
  const asked = (worker.framework.env ?? []).flatMap((name) => {
    const value = runtime.hostEnv[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const runsCommands = boundary.grants.has('run_tests') || boundary.grants.has('run_command')
  if (!runsCommands) await newHome(runtime, commandHome)
  const worktree = runsCommands
    ? await prepareWorktree(runtime, { name: worker.id, home: commandHome, env }, base, commit)
    : await runtime.workspaces.checkout(worker.id, commit)
  const served = await openServedTools(runtime, role, worktree.path, commandHome)
  const { submit, say, spawn, ask } = request
  const box = (runtime.standIns?.toolbox ?? toolbox)({
    boundary,
    worktree,
    writable: role.produces === 'change',
    sandbox: runtime.sandbox,
    home: commandHome,
    env,
    store: runtime.workspaces.store,
    checks: runtime.config.checks,
    commandTimeoutMs: runtime.config.limits.commandMinutes * 60_000,
    custom: [...runtime.tools, ...served.tools],
    toolEnv: definedOf(runtime.hostEnv),
    fetch: runtime.fetch,
    outputSchema: role.output,
    submit,
    say,
    spawn,
    ask,
    // git_diff says of a longer one that it is cut.
    changes: async () => diff ?? (await worktree.patch(largestDiff)),
  })
  return {
    boundary,
    worktree,
    toolbox: box,
    home,
    clientEnv: { ...env, HOME: home, TMPDIR: join(home, 'tmp'), ...Object.fromEntries(asked) },
    close: served.close,
  }
}

function definedOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined))
}

/** What a role names of its servers is what it is granted. */
export function withServed(role: Role): Role {
  const names = Object.entries(role.mcp ?? {}).flatMap(([server, { tools }]) =>
    tools.map((tool) => `mcp/${server}/${tool}`),
  )
  return { ...role, tools: [...(role.tools ?? []), ...names] }
}

/** A role that grants run_tests without naming commands runs what the configuration checks with. */
export function withChecks(role: Role, checks: readonly Check[]): Role {
  const grants = (role.tools ?? []).map((tool) => {
    const grant = typeof tool === 'string' ? { name: tool } : tool
    return grant.name === 'run_tests' && grant.allowedCommands === undefined
      ? { ...grant, allowedCommands: checks.map(({ command }) => command) }
      : tool
  })
  return { ...role, tools: grants }
}
