import { simpleGit } from 'simple-git'
import { CodebandError } from '../core/errors.ts'

export interface GitPlace {
  /** GIT_DIR. Never discovered: whoever calls has recorded it. */
  gitDir: string
  /** GIT_WORK_TREE, and the folder git runs in. Without it git runs in `gitDir` and sees no files. */
  workTree?: string
  /** GIT_INDEX_FILE. */
  index?: string
  /** GIT_OBJECT_DIRECTORY: where objects are written. */
  objects?: string
  /** Further object folders, only read. */
  alternates?: readonly string[]
  /** The list of commits without parents of a shallow repository, when it is not the one of `gitDir`. */
  shallow?: string
  /** Settings over the hardened ones, for example `core.autocrlf`. */
  config?: Readonly<Record<string, string>>
  /** The git program; looked up in a fixed PATH. */
  bin?: string
}

export interface GitRun {
  /** Written to stdin; a command that reads stdin needs it, and it may not be empty. */
  input?: string | Uint8Array
  /** Bytes of output after which git is stopped. */
  limit?: number
  /** Parts that end in a NUL after which git is stopped. */
  records?: number
  /** Further variables, for example the dates of a commit. */
  env?: Readonly<Record<string, string>>
}

export interface GitResult {
  /** Negative: git could not be started. null: stopped when `limit` or `records` was reached. */
  exitCode: number | null
  stdout: Buffer
  stderr: string
  truncated: boolean
}

export interface Git {
  /** Contract: never throws for what git answers. CB_GIT where it was killed before it could answer. */
  run(args: readonly string[], options?: GitRun): Promise<GitResult>
  /** Standard output of a command that succeeds; CB_GIT otherwise. */
  bytes(args: readonly string[], options?: GitRun): Promise<Buffer>
  /** The same as text without the last line feed. */
  text(args: readonly string[], options?: GitRun): Promise<string>
  /** Whether the command ends with 0. */
  succeeds(args: readonly string[], options?: GitRun): Promise<boolean>
}

const hardened: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.untrackedCache': 'keep',
  'core.splitIndex': 'false',
  'core.attributesFile': '/dev/null',
  'core.excludesFile': '/dev/null',
  'core.autocrlf': 'false',
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  // It could name other parents than the commits themselves do.
  'core.commitGraph': 'false',
  'core.quotePath': 'false',
  'color.ui': 'false',
  'checkout.workers': '2',
  'diff.suppressBlankEmpty': 'false',
  'gc.auto': '0',
  'log.showSignature': 'false',
  'maintenance.auto': 'false',
  'merge.conflictStyle': 'merge',
  'protocol.allow': 'never',
  'submodule.recurse': 'false',
}

const environment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  TZ: 'UTC',
  // No transport at all: objects move as packs, so that not even a promisor remote of a partial clone can be asked.
  GIT_ALLOW_PROTOCOL: '',
  GIT_ASKPASS: '/bin/false',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_NO_LAZY_FETCH: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'codeband',
  GIT_AUTHOR_EMAIL: 'codeband@localhost',
  GIT_COMMITTER_NAME: 'codeband',
  GIT_COMMITTER_EMAIL: 'codeband@localhost',
}

/** Set by us to harmless values, which simple-git cannot tell from harmful ones. Everything else it blocks stays blocked. */
const unsafe = {
  allowUnsafeAskPass: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeHooksPath: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeTemplateDir: true,
}

/** Milliseconds without a byte of output after which git counts as hung. */
const silence = 15 * 60_000

/** The argument by which a process of git tells where it works; what a killed codeband left running is found by it. */
export const placeMark = (path: string): string => `codeband.place=${path}`

/** Low-level git, deaf to everything but its arguments: no user or system settings, hooks, filters of the user, pagers or network. */
export function git({ gitDir, workTree, index, objects, alternates, shallow, config, bin = 'git' }: GitPlace): Git {
  const cwd = workTree ?? gitDir
  const settings = Object.entries({ ...hardened, ...config }).map(([key, value]) => `${key}=${value}`)
  const globals = [...settings, placeMark(cwd)].flatMap((setting) => ['-c', setting])
  const here: Record<string, string> = { ...environment, GIT_DIR: gitDir }
  if (workTree !== undefined) here.GIT_WORK_TREE = workTree
  if (index !== undefined) here.GIT_INDEX_FILE = index
  if (objects !== undefined) here.GIT_OBJECT_DIRECTORY = objects
  if (alternates !== undefined) here.GIT_ALTERNATE_OBJECT_DIRECTORIES = alternates.map(quoted).join(':')
  if (shallow !== undefined) here.GIT_SHALLOW_FILE = shallow

  async function run(args: readonly string[], { input, limit, records, env }: GitRun = {}): Promise<GitResult> {
    const result: GitResult = { exitCode: null, stdout: Buffer.alloc(0), stderr: '', truncated: false }
    const chunks: Buffer[] = []
    const stop = new AbortController()
    let received = 0
    let ended = 0
    const variables = { ...here, ...env }
    await simpleGit({
      baseDir: cwd,
      binary: bin,
      unsafe: { ...unsafe, allowUnsafeCustomBinary: true },
      allowEnvironment: Object.keys(variables),
      completion: { onClose: true, onExit: false },
      timeout: { block: silence },
      abort: stop.signal,
      // An empty one would leave git waiting for the end of its stdin.
      input: () => (input === undefined || input.length === 0 ? undefined : Buffer.from(input)),
      // Exit codes are answers; this plug-in is the only place where simple-git shows them.
      errors(_error, { exitCode, stdErr }) {
        result.exitCode = exitCode
        result.stderr = Buffer.concat(stdErr).toString('utf8').trim()
        return undefined
      },
    })
      .env(variables)
      // Its own results are decoded text; names and patches are bytes.
      .outputHandler((_command, stdout) => {
        stdout.on('data', (chunk: Buffer) => {
          if (limit !== undefined && received + chunk.length > limit) {
            result.truncated = true
            stop.abort()
          }
          chunks.push(limit === undefined ? chunk : chunk.subarray(0, Math.max(0, limit - received)))
          received += chunk.length
          if (records !== undefined) for (const byte of chunk) if (byte === 0) ended++
          if (ended > (records ?? ended)) {
            result.truncated = true
            stop.abort()
          }
        })
        // It waits 50 ms for output when there was none; an empty chunk is output enough.
        stdout.once('end', () => stdout.emit('data', Buffer.alloc(0)))
      })
      .raw(['--no-pager', '--literal-pathspecs', ...globals, ...args])
    // Ctrl-C on a terminal reaches it too. Taken for an answer it would be 'no such branch', or a conflict.
    if (result.exitCode === null && !result.truncated) throw failed(args, 'it was killed')
    result.stdout = Buffer.concat(chunks)
    return result
  }

  async function bytes(args: readonly string[], options?: GitRun): Promise<Buffer> {
    const { exitCode, stdout, stderr, truncated } = await run(args, options)
    if (exitCode !== 0 && !truncated) throw failed(args, stderr || `it ended with ${exitCode}`)
    return stdout
  }

  function failed(args: readonly string[], detail: string): CodebandError {
    return new CodebandError('CB_GIT', { command: args[0], place: cwd, detail })
  }

  return {
    run,
    bytes,
    async text(args, options) {
      return (await bytes(args, options)).toString('utf8').replace(/\n$/, '')
    },
    async succeeds(args, options) {
      return (await run(args, options)).exitCode === 0
    },
  }
}

/** A path in a list of paths may itself hold the separator. */
const quoted = (path: string): string => `"${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
