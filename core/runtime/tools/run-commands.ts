import { z } from 'zod'
import type { Grant } from '../../boundary/boundary.ts'
import { decideCommand } from '../../boundary/command.ts'
import { deny } from '../../boundary/denial.ts'
import { protectedPaths, protection } from '../../boundary/protected.ts'
import type { CommandResult } from '../../ports/sandbox.ts'
import { inconclusiveWords } from '../checks/judge.ts'
import { denied, type Entry, entry } from './entry.ts'
import { runAsCheck } from './run-tests.ts'
import type { CallOutcome, Scene } from './scene.ts'
import { headAndTail } from './text.ts'

const maxOutput = 16 * 1024

/** run_tests and run_command: the same tool under two grants. */
export function runCommands({ name, commands }: Grant): Entry {
  const granted = commands.map((words) => JSON.stringify(words)).join(', ') || 'none'
  const purpose = name === 'run_tests' ? 'Runs the tests' : 'Runs a command'
  const alone = commands.length === 1 ? ' With no argument it runs that one.' : ''
  return entry({
    description: `${purpose} in the worktree, without a shell and without network. Granted, to be sent as they stand: ${granted}.${alone} Output over 16 KiB is cut in the middle.`,
    input: z
      .strictObject({
        argv: z.array(z.string().max(32_768)).min(1).max(1000).optional().describe('The granted command, word by word'),
        command: z.string().min(1).max(32_768).optional().describe('The same in one string'),
      })
      .refine(({ argv, command }) => argv === undefined || command === undefined, {
        message: "give either 'argv' or 'command'",
      }),
    works: 'worktree',
    prepare: (input, { scene, grant, signal }) => ({
      uses: [{ kind: 'command', ...input }],
      async run() {
        const decision = decideCommand(grant, input)
        if (!decision.allowed) return denied(decision)
        const { argv } = decision
        // What must pass on the merged tree is judged here as it is there; another command is its exit code.
        const check = (name === 'run_tests' && scene.checks?.find((one) => sameWords(one.command, argv))) || undefined
        const run = (words: readonly string[]) => runSandboxed(scene, words, signal)
        const { result, inconclusive } =
          check && scene.worktree
            ? await runAsCheck(check, { ...scene, worktree: scene.worktree.path }, run)
            : { result: await run(argv) }
        if (!('exitCode' in result)) return result
        const ok = result.exitCode === 0 && inconclusive === undefined
        return { ok, output: told(argv, result, scene, inconclusiveWords({ inconclusive })), sandbox: result.sandbox }
      },
    }),
  })
}

const sameWords = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((word, at) => word === b[at])

/** Runs argv in the worker's sandbox with the worker's environment. */
export async function runSandboxed(
  scene: Scene,
  argv: readonly string[],
  signal: AbortSignal,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult | CallOutcome> {
  const { sandbox, worktree, writable, home, store, commandTimeoutMs } = scene
  if (sandbox === undefined || worktree === undefined) {
    return denied(deny('policy-unavailable', 'Commands cannot run here: a sandbox is required and there is none.'))
  }
  const nested = (await worktree.files()).filter((file) => file.includes('/') && protection(file) !== undefined)
  return sandbox.run({
    argv,
    cwd: worktree.path,
    worktree: worktree.path,
    writable,
    protect: [...protectedPaths, ...nested],
    readable: [store],
    home,
    network: [],
    env: { ...scene.env, ...env },
    timeoutMs: commandTimeoutMs,
    maxOutput,
    signal,
  })
}

function told(
  argv: readonly string[],
  { exitCode, timedOut, cancelled, limit, output, ms, sandbox }: CommandResult,
  scene: Scene,
  words = '',
): string {
  const seconds = `${(ms / 1000).toFixed(1)} s`
  const how = sandbox === 'none' ? ', unsandboxed' : ''
  const end = timedOut
    ? `stopped at the time limit of ${scene.commandTimeoutMs / 1000} s`
    : cancelled
      ? `cancelled after ${seconds}`
      : exitCode === null && limit !== undefined
        ? `stopped at a limit after ${seconds}`
        : exitCode === null
          ? `ended by a signal after ${seconds}`
          : `exit ${exitCode} after ${seconds}`
  return `${argv.join(' ')}: ${end}${how}${words && `, ${words}`}\n${headAndTail(output, maxOutput)}`
}
