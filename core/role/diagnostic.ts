/** A problem in a definition, at a place a person can open. */
export interface Diagnostic {
  severity: 'error' | 'warning'
  /** kebab-case, for example `unknown-tool`. */
  code: string
  message: string
  /** As a person would type it: relative to the repository where it lies inside. */
  file?: string
  /** From 1. */
  line?: number
  column?: number
}

/** `file:line:column: error unknown-tool: message` */
export function showDiagnostic({ severity, code, message, file, line, column }: Diagnostic): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  return `${place ? `${place}: ` : ''}${severity} ${code}: ${message}`
}
