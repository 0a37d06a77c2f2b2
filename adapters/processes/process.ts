import { PassThrough, type Readable, type Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { coverInherited } from './inherited.ts'
import { executor, type LastWill, lastWill } from './last-will.ts'
import { Output } from './output.ts'
import { endGroup, signalGroup } from './process-group.ts'

export interface StartOptions {
  cwd: string
  /** The whole environment; nothing of this process's own is added. argv[0] is looked up in its PATH. */
  env: Readonly<Record<string, string>>
}

export interface RunningProcess {
  /** Also the id of its process group. NaN when it never started, so that no signal can reach anything else by it. */
  pid: number
  stdin: Writable
  stdout: Readable
  stderr: Readable
  /** Never rejects. 127: not found; 126: found, but it cannot be executed; null: ended by `signal`. */
  exited: Promise<ProcessExit>
  /** TERM to the group, KILL after two seconds; resolves when no process of the group lives. Idempotent. */
  kill(): Promise<void>
}

export interface ProcessExit {
  exitCode: number | null
  signal?: string
}

export interface RunOptions extends StartOptions {
  timeoutMs: number
  /** Bytes kept of `output` and of `stdout` each: the head and the tail, with a line between that counts what is missing. */
  maxOutput: number
  signal?: AbortSignal
  /** Written to stdin, which is empty otherwise. */
  input?: string | Uint8Array
  /** What the program reads on descriptors 3, 4, ... */
  files?: readonly (string | Uint8Array)[]
  /** Opens the descriptor after `files` for the program to write on; the result has what it wrote. */
  report?: boolean
  /** Called once it runs, with what can be seen of it until it ends. */
  started?: (live: LiveProcess) => void
}

/** A running program as it is at the moment of looking. */
export interface LiveProcess {
  /** Also the id of its process group; NaN when it could not be started. */
  readonly pid: number
  /** Bytes of stdout and stderr that have arrived. */
  readonly received: number
  /** What it has written on the descriptor of `report`. */
  readonly report: string
}

export interface RunResult {
  /** 127: not found; 126: cannot be executed; null: ended by a signal, by the time limit or by the caller. */
  exitCode: number | null
  /** The signal that ended it, whoever sent it. */
  signal: string | undefined
  timedOut: boolean
  cancelled: boolean
  /** stdout and stderr in the order they arrived. */
  output: string
  stdout: string
  truncated: boolean
  ms: number
  /** '' without `report`. */
  report: string
}

/** Starts a program without a shell, in a session and process group of its own. Never throws for what the program is or does. */
export function start(argv: readonly string[], options: StartOptions): RunningProcess {
  return spawn(argv, options, ['pipe', 'pipe', 'pipe'])
}

/** Runs a program to its end. When it resolves, no process of its group lives. */
export async function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const began = performance.now()
  const all = new Output(options.maxOutput)
  const out = new Output(options.maxOutput)
  let received = 0
  let report = ''
  let ended: 'timedOut' | 'cancelled' | undefined
  const result = ({ exitCode, signal }: ProcessExit): RunResult => ({
    exitCode: ended ? null : exitCode,
    signal,
    timedOut: ended === 'timedOut',
    cancelled: ended === 'cancelled',
    output: all.text(),
    stdout: out.text(),
    truncated: all.truncated || out.truncated,
    ms: Math.round(performance.now() - began),
    report,
  })
  if (options.signal?.aborted) {
    ended = 'cancelled'
    return result({ exitCode: null })
  }

  const files = options.files ?? []
  const child = spawn(argv, options, [
    options.input === undefined ? 'ignore' : 'pipe',
    'pipe',
    'pipe',
    ...files.map(() => 'pipe' as const),
    ...(options.report ? ['pipe' as const] : []),
  ])
  const streams = [child.stdout, child.stderr]
  for (const stream of streams) {
    // A character may arrive in two chunks with a chunk of the other stream between them.
    const decoder = new StringDecoder('utf8')
    const take = (text: string) => {
      const bytes = Buffer.from(text)
      received += bytes.length
      all.add(bytes)
      if (stream === child.stdout) out.add(bytes)
    }
    stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)))
    stream.on('end', () => take(decoder.end()))
  }
  if (options.input !== undefined) child.stdin.end(options.input)
  for (const [index, file] of files.entries()) (child.descriptors[3 + index] as Writable | undefined)?.end(file)
  const reporter = options.report ? (child.descriptors[3 + files.length] as Readable | undefined) : undefined
  reporter?.setEncoding('utf8').on('data', (text: string) => {
    report += text
  })

  options.started?.({
    pid: child.pid,
    get received() {
      return received
    },
    get report() {
      return report
    },
  })
  const stop = (why: 'timedOut' | 'cancelled') => {
    ended ??= why
    void child.kill()
  }
  const timer = setTimeout(stop, Math.min(options.timeoutMs, 2 ** 31 - 1), 'timedOut')
  const abort = () => stop('cancelled')
  options.signal?.addEventListener('abort', abort, { once: true })
  const exit = await child.exited
  clearTimeout(timer)
  options.signal?.removeEventListener('abort', abort)
  // The group, not the child: a test runner's grandchildren outlive it and keep files of the worktree open.
  await endGroup(child.pid, 0)
  child.settled()

  const pipes = reporter ? [...streams, reporter] : streams
  const drained = Promise.all(pipes.map((stream) => finished(stream, { writable: false }).catch(() => undefined)))
  let open = true
  void drained.then(() => {
    open = false
  })
  // A process that left the group may hold the pipes for ever; what it says after a pause is nobody's output.
  for (let before = -1, turn = 0; open && before !== received && turn < 20; turn++) {
    before = received
    await Promise.race([drained, sleep(100)])
    await breathe()
  }
  for (const pipe of pipes) pipe.destroy()
  if (exit.problem) all.add(Buffer.from(`${exit.problem}\n`))
  return result(exit)
}

