import { CodebandError } from '../../../core/errors.ts'
import { resultCode } from './driver.ts'

/** Result codes that speak of the medium or of another process, not of what the file holds. Source: https://sqlite.org/rescode.html */
const WORLD = new Map([
  [3, 'access denied'],
  [5, 'another process held it for too long'],
  [6, 'this process holds it elsewhere'],
  [7, 'out of memory'],
  [8, 'it may only be read'],
  [10, 'the medium reports an error'],
  [13, 'the disk is full'],
  [14, 'it cannot be opened'],
  [18, 'an event is too big'],
])
/** The file ends early, or the file system says it is damaged. */
const DAMAGE = new Set([522, 8458])

export function damaged(file: string, seq: number, detail: string, cause?: unknown): CodebandError {
  return new CodebandError('CB_LOG_DAMAGED', { file, seq, detail }, { cause })
}

/** What to tell about an error met while opening or reading; `seq` is the event that was looked for. */
export function readTrouble(error: unknown, file: string, seq: number): unknown {
  const detail = world(error)
  if (detail !== undefined) return cannotOpen(file, detail, error)
  return resultCode(error) ? damaged(file, seq, (error as Error).message, error) : error
}

/** What to tell about an error met while appending; `seq` is the event that was to be written. */
export function appendTrouble(error: unknown, file: string, seq: number): unknown {
  const detail = world(error)
  if (detail !== undefined) return new CodebandError('CB_LOG_APPEND', { file, detail }, { cause: error })
  return resultCode(error) ? damaged(file, seq, (error as Error).message, error) : error
}

export function cannotOpen(file: string, detail: string, cause?: unknown): CodebandError {
  const cure = 'Make the file and its folder readable and writable for you'
  return new CodebandError('CB_LOG_OPEN', { file, detail, cure: `${cure}, on a disk with free space.` }, { cause })
}

function world(error: unknown): string | undefined {
  const code = resultCode(error)
  if (code) return DAMAGE.has(code.extended) ? undefined : named(WORLD.get(code.primary), (error as Error).message)
  const system = (error as NodeJS.ErrnoException | undefined)?.syscall
  return system === undefined ? undefined : (error as Error).message
}

function named(sentence: string | undefined, message: string): string | undefined {
  return sentence === undefined ? undefined : `${sentence} (${message})`
}
