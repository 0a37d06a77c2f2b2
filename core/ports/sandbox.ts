/** The OS wall around processes. */
export interface Sandbox {
  readonly kind: 'bubblewrap' | 'none'
  /** Contract: runs argv without a shell, in a process group of its own, with exactly the given environment, within the limits that the
   *  sandbox was opened with; resolves when no process of the group lives. Does not throw for a command that fails, is missing (exit
   *  127), times out, is aborted or goes over a limit. */
  run(command: SandboxCommand): Promise<CommandResult>
  /** Contract: afterwards a folder for this user alone stands at `home`, whatever commands have left there, however much: empty, or with
   *  copies of what lies in `from`, but for what installers keep only to save a download. Nothing written to it reaches `from`. */
  freshHome(home: string, from?: string): Promise<void>
}

/** What one command may use, all its processes together; each is more than an honest test run needs. */
export interface CommandLimits {
  /** Mebibytes of memory that its processes hold; shared pages count once. */
  memoryMb: number
  /** Processes and threads that live at once. */
  processes: number
  /** Mebibytes of the largest file that it may write; in a file with holes they count. */
  fileMb: number
  /** Mebibytes that stay free where it may write; below it the command is ended. 0: not looked at. */
  freeMb: number
}

export interface SandboxCommand {
  /** argv[0] is looked up in `env.PATH`, once for all commands. */
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
  /** Hosts that may be reached, through the variables of a proxy that the command gets; entries as in the configuration's `network`.
   *  Empty: nothing at all, not even a look-up. */
  network: readonly string[]
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
  /** The limit that ended it; the last line of `output` says so in words. */
  limit?: 'memory' | 'processes' | 'file' | 'output' | 'disk'
  /** stdout and stderr as they came. */
  output: string
  truncated: boolean
  ms: number
  /** Hosts that it wanted and may not reach, as they would be written in `network`; absent where there were none. */
  refusedHosts?: readonly string[]
  sandbox: Sandbox['kind']
}
