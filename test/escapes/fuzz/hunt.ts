import fc from 'fast-check'
import { type Grammar, grammars, type Mutant } from './mutants.ts'
import { type Fault, type Trial, tried } from './oracles.ts'
import { policyFault } from './policies.ts'
import { openRoom, type Room } from './room.ts'

export interface Catch {
  readonly grammar: string
  readonly runs: number
  /** How often each answer was given. */
  readonly answers: ReadonlyMap<string, number>
  /** Milliseconds of the slowest decision, and how many took longer than `slow`. */
  readonly slowest: number
  readonly slow: number
  readonly seconds: number
  /** The smallest mutant that broke a rule, ready to be seen again. */
  readonly hole: Hole | undefined
}

export interface Hole {
  readonly fault: Fault
  /** A line for `test/cases/escapes.json`. */
  readonly line: string
  /** How to see it again. */
  readonly seed: number
  readonly path: string
}

/** A decision that takes longer is counted, never failed: a loaded machine is no fault of the gate. */
const slowMs = 50

/** Tries `runs` mutants, dealt out over all grammars. The same seed gives the same mutants. */
export async function hunt(runs: number, seed: number): Promise<Catch[]> {
  const room = openRoom()
  try {
    const found: Catch[] = []
    for (const grammar of grammars) found.push(await through(room, grammar, Math.ceil(runs * grammar.share), seed))
    found.push(policies(Math.ceil(runs / 10), seed))
    return found
  } finally {
    room.remove()
  }
}

async function through(room: Room, { name, mutants }: Grammar, runs: number, seed: number): Promise<Catch> {
  const answers = new Map<string, number>()
  let slowest = 0
  let slow = 0
  let last: { mutant: Mutant; fault: Fault } | undefined
  const began = performance.now()
  const details = await fc.check(
    fc.asyncProperty(mutants, async (mutant) => {
      room.mend()
      const { fault, answer, ms } = await tried(room, mutant).catch(stumbled)
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
      slowest = Math.max(slowest, ms)
      if (ms > slowMs) slow++
      if (fault) last = { mutant, fault }
      return fault === undefined
    }),
    { numRuns: runs, seed },
  )
  // The last one that failed is the smallest.
  const hole = last && {
    fault: last.fault,
    line: lineOf(room, last.mutant, last.fault),
    seed,
    path: details.counterexamplePath ?? '',
  }
  return {
    grammar: name,
    runs: details.numRuns,
    answers,
    slowest,
    slow,
    seconds: (performance.now() - began) / 1000,
    hole,
  }
}

/** What breaks the looking itself is a hole too, until it is understood. */
function stumbled(error: unknown): Trial {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { fault: { rule: 'the trial ends', detail: detail.slice(0, 600) }, answer: 'failed', ms: 0 }
}

function policies(runs: number, seed: number): Catch {
  const answers = new Map<string, number>()
  const began = performance.now()
  let last: { fault: Fault; line: string } | undefined
  const details = fc.check(
    policyFault((fault, line, answer) => {
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
      if (fault) last = { fault, line }
    }),
    { numRuns: runs, seed },
  )
  const hole = last && { ...last, seed, path: details.counterexamplePath ?? '' }
  const seconds = (performance.now() - began) / 1000
  return { grammar: 'policies', runs: details.numRuns, answers, slowest: 0, slow: 0, seconds, hole }
}

function lineOf({ root, top }: Room, { role, tool, technique, input }: Mutant, { rule }: Fault): string {
  const words = (_: string, value: unknown) =>
    typeof value === 'string'
      ? value.replaceAll(`${top}/outside/canary`, '{CANARY}').replaceAll(root, '{ROOT}').slice(0, 2000)
      : value
  let text: string
  try {
    const sent = input({ ROOT: root, CANARY: `${top}/outside/canary` })
    text = JSON.stringify({ id: 'FZ-?', role, tool, input: sent, expected: '?', technique }, words)
  } catch {
    // Some inputs are made so that they cannot be written down; the seed makes them again.
    text = JSON.stringify({ id: 'FZ-?', role, tool, expected: '?', technique })
  }
  return `${text} // ${rule}`
}
