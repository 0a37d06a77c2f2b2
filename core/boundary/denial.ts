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

/** Text as a person and a model may safely see it: control, invisible and direction-changing characters as escapes, cut at `limit`. */
export function shown(text: string, limit = 120): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|(?!\p{Variation_Selector})\p{Default_Ignorable_Code_Point}|(?! )\p{Zs}/gu,
    (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )
}
