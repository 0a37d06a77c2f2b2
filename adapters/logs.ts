import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { destination, pino } from 'pino'
import type { Recorded } from '../core/protocol/events.ts'

/** What an operator reads when something is odd: starts, ends, failures and durations, as JSON lines in `$CODEBAND_HOME/logs/band.log`.
 *  It holds no prompt, no tool input and no output of a model; those are in the event log. */
export interface Logs {
  note(what: string, values?: object): void
  event(event: Recorded): void
  close(): void
}

const worth: readonly Recorded['type'][] = [
  'TaskSubmitted',
  'TaskStarted',
  'TaskParked',
  'TaskEnded',
  'TurnStarted',
  'TurnEnded',
  'ViolationRecorded',
  'ChecksRecorded',
  'Landed',
  'LandingRefused',
]

export function openLogs(home: string): Logs {
  const folder = join(home, 'logs')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = destination({ dest: join(folder, 'band.log'), append: true, mode: 0o600, sync: true })
  const log = pino({ base: { pid: process.pid } }, file)
  return {
    note: (what, values = {}) => log.info(values, what),
    event(event) {
      if (!worth.includes(event.type)) return
      const { seq, type, ...rest } = event as Recorded & Record<string, unknown>
      const shown = [
        'task',
        'turn',
        'worker',
        'family',
        'outcome',
        'reason',
        'ms',
        'tool',
        'code',
        'passed',
        'target',
        'from',
        'to',
      ] as const
      log.info(
        { seq, ...Object.fromEntries(shown.flatMap((key) => (rest[key] === undefined ? [] : [[key, rest[key]]]))) },
        type,
      )
    },
    close: () => file.end(),
  }
}
