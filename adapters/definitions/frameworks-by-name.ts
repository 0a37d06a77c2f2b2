import type { Framework } from '../../core/ports/framework.ts'
import { claude } from '../frameworks/claude.ts'
import { codex } from '../frameworks/codex.ts'
import { scripted } from '../frameworks/scripted.ts'

/** The framework that YAML and JSON configurations name; undefined for a name that is none. */
export function frameworkNamed(name: string, options: object): Framework | undefined {
  if (name === 'claude') return claude(options)
  if (name === 'codex') return codex(options)
  if (name === 'scripted') return scripted(options as Parameters<typeof scripted>[0])
  return undefined
}
