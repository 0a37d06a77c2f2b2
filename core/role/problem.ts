import type { Diagnostic } from './diagnostic.ts'
import type { At } from './locate.ts'

/** A problem in a definition, before its line has been looked up in the file. */
export interface Problem extends Diagnostic {
  readonly file: string
  readonly at: At
}

/** Takes the problems of one definition. */
export type Report = (code: string, message: string, at: At, severity?: Diagnostic['severity']) => void

/** A report on one file that puts into `problems`. */
export function reporter(problems: Problem[], file: string): Report {
  return (code, message, at, severity = 'error') => void problems.push({ severity, code, message, file, at })
}
