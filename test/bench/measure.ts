/** One row of the bench. */
export interface Measure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the same machine does without us, in the same unit and the same run; 0 where there is nothing to compare with. */
  readonly floor: number
  /** value / floor */
  readonly ratio: number
  /** Begins with 'at least N', 'at most N' or 'under N': of the ratio where there is a floor, else of the value. */
  readonly aim?: string
}

/** What this machine cannot be asked. */
export interface Skipped {
  readonly name: string
  readonly skipped: string
}

export function compared(name: string, unit: string, value: number, floor: number, aim?: string): Measure {
  return { name, value, unit, floor, ratio: value / floor, ...(aim !== undefined && { aim }) }
}

export function alone(name: string, unit: string, value: number, aim?: string): Measure {
  return { name, value, unit, floor: 0, ratio: 0, ...(aim !== undefined && { aim }) }
}

/** Undefined without an aim. Throws for an aim that does not begin with its bound, and for a figure that is none. */
export function isMet({ name, value, floor, ratio, aim }: Measure): boolean | undefined {
  if (![value, floor, ratio].every(Number.isFinite)) throw new Error(`'${name}' gave no number`)
  if (aim === undefined) return undefined
  const [, bound, number] = /^(at least|at most|under) (\d+(?:\.\d+)?)\b/.exec(aim) ?? []
  if (number === undefined) throw new Error(`the aim of '${name}' begins with no bound: '${aim}'`)
  const measured = floor === 0 ? value : ratio
  if (bound === 'at least') return measured >= Number(number)
  return bound === 'at most' ? measured <= Number(number) : measured < Number(number)
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Medians of what each contestant gives, one after the other in each round, so that a busy moment meets them all. */
export async function alternate<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, (round: number) => number | Promise<number>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(contestants) as Name[]
  const results = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results.get(name)!.push(await contestants[name](round))
  }
  return Object.fromEntries(names.map((name) => [name, median(results.get(name)!)])) as Record<Name, number>
}
