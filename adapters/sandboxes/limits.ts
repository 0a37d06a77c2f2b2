import { realpath } from 'node:fs/promises'
import { release } from 'node:os'
import type { CommandLimits, CommandResult } from '../../core/ports/sandbox.ts'

/** Bytes of output after which a command is not testing anything any more; what is kept of it is far less. */
export const OUTPUT_BYTES = 256 * 1024 ** 2

const MEBIBYTE = 1024 ** 2
const PLACES = ['/usr/bin', '/bin', '/run/current-system/sw/bin']
/** The kernel stops a bomb there. Those that cannot fork end, so it is around that number; it must be seen over the limit. */
const SEEN_OVER = 1.25
/** 128 + SIGXFSZ. */
const FILE_TOO_LARGE = 153

/** Programs of util-linux that set what a process and its children inherit, by absolute path. */
export interface Limiters {
  prlimit: string
  choom: string
}

/** The programs, undefined where one is missing. Links are followed: a sandbox shows the target's folder, not the link's. */
export async function findLimiters(): Promise<Limiters | undefined> {
  const [prlimit, choom] = await Promise.all([find('prlimit'), find('choom')])
  return prlimit && choom ? { prlimit, choom } : undefined
}

async function find(name: string): Promise<string | undefined> {
  for (const place of PLACES) {
    const path = await realpath(`${place}/${name}`).catch(() => undefined)
    if (path) return path
  }
  return undefined
}

/** What to start in the place of argv, so that the kernel takes memory here first where it is short after all. */
export function firstToGo({ choom }: Limiters, argv: readonly string[]): string[] {
  return [choom, '-n', '1000', '--', ...argv]
}

/** argv that sets the limits and becomes the command. Memory is not among them: Node asks for gigabytes of addresses, of which it
 *  uses a few megabytes, so only what is really held can be limited (`watch`). `alone`: it runs in a user namespace of its own. */
export function limited(
  { prlimit }: Limiters,
  argv: readonly string[],
  { fileMb, processes }: CommandLimits,
  { alone }: { alone: boolean },
): string[] {
  return [
    ...[prlimit, '--core=0', `--fsize=${fileMb * MEBIBYTE}`],
    // Elsewhere the kernel counts every process of the user, and the user's editor would be among them.
    ...(alone && countsPerNamespace ? [`--nproc=${Math.ceil(processes * SEEN_OVER) + 64}`] : []),
    ...['--', ...(argv.length > 0 ? argv : [''])],
  ]
}

/** Since Linux 5.14 a limit of processes that is set in a user namespace counts those of the namespace. */
const countsPerNamespace = ((): boolean => {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return major > 5 || (major === 5 && minor >= 14)
})()

/** What the limiter says when there is no such program, in the words of the runner. */
export function startProblem(exitCode: number | null, output: string): string | undefined {
  if (exitCode !== 127 && exitCode !== 126) return undefined
  const said = /^[^\n]*prlimit: failed to execute (.*): ([^:\n]+)\n$/s.exec(output)
  if (!said) return undefined
  return exitCode === 127 ? `'${said[1]}' was not found\n` : `'${said[1]}' could not be started: ${said[2]}\n`
}

/** The result with the limit that ended the command, told in its last line. */
export function told(
  { signal, ...result }: Omit<CommandResult, 'sandbox' | 'limit'> & { signal: string | undefined },
  limit: CommandResult['limit'],
  limits: CommandLimits,
): Omit<CommandResult, 'sandbox'> {
  const over = limit ?? (signal === 'SIGXFSZ' || overFile(result) ? 'file' : undefined)
  if (over === undefined || result.timedOut || result.cancelled) return result
  const gap = result.output === '' || result.output.endsWith('\n') ? '' : '\n'
  const output = `${result.output}${gap}codeband: ${sentence(over, limits)}\n`
  return { ...result, exitCode: limit ? null : result.exitCode, output, limit: over }
}

/** A program that ignores the signal is told by its write, and Node is one. */
function overFile({ exitCode, output }: Pick<CommandResult, 'exitCode' | 'output'>): boolean {
  return exitCode === FILE_TOO_LARGE || (exitCode !== 0 && /\bEFBIG\b|\bFile too large\b/.test(output))
}

function sentence(
  limit: NonNullable<CommandResult['limit']>,
  { memoryMb, processes, fileMb, freeMb }: CommandLimits,
): string {
  switch (limit) {
    case 'memory':
      return `stopped, its processes held more than ${memoryMb} MiB of memory (limits.memoryMb)`
    case 'processes':
      return `stopped, it had more than ${processes} processes and threads (limits.processes)`
    case 'file':
      return `a file would have grown over ${fileMb} MiB (limits.fileMb)`
    case 'output':
      return `stopped, it wrote more than ${OUTPUT_BYTES / MEBIBYTE} MiB of output`
    case 'disk':
      return `stopped, less than ${freeMb} MiB were left free on the disk (limits.freeMb)`
  }
}
