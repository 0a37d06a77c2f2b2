import type { Subject } from '../protocol/state.ts'
import type { Role } from '../role/role.ts'
import { hashOf } from './hash.ts'

/** One name for a product over all its rounds: by its subtask, else by what its role was asked. */
export function subjectOf(role: Role, input: unknown): string {
  const { subtask } = (input ?? {}) as { subtask?: { id?: unknown } }
  return typeof subtask?.id === 'string'
    ? `${role.produces}/${subtask.id}`
    : `${role.produces}/${role.id}-${hashOf(input).slice(0, 8)}`
}

/** What a reviewer is given. */
export function reviewInput(subject: Subject, diff: string | undefined): Record<string, unknown> {
  if (subject.kind === 'plan') return { plan: subject.plan }
  const { subtask } = (subject.input ?? {}) as { subtask?: unknown }
  return {
    ...(subtask !== undefined && { subtask }),
    commit: subject.on,
    base: subject.base,
    files: subject.files,
    message: subject.message,
    diff,
  }
}
