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

/** Who gets whom. `waiting` holds for each one that waits, in order of arrival, whom it may get, the best first. As many as possible get
 *  somebody; who came earlier is never passed over for who came later. Source: augmenting paths, H. W. Kuhn, 1955. */
export function match(waiting: readonly (readonly string[])[], free: ReadonlySet<string>): Map<number, string> {
  const owner = new Map<string, number>()

  /** Finds somebody for one that waits; an earlier one may have to move to another, but never to nobody. */
  function place(index: number, seen: Set<string>): boolean {
    const mine = waiting[index]!.filter((one) => free.has(one))
    const unowned = mine.find((one) => !owner.has(one) && !seen.has(one))
    if (unowned !== undefined) {
      owner.set(unowned, index)
      return true
    }
    for (const one of mine) {
      if (seen.has(one)) continue
      seen.add(one)
      if (!place(owner.get(one)!, seen)) continue
      owner.set(one, index)
      return true
    }
    return false
  }

  for (const index of waiting.keys()) place(index, new Set())
  return new Map([...owner].map(([one, index]) => [index, one]))
}
