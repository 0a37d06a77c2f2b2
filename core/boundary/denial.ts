import { escaped, visible } from '../role/visible.ts'

/** Why the gate or the law said no. A code may be added, never changed: logs and tests name them. */
export type DenialCode =
  | 'tool-not-in-role'
  | 'argv-not-allowlisted'
  | 'shell-metachar'
  | 'option-injection'
  | 'env-not-allowed'
  | 'subcommand'
  | 'ref-name'
  | 'pathspec-magic'
  | 'url-scheme'
  | 'path-outside-root'
  | 'protected-path'
  | 'symlink'
  | 'hardlink'
  | 'not-regular-file'
  | 'portable-name'
  | 'unicode-collision'
  | 'case-collision'
  | 'tree-entry'
  | 'bare-layout'
  | 'schema'
  | 'payload'
  | 'above-ceiling'
  | 'not-spawnable'
  | 'depth'
  | 'escalation'
  | 'stale-epoch'
  | 'authz'
  | 'same-family'
  | 'wrong-commit'
  | 'host-not-allowed'
  | 'secret-in-diff'
  | 'quota'
  | 'timeout'
  | 'policy-unavailable'
  | 'validator-failed'

export interface Denied {
  readonly allowed: false
  readonly code: DenialCode
  /** The rule in words that a model can act on. */
  readonly reason: string
}

export type Decision = { readonly allowed: true } | Denied

export const allowed: Decision = { allowed: true }

export function deny(code: DenialCode, reason: string): Denied {
  return { allowed: false, code, reason }
}

/** A name or a piece of a call as a person and a model may safely see it: in one line, with blanks that are no plain space and joiners as
 *  escapes, too; cut at `limit`. */
export function shown(text: string, limit = 120): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text
  return visible(cut).replace(/[\n\t\r\p{Cf}]|(?! )\p{Zs}/gu, escaped)
}
