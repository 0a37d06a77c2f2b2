import { execFileSync } from 'node:child_process'
import type { TestContext } from 'vitest'

/** Skips the test, visibly, where strace is missing or may not trace; on the machine that checks everything that is a failure. */
export function needsStrace(context: Pick<TestContext, 'skip'>): void {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' })
  } catch (error) {
    if (process.env.CI === 'true') throw error
    context.skip('strace is missing here, or may not trace')
  }
}

/** One system call: its name, the path of its first descriptor or argument, the bytes it writes and its other arguments. */
export interface SystemCall {
  readonly name: string
  readonly path: string
  readonly bytes: Buffer
  readonly rest: readonly string[]
}

/** The words before a program that make strace write down these calls, whole. */
export function traced(to: string, calls: readonly string[]): string[] {
  return ['strace', '-f', '-y', '-xx', '-s', '100000', '-o', to, '-e', `trace=${calls.join()}`, '-e', 'signal=none']
}

/** What a trace of `traced` says of calls that succeeded, in order. */
export function callsOf(trace: string): SystemCall[] {
  return trace.split('\n').flatMap((line) => {
    const [, name, inside] = /^\d+\s+(\w+)\((.*)\)\s+=\s+\d+/.exec(line) ?? []
    if (name === undefined || inside === undefined) return []
    const named = [...inside.matchAll(/<((?:\\x[0-9a-f]{2})+)>|"((?:\\x[0-9a-f]{2})*)"/g)]
    const texts = named.map(([, path, text]) => Buffer.from((path ?? text ?? '').replaceAll('\\x', ''), 'hex'))
    const byPath = named[0]?.[1] !== undefined
    const rest = inside.split(', ').slice(1)
    return [
      { name, path: texts[0]?.toString() ?? '', bytes: (byPath ? texts[1] : texts.at(-1)) ?? Buffer.alloc(0), rest },
    ]
  })
}
