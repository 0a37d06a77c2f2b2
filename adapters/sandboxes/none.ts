import { randomUUID } from 'node:crypto'
import { delimiter, relative, resolve, sep } from 'node:path'
import type { CommandResult, Sandbox, SandboxCommand } from '../../core/ports/sandbox.ts'
import { run } from '../process.ts'
import { killMarked } from '../process-group.ts'
import { snapshot } from '../protected-paths.ts'
import { scratchCopy, withoutCopy } from '../scratch-copy.ts'

const MARK = 'CODEBAND_COMMAND'

/** No wall: the command runs as the user, with the user's network and files. What it changes at protected paths is put back
 *  when it has ended; processes that left its group are found by a variable in their environment, on Linux only. */
export function none(): Sandbox {
  return {
    kind: 'none',
    async run(command) {
      if (command.writable) return runIn(command.worktree, command)
      const copy = await scratchCopy(command.worktree, command)
      try {
        return copy.path === undefined
          ? { ...withoutCopy(copy.made), sandbox: 'none' }
          : await runIn(copy.path, command)
      } finally {
        await copy.remove()
      }
    },
  }
}

async function runIn(worktree: string, command: SandboxCommand): Promise<CommandResult> {
  const mark = randomUUID()
  const here = (path: string) => moved(path, command.worktree, worktree)
  const PATH = command.env.PATH?.split(delimiter).map(here).join(delimiter)
  const guard = command.writable ? await snapshot(worktree, command.protect, { contents: true }) : undefined
  const {
    stdout: _,
    report: __,
    ...result
  } = await run(command.argv, {
    cwd: here(command.cwd),
    env: { HOME: command.home, ...command.env, ...(PATH !== undefined && { PATH }), [MARK]: mark },
    timeoutMs: command.timeoutMs,
    maxOutput: command.maxOutput,
    ...(command.signal && { signal: command.signal }),
  })
  await killMarked(MARK, mark)
  await guard?.restore()
  return { ...result, sandbox: 'none' }
}

/** `path` as seen from a worktree that lies at `to` instead of `from`. */
function moved(path: string, from: string, to: string): string {
  return path === from || path.startsWith(from + sep) ? resolve(to, relative(from, path)) : path
}
