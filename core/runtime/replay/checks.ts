import type { CommandResult, Sandbox } from '../../ports/sandbox.ts'
import type { CheckResult } from '../../protocol/events.ts'
import { taskOf } from '../../protocol/state.ts'
import type { OrderedLog } from './ordered-log.ts'
import type { Recording } from './recording.ts'

/** The checks of a replay: each command gives what it gave on that candidate. */
export interface RecordedChecks {
  readonly sandbox: Sandbox
  /** They run on this commit next. */
  begin(commit: string): void
  /** What was made of the one that ran last. */
  judged(): Judged
}

type Judged = Pick<CheckResult, 'tests' | 'inconclusive'>

/** The name of a part of a candidate that was merged only to find the change that breaks it. */
export const halfOf = (commits: readonly string[]): string => `part of ${commits.length}`

export function recordedChecks(recording: Recording, log: OrderedLog): RecordedChecks {
  let commit = ''
  let count = 0
  let judged: Judged = {}
  const candidates = () => taskOf(log.state, recording.task)!.candidates

  function result(argv: readonly string[]): Promise<CommandResult> | CommandResult {
    const part = /^part of (\d+)$/.exec(commit)?.[1]
    if (part !== undefined) return ofPart(Number(part), argv)
    const event = recording.inLife(['ChecksRecorded'], ({ candidate }) => candidates()[candidate]?.commit === commit)
    // The process ended while they ran.
    if (event === undefined) return new Promise(() => undefined)
    const check = event.checks[count++]
    if (check === undefined || check.argv.join('\0') !== argv.join('\0')) {
      const before = event.checks.map((one) => one.argv.join(' ')).join(', ')
      return log.diverge({ what: 'checks', before: before || 'no checks', now: argv.join(' ') })
    }
    judged = {
      ...(check.tests && { tests: check.tests }),
      ...(check.inconclusive && { inconclusive: check.inconclusive }),
    }
    return ended(check.exitCode, check.output, check.ms)
  }

  /** Which change broke it is recorded: everything before it passes. */
  function ofPart(length: number, argv: readonly string[]): CommandResult {
    const back = recording.inLife(['ChangeReturned'], ({ reason }) => reason === 'checks')
    const changes = Object.values(candidates()).at(-1)?.changes ?? []
    const culprit = changes.findIndex(({ subject }) => subject === back?.subject)
    const [, command, exit, inconclusive, output = ''] =
      /^On the merged tree `([\s\S]*?)` ended with (a signal|\d+)(?:, inconclusive: ([^\n]*))?:\n([\s\S]*)$/.exec(
        back?.detail ?? '',
      ) ?? []
    judged = {}
    if (length <= culprit || command !== argv.join(' ')) return ended(0, '', 0)
    if (inconclusive !== undefined) judged = { inconclusive }
    return ended(exit === 'a signal' ? null : Number(exit), output, 0)
  }

  const ended = (exitCode: number | null, output: string, ms: number): CommandResult => ({
    exitCode,
    timedOut: false,
    cancelled: false,
    output,
    truncated: false,
    ms,
    sandbox: kind(),
  })

  /** As it was on that machine. */
  function kind(): Sandbox['kind'] {
    const seen =
      recording.ahead(['ChecksRecorded'])?.sandbox ??
      recording.events.find((event) => event.type === 'ChecksRecorded')?.sandbox
    return seen === 'bubblewrap' ? 'bubblewrap' : 'none'
  }

  return {
    begin(next) {
      commit = next
      count = 0
    },
    judged: () => judged,
    sandbox: {
      get kind() {
        return kind()
      },
      run: async ({ argv }) => result(argv),
      // A replay has no home.
      freshHome: () => Promise.resolve(),
    },
  }
}
