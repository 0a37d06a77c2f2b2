/** Every error code of codeband with its sentence: what happened, the value in quotes, the cure. README's table equals this one by test. */
export const errors = {
  CB_APPROVAL_UNKNOWN: "No approval '{id}' is waiting. `codeband pending` lists what waits.",
  CB_BAND_BUSY:
    "Another process ({process}) already runs the band of '{repo}'. Wait for it, or stop it; `codeband status` works meanwhile.",
  CB_BAND_CLOSED: 'This band was closed. What it had begun is in the log: open it again and `resume`.',
  CB_BOUNDARY_UNENFORCEABLE: "Framework '{framework}' cannot hold worker '{worker}' to its tools: {detail}.",
  CB_CHANGE_LIMIT:
    "The worktree '{worktree}' holds {detail}. Let `.gitignore` name what commands make, or raise that limit in the configuration.",
  CB_CLIENT_MISSING: "Framework '{framework}' needs {client}, which was not found. {cure}",
  CB_CLIENT_VERSION:
    "Framework '{framework}' found {client} {found}, but only {wanted} is known to obey the boundary. {cure}",
  CB_CONFIG_INVALID: "'{file}' is not a valid configuration: {problems}",
  CB_CONFIG_READ: "'{file}' could not be loaded: {detail}",
  CB_DEFINITIONS_GONE:
    "A task began with the definitions '{hash}', which are no longer kept in '{home}/roles'. Restore the files as they were then, or start the task anew.",
  CB_DISK:
    'The disk refused something: {detail}. Mend its permissions or free space, then `codeband resume`; CODEBAND_HOME names another folder for what a band keeps.',
  CB_DIVERGENCE:
    "Task '{task}' cannot go on: at {place} its program now asks for '{now}', the log has '{before}' with other arguments. Steps must be the same on every run; restore the role as it was, or start the task anew.",
  CB_EVENT_VERSION:
    "The log holds event '{type}' (number {seq}), which this codeband does not know. Use the newer codeband that wrote it.",
  CB_FRAMEWORK_NONE:
    "No framework is configured in '{file}', so nobody could play a role. Name one there, or move that file away and let `codeband init` write a configuration with the clients that exist here; `codeband demo` and `codeband run --role ROLE --script FILE` need none.",
  CB_FRAMEWORK_UNKNOWN: "{where} names the framework '{name}', which is not configured. Configured: {known}.",
  CB_GIT: "`git {command}` failed in '{place}': {detail}",
  CB_GIT_VERSION: 'codeband needs git {wanted} or newer; this is {found}. Install a current git and run it again.',
  CB_INPUT_INVALID: "The input of role '{role}' does not fit its schema: {problems}",
  CB_INTERNAL: 'codeband broke one of its own rules: {detail}. Please report it with `codeband log --json`.',
  CB_LOG_APPEND:
    "The log '{file}' cannot be written: {detail}. Nothing was acted on; free the cause and `codeband resume`.",
  CB_LOG_DAMAGED:
    "The log '{file}' is damaged at event {seq}: {detail}. Nothing was decided on it. `codeband log --export FILE` saves every event that can still be read; then restore a copy.",
  CB_LOG_OPEN: "The log '{file}' cannot be opened: {detail}. {cure}",
  CB_LOG_VERSION:
    "The log '{file}' has schema {found}; this codeband knows {known}. Use the newer codeband that wrote it.",
  CB_NODE_VERSION: 'codeband needs Node {wanted} or newer; this is {found}. Install a current Node and run it again.',
  CB_NOT_A_REPO: "'{path}' is not inside a git repository. Run `git init` there, or point codeband at a repository.",
  CB_NOT_LEADER: 'This process no longer leads the band (its epoch is {epoch}, the log has {current}). Start it again.',
  CB_OPPOSITION_IMPOSSIBLE:
    "Role '{reviewer}' can never review '{role}' from the opposite family: {detail}. Configure a framework of another family, or write `review: { opposition: 'waived' }`, which marks every landing and leaves each to a person.",
  CB_REF_UNKNOWN:
    "'{repo}' has no branch '{branch}' to land on. Check out a branch, or name one as `merge.into` in the configuration.",
  CB_REPO_EMPTY:
    "The repository '{repo}' has no commit yet. Commit something first: `git commit --allow-empty -m start`.",
  CB_REPLAY_RUNNING:
    "Task '{task}' {how}, so there is no end to play up to. Wait for it, or `codeband resume {task}`; then replay it.",
  CB_REPORT_TRACKED:
    "A check writes its report to '{report}', where commit {commit} holds a file: nobody could tell the two apart. Take it out of git (`git rm --cached {report}`, and a line in .gitignore), or name another path in the configuration.",
  CB_ROLE_INVALID: '{count} problem(s) in the role definitions:\n{problems}',
  CB_ROLE_UNKNOWN: "{where} names the role '{name}', which does not exist. Known: {known}.",
  CB_SANDBOX_LEAKS:
    "`sandbox: 'required'` needs walls that hold, but behind '{program}': {detail}. Nothing was run. Replace it by an unchanged bubblewrap (Debian: `apt install --reinstall bubblewrap`); `codeband doctor` tries every wall.",
  CB_SANDBOX_MISSING:
    "`sandbox: 'required'` needs bubblewrap, which {detail}. {cure}, or write `sandbox: 'if-available'` and accept that commands run unsandboxed.",
  CB_SCRIPT_INVALID: "The script '{file}' is not valid: {detail}",
  CB_SETUP_FAILED: '`setup` failed on {commit}: `{command}` ended with {exit}.\n{output}',
  CB_TASK_EMPTY: 'The task has no text. Say what you want: `codeband run "Fix the failing test"`.',
  CB_TASK_ENDED: "Task '{task}' has ended already ({outcome}). `codeband status` shows it.",
  CB_TASK_UNKNOWN: "There is no task '{task}'. `codeband status` lists them.",
  CB_TEMPLATE: "The {prompt} of role '{role}' names '{{{name}}}', which {detail}.",
  CB_TOOL_SERVER:
    "The tool server '{name}' cannot be used: {detail}. Check its entry under `mcp` of the role, and that it starts by itself.",
  CB_UNTRUSTED:
    "The roles and the configuration in '{repo}' are code that you have not trusted yet (hash {hash}). Read them, then run `codeband trust --yes`, or set CODEBAND_TRUST to that hash.",
  CB_USAGE: '{detail}',
  CB_VERSION_CONFLICT: 'The log moved on: expected version {expected}, found {found}.',
  CB_WORKER_UNKNOWN: "There is no worker '{worker}'. Known: {known}.",
} as const

