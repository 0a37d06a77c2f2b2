import type { ResolvedConfig } from '../config.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sandbox } from '../ports/sandbox.ts'
import type { ToolServers } from '../ports/tool-server.ts'
import type { Workspaces, Worktree } from '../ports/workspace.ts'
import type { CheckResult } from '../protocol/events.ts'
import type { Role } from '../role/role.ts'
import type { Tool } from '../role/tool.ts'
import type { Log } from './log.ts'
import type { Roster } from './roster.ts'
import type { Slots } from './slots.ts'
import type { ReachOut, Scene, Toolbox } from './tools/scene.ts'

/** What the moving parts of one band share. */
export interface Runtime {
  readonly log: Log
  readonly roster: Roster
  readonly workspaces: Workspaces
  readonly sandbox: Sandbox
  readonly clock: Clock
  readonly config: ResolvedConfig
  readonly roles: ReadonlyMap<string, Role>
  readonly tools: readonly Tool[]
  /** $CODEBAND_HOME of this repository. */
  readonly home: string
  /** The environment that commands and clients start from: PATH and LANG. */
  readonly baseEnv: Readonly<Record<string, string>>
  /** Host variables a framework may ask for by name. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>
  /** Checks run one after another: they share a worktree. */
  readonly checking: Slots
  /** The home of `setup` is filled by any number at once, or copied by any number, never both: what is copied is whole. */
  readonly settingUp: Slots
  /** What starts the tool servers that roles declare. */
  readonly toolServers: ToolServers
  /** What fetch_url and custom tools reach the network with. */
  readonly fetch: ReachOut
  /** Aborts when the band closes. */
  readonly stopping: AbortSignal
  /** True: an approval is waited for. False: the task parks. */
  readonly wait: boolean
  /** Brings a question to a person; without it the task parks. */
  readonly answer?: (person: string, question: string) => Promise<string | undefined>
  /** A replay's place of what the runtime itself does to files. */
  readonly standIns?: StandIns
}

export interface StandIns {
  toolbox(scene: Scene): Toolbox
  /** What was made of the check that ran last. */
  judged(): Pick<CheckResult, 'tests' | 'inconclusive'>
  /** The text of a file after a turn. */
  read(worktree: Worktree, path: string): Promise<string | undefined>
}
