import { CodebandError, type ErrorCode } from '../../core/errors.ts'
import type { TaskResult } from '../../core/runtime/band.ts'

/** 0 done, 1 task failed, 2 usage or configuration, 3 parked for a person, 4 boundary violation ended it, 5 budget, 6 infrastructure, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 130

const infrastructure: readonly ErrorCode[] = [
  'CB_BAND_BUSY',
  'CB_DISK',
  'CB_INTERNAL',
  'CB_LOG_APPEND',
  'CB_LOG_DAMAGED',
  'CB_NOT_LEADER',
  'CB_SETUP_FAILED',
  'CB_VERSION_CONFLICT',
]

export function exitCodeOf({ outcome, parked }: Pick<TaskResult, 'outcome' | 'parked'>): ExitCode {
  switch (outcome) {
    case 'success':
      return 0
    case 'parked':
      // What waits for the world to be mended is no question to a person.
      return parked === 'infrastructure' ? 6 : 3
    case 'refused':
      return 4
    case 'budget':
      return 5
    case 'infrastructure':
      return 6
    case 'stopped':
    case 'cancelled':
      return 130
    case 'escalated':
    case 'failed':
      return 1
  }
}

/** The highest of several results: what most needs attention. */
export function worstExitCode(results: readonly Pick<TaskResult, 'outcome' | 'parked'>[]): ExitCode {
  const codes = results.map(exitCodeOf)
  return codes.sort((a, b) => b - a)[0] ?? 0
}

export function exitCodeOfError(error: unknown): ExitCode {
  if (!CodebandError.is(error)) return 6
  return infrastructure.includes(error.code) ? 6 : 2
}
