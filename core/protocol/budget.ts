/** What may be spent; a kind that is absent has no cap. Milliseconds are the time of turns, added up. */
export type Caps = { readonly [K in keyof Spend]?: number }

export interface Spend {
  turns: number
  /** Input and output. */
  tokens: number
  usd: number
  ms: number
}

/** A node of the budget tree: the task itself (''), or a playing of a role that has limits. What is spent below counts in every node above. */
export interface Budget {
  /** Place of the node above; undefined for the task. */
  parent?: string
  caps: Caps
  spent: Spend
  /** Set aside for turns that run. */
  reserved: Spend
}

export type Budgets = Readonly<Record<string, Budget>>

export const nothing: Spend = { turns: 0, tokens: 0, usd: 0, ms: 0 }
export const kinds = ['turns', 'tokens', 'usd', 'ms'] as const

export function openBudget(caps: Caps, parent?: string): Budget {
  return { parent, caps, spent: nothing, reserved: nothing }
}

/** A turn may not know what it will cost, so it gets a share of what is left and comes back for more: turns that run side by side find
 *  something, and no two can spend the same. */
const share = 4

/** What a turn at this node may set aside of these kinds, or the words for what is used up, here or above. Kinds without a cap are
 *  left out: nothing limits them. */
export function reservation(
  budgets: Budgets,
  place: string,
  wanted: readonly (keyof Spend)[] = kinds,
): { reserved: Partial<Spend> } | { usedUp: string } {
  const reserved: Partial<Spend> = {}
  for (const kind of wanted) {
    const capped = path(budgets, place).filter(([, { caps }]) => caps[kind] !== undefined)
    if (capped.length === 0) continue
    let least = Number.POSITIVE_INFINITY
    for (const [at, { caps, spent, reserved: aside }] of capped) {
      const left = caps[kind]! - spent[kind] - aside[kind]
      if (left <= 0 || (kind === 'turns' && left < 1)) {
        const whose = at === '' ? 'the task' : `'${at}'`
        const held = aside[kind] > 0 ? ` (${amount(kind, aside[kind])} set aside for turns that run)` : ''
        return { usedUp: `${whose} may spend ${amount(kind, caps[kind]!)}: nothing is left${held}` }
      }
      least = Math.min(least, left)
    }
    reserved[kind] = kind === 'turns' ? 1 : kind === 'usd' ? least / share : Math.ceil(least / share)
  }
  return { reserved }
}

/** Sets aside, or gives back (`sign` -1), at a node and all above it. */
export function reserve(budgets: Budgets, place: string, amounts: Partial<Spend>, sign: 1 | -1 = 1): Budgets {
  return change(budgets, place, (node) => ({ ...node, reserved: add(node.reserved, amounts, sign) }))
}

/** Ends a turn's reservation with what it really took. A turn is stopped when its reservation is used up, so a node passes its cap
 *  by at most the last answer of a model. */
export function settle(budgets: Budgets, place: string, aside: Partial<Spend>, spent: Spend): Budgets {
  return change(budgets, place, (node) => ({
    ...node,
    reserved: add(node.reserved, aside, -1),
    spent: add(node.spent, spent, 1),
  }))
}

function change(budgets: Budgets, place: string, map: (node: Budget) => Budget): Budgets {
  return { ...budgets, ...Object.fromEntries(path(budgets, place).map(([at, node]) => [at, map(node)])) }
}

/** The node and all above it. A place without a node belongs to the task. */
function path(budgets: Budgets, place: string): [string, Budget][] {
  const all: [string, Budget][] = []
  for (let at: string | undefined = budgets[place] ? place : ''; at !== undefined && budgets[at]; ) {
    all.push([at, budgets[at]!])
    at = budgets[at]!.parent
  }
  return all
}

function add(to: Spend, amounts: Partial<Spend>, sign: 1 | -1): Spend {
  const sum = { ...to }
  // Money is held in millionths: sums of fractions would leave a rest that is nobody's.
  for (const kind of kinds) sum[kind] = Math.max(0, Math.round((to[kind] + sign * (amounts[kind] ?? 0)) * 1e6) / 1e6)
  return sum
}

function amount(kind: keyof Spend, value: number): string {
  if (kind === 'usd') return `${value} USD`
  if (kind === 'ms') return `${Math.round(value / 60_000)} minutes of turns`
  return `${value} ${kind}`
}
