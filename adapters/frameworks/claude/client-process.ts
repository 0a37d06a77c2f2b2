import { EventEmitter } from 'node:events'
import { type RunningProcess, start } from '../../processes/process.ts'
import { signalGroup } from '../../processes/process-group.ts'
import type { SpawnedProcess, SpawnOptions } from './sdk.ts'

/** The client's process, started by the SDK through `spawn`, in a group of its own so that nothing it starts outlives it. */
export interface ClientProcess {
  spawn(options: SpawnOptions): SpawnedProcess
  /** What it last said on stderr. */
  complaints(): string
  /** Idempotent; afterwards no process of it lives. */
  kill(): Promise<void>
}

const complaintLength = 2_000

export function clientProcess(): ClientProcess {
  let running: RunningProcess | undefined
  let said = ''
  return {
    spawn({ command, args, cwd, env, signal }) {
      const known = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined)
      const child = start([command, ...args], { cwd: cwd ?? '/', env: Object.fromEntries(known) })
      running = child
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-complaintLength)
      })
      const events = new EventEmitter()
      let exit: { code: number | null; signal: NodeJS.Signals | null } | undefined
      let killed = false
      void child.exited.then(({ exitCode, signal: by }) => {
        exit = { code: exitCode, signal: (by ?? null) as NodeJS.Signals | null }
        events.emit('exit', exit.code, exit.signal)
      })
      const kill = (by: NodeJS.Signals) => {
        killed = true
        return exit === undefined && signalGroup(child.pid, by)
      }
      signal.addEventListener('abort', () => kill('SIGTERM'), { once: true })
      return {
        stdin: child.stdin,
        stdout: child.stdout,
        get killed() {
          return killed
        },
        get exitCode() {
          return exit?.code ?? null
        },
        get signalCode() {
          return exit?.signal ?? null
        },
        kill,
        on: (event: string, listener: (...values: never[]) => void) => void events.on(event, listener as () => void),
        once: (event: string, listener: (...values: never[]) => void) =>
          void events.once(event, listener as () => void),
        off: (event: string, listener: (...values: never[]) => void) => void events.off(event, listener as () => void),
      }
    },
    complaints: () => said.trim(),
    kill: async () => running?.kill(),
  }
}
