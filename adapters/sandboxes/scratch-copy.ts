import { mkdtemp, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { CommandResult } from '../../core/ports/sandbox.ts'
import { type RunResult, run } from '../processes/process.ts'
import { removeTrees } from '../remove-tree.ts'

/** A private copy of a folder, made beside `home` so that the file system can share blocks and /tmp stays small. */
export interface ScratchCopy {
  /** The copy; undefined when it could not be made, then `made` says why. */
  path: string | undefined
  made: RunResult
  remove(): Promise<void>
}

export async function scratchCopy(
  folder: string,
  options: { home: string; timeoutMs: number; signal?: AbortSignal },
): Promise<ScratchCopy> {
  const prefix = `${basename(options.home)}.copy-`
  await removeAbandoned(dirname(options.home), prefix)
  const room = await mkdtemp(join(dirname(options.home), `${prefix}${process.pid}-`))
  const path = join(room, 'copy')
  const share = process.platform === 'linux' ? ['--reflink=auto'] : []
  const made = await run(['cp', '-a', ...share, '--', folder, path], {
    cwd: room,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin', LC_ALL: 'C' },
    maxOutput: 2_000,
    timeoutMs: options.timeoutMs,
    ...(options.signal && { signal: options.signal }),
  })
  const remove = () => removeTrees([room])
  if (made.exitCode === 0) return { path, made, remove }
  await remove()
  return { path: undefined, made, remove }
}

/** The result of a command that was to run in a copy that could not be made. */
export function withoutCopy({ timedOut, cancelled, output, truncated, ms }: RunResult): Omit<CommandResult, 'sandbox'> {
  return timedOut || cancelled
    ? { exitCode: null, timedOut, cancelled, output: '', truncated: false, ms }
    : { exitCode: 126, timedOut, cancelled, output: `no throw-away copy of the worktree: ${output}`, truncated, ms }
}

/** Copies of processes that were killed before they could clean up. */
async function removeAbandoned(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const owner = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN
    if (owner > 0 && owner !== process.pid && !lives(owner)) await removeTrees([join(parent, name)])
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