let ofThisProcess: LastWill | undefined

/** What must not outlive this process, even if it is killed. Every process that is started here is in it already. */
export function will(): LastWill {
  ofThisProcess ??= lastWill(() => {
    // In a session of its own: a signal to our group does not reach it.
    const child = execa('/bin/sh', ['-c', executor, 'codeband-last-will'], {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin' },
      extendEnv: false,
      detached: true,
      cleanup: false,
      reject: false,
      buffer: false,
      stdio: ['pipe', 'ignore', 'ignore', ...coverInherited(3)],
    })
    child.unref()
    const input = child.stdin as Writable & { unref?(): void }
    input.unref?.()
    return input
  })
  return ofThisProcess
}

type Exit = ProcessExit & { problem?: string }
type Stdio = ['pipe' | 'ignore', 'pipe', 'pipe', ...'pipe'[]]
type Child = Omit<RunningProcess, 'exited'> & {
  exited: Promise<Exit>
  descriptors: readonly unknown[]
  /** No process of its group lives any more. */
  settled(): void
}

function spawn(argv: readonly string[], { cwd, env }: StartOptions, stdio: Stdio): Child {
  const [program = '', ...args] = argv
  // execa throws for these, all other causes are results.
  if ([...argv, ...Object.values(env)].some((text) => text.includes('\0'))) {
    return neverStarted({ exitCode: 126, problem: `'${program}' could not be started: a NUL byte in its arguments` })
  }
  const child = execa(program, args, {
    cwd,
    env: { ...env },
    extendEnv: false,
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stdio: [...stdio, ...coverInherited(stdio.length)],
  })
  // A program that ends before it has read its input is no error of ours; its exit code tells.
  for (const pipe of child.stdio) pipe?.on('error', () => undefined)
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve(signal ? { exitCode: null, signal } : { exitCode }))
    // Of a program that did start, this comes later than 'exit', or never where an orphan holds the pipes.
    void child.then((result) => {
      if (child.pid === undefined) resolve({ ...notStarted(program, result.code, cwd) })
    })
  })
  const pid = child.pid ?? Number.NaN
  const settled = child.pid === undefined ? () => undefined : will().ends('group', child.pid)
  let killed: Promise<void> | undefined
  child.once('exit', () => {
    // An empty group's number may soon be another's.
    if (signalGroup(pid, 0)) return
    killed = Promise.resolve()
    settled()
  })
  return {
    pid,
    stdin: child.stdin as Writable,
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
    descriptors: child.stdio,
    exited,
    settled,
    kill() {
      killed ??= endGroup(pid, 2_000).then(settled)
      return killed
    },
  }
}

function neverStarted(exit: Exit): Child {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough().end(), new PassThrough().end()]
  const exited = Promise.resolve(exit)
  return {
    pid: Number.NaN,
    stdin,
    stdout,
    stderr,
    descriptors: [],
    exited,
    settled() {},
    kill: () => Promise.resolve(),
  }
}

function notStarted(program: string, code: string | undefined, cwd: string): Exit {
  const missing = program === '' || code === 'ENOENT' || code === 'ENOTDIR'
  return missing
    ? { exitCode: 127, problem: `'${program}' was not found (started in '${cwd}')` }
    : { exitCode: 126, problem: `'${program}' could not be started: ${code ?? 'unknown cause'}` }
}
