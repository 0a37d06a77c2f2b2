import { type Rejection, rejection } from './commands.ts'
import type { Policy } from './events.ts'
import type { Subject, Task } from './state.ts'

/** Whether a worker of this family may judge what these families wrote. A change no model wrote may be judged by any. */
export function isOpposite(family: string, authors: readonly string[]): boolean {
  return !authors.includes(family)
}

/** The families that may judge, the opposite ones first; with opposition waived the same family comes after them. */
export function reviewerFamilies(
  all: readonly string[],
  authors: readonly string[],
  opposition: Policy['opposition'],
): string[] {
  const opposite = all.filter((family) => isOpposite(family, authors))
  return opposition === 'waived' ? [...opposite, ...all.filter((family) => !opposite.includes(family))] : opposite
}

/** Law 3, for a worker that would judge this product; undefined where it may. */
export function sameFamily(family: string, subject: Subject, task: Task): Rejection | undefined {
  if (task.policy.opposition === 'waived' || isOpposite(family, subject.families)) return undefined
  return rejection('same-family', `family '${family}' wrote '${subject.id}' and cannot judge it`)
}
