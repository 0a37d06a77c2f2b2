/** The OS wall around processes. */
export interface Sandbox {
  readonly kind: 'bubblewrap' | 'none'
  /** Contract: runs argv without a shell, in a process group of its own, with exactly the given environment; resolves when no process
   *  of the group lives. Does not throw for a command that fails, is missing (exit 127), times out or is aborted. */
  run(command: SandboxCommand): Promise<CommandResult>
}

export interface SandboxCommand {
  /** argv[0] is looked up in `env.PATH`. */
  argv: readonly string[]
  cwd: string
  /** The worktree: the only place that may be written, besides `home` and a private /tmp. */
  worktree: string
  /** False: the worktree itself is read-only too; writes go to a throw-away copy of it, where the command runs. */
  writable: boolean
  /** Paths inside the worktree (files or folders, existing or not) that stay read-only in any case: `.git`, protected paths. */
  protect: readonly string[]
  /** Paths outside that may be read (core's bare repository). */
  readable: readonly string[]
  /** Private folder; HOME of the command. */
  home: string
  network: boolean
  env: Readonly<Record<string, string>>
  timeoutMs: number
  /** Bytes of output kept (its head and tail); the rest is dropped. */
  maxOutput: number
  signal?: AbortSignal
}

export interface CommandResult {
  /** 127: not found. null: ended by a signal, by the time limit or by the caller. */
  exitCode: number | null
  timedOut: boolean
  cancelled: boolean
  /** stdout and stderr as they came. */
  output: string
  truncated: boolean
  ms: number
  sandbox: Sandbox['kind']
}