export type ErrorCode = keyof typeof errors

/** Misuse or a broken world, told to a person. Refusals and turn failures are values, never this. */
export class CodebandError extends Error {
  readonly code: ErrorCode
  readonly values: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, values: Readonly<Record<string, unknown>> = {}, options?: { cause?: unknown }) {
    super(fill(errors[code], values), options)
    this.name = 'CodebandError'
    this.code = code
    this.values = values
  }

  /** True across copies of codeband in one process, where `instanceof` is not. */
  static is(error: unknown, code?: ErrorCode): error is CodebandError {
    const found = error instanceof Error && error.name === 'CodebandError' ? (error as CodebandError).code : undefined
    return found !== undefined && (code === undefined || found === code)
  }
}

/** CB_DISK for what a file system says of itself: full, read-only, not ours. Anything else is undefined. */
export function diskError(error: unknown): CodebandError | undefined {
  if (!(error instanceof Error) || CodebandError.is(error)) return undefined
  const { code, syscall } = error as Error & { code?: unknown; syscall?: unknown }
  if (typeof code !== 'string' || String(syscall).startsWith('spawn')) return undefined
  const disk = ['EACCES', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOSPC', 'ENOTDIR', 'EPERM', 'EROFS'].includes(code)
  return disk ? new CodebandError('CB_DISK', { detail: error.message }, { cause: error }) : undefined
}

function fill(sentence: string, values: Readonly<Record<string, unknown>>): string {
  const filled = sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? '?'))
  // A value that ends a sentence by itself, as a hint does, needs no second end.
  return filled.replace(/([.?])\.$/, '$1')
}

/** ', did you mean ...?' for a name that is close to a known one, else ''. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = known
    .map((one) => ({ one, distance: editDistance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= Math.max(2, Math.floor(one.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0]
  return near ? ` Did you mean '${near.one}'?` : ''
}

/** Source: V. Levenshtein, 1966; one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}
