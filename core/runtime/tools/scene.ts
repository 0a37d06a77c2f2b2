import type { Boundary } from '../../boundary/boundary.ts'
import type { DenialCode } from '../../boundary/denial.ts'
import type { Check } from '../../config.ts'
import type { SessionTool, ToolResult } from '../../ports/framework.ts'
import type { Sandbox } from '../../ports/sandbox.ts'
import type { Worktree } from '../../ports/workspace.ts'
import type { Schema } from '../../role/schema.ts'
import type { Tool } from '../../role/tool.ts'
import type { Tree } from './tree.ts'

/** All that the tools of one worker reach. */
export interface Scene {
  boundary: Boundary
  worktree: Worktree | undefined
  /** Its files; default: as they lie in its folder. */
  tree?: Tree
  /** False: file tools never write, even if granted; commands run on a throw-away copy. */
  writable: boolean
  /** undefined: none although it is required; commands are then denied. */
  sandbox: Sandbox | undefined
  /** HOME of commands. */
  home: string
  /** The whole environment of commands. */
  env: Readonly<Record<string, string>>
  /** Core's bare repository, readable to commands. */
  store: string
  commandTimeoutMs: number
  /** What must pass on the merged tree: run_tests judges such a command in the same way. */
  checks?: readonly Check[]
  /** The tools a project defines itself. */
  custom: readonly Tool[]
  /** What custom tools may ask for by name; default: nothing. */
  toolEnv?: Readonly<Record<string, string>>
  /** The role's output schema, for set_output. */
  outputSchema?: Schema | undefined
  submit(kind: 'plan' | 'verdict' | 'output', value: unknown): Promise<ToolResult>
  spawn(role: string, input: unknown): Promise<ToolResult>
  ask(question: string): Promise<ToolResult>
  say(mention: string, text: string): Promise<ToolResult>
  /** What git_diff shows; undefined: what the worktree differs in. */
  changes(): Promise<string | undefined>
  /** What fetch_url and custom tools reach the network with; absent: not at all. */
  fetch?: ReachOut
}

/** Node's fetch. With hosts in `within` a name is followed only to a public address or to one that stands among them, and else rejected
 *  with an error of the code 'host-not-allowed'. */
export type ReachOut = (url: string, init: RequestInit & { within?: readonly string[] }) => Promise<Response>

export interface CallOutcome {
  ok: boolean
  /** Text for the model. */
  output: string
  denied?: { code: DenialCode; reason: string }
  /** How the command of the call ran. */
  sandbox?: Sandbox['kind']
}

/** The tools of a worker and the one door to them, for every origin of a call. */
export interface Toolbox {
  readonly tools: readonly SessionTool[]
  /** Contract: never throws and never rejects. */
  call(name: string, input: unknown, options: { id: string; signal: AbortSignal }): Promise<CallOutcome>
  /** What the gate says to a call, without its effect; `contents: false` leaves out what depends on the text of files.
   *  Contract: never throws and never rejects. */
  decide(
    name: string,
    input: unknown,
    options?: { contents?: boolean },
  ): Promise<{ allowed: true } | { allowed: false; code: DenialCode; reason: string }>
}
