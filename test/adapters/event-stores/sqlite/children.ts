import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Child {
  readonly process: ChildProcess
  /** What it printed so far, a line an entry. */
  readonly lines: readonly string[]
  /** The first line that begins so, once it is there. Rejects when the child ends without it. */
  line(start: string): Promise<string>
  /** Resolves with its exit code, or the signal, once all output has arrived. */
  readonly ended: Promise<number | string>
  readonly stderr: () => string
}

/** Runs a program beside this file in a process of its own, behind the words of `before` if there are any. */
export function startChild(program: string, args: readonly string[], before: readonly string[] = []): Child {
  const file = fileURLToPath(new URL(program, import.meta.url))
  const [command, ...rest] = [...before, process.execPath, file, ...args]
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  let stderr = ''
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string)
  return {
    process: child,
    lines,
    stderr: () => stderr,
    ended,
    async line(start) {
      for (;;) {
        const found = lines.find((line) => line.startsWith(start))
        if (found !== undefined) return found
        const more = await Promise.race([once(reader, 'line').then(() => true), ended.then(() => false)])
        if (!more && !lines.some((line) => line.startsWith(start))) {
          throw new Error(`'${program}' ended without '${start}': ${lines.join('|')} ${stderr}`)
        }
      }
    },
  }
}
