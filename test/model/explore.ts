import { describe } from './describe.ts'
import { endsOf } from './ends.ts'
import { Graph } from './graph.ts'
import { keyOf } from './key.ts'
import { movesOf } from './moves.ts'
import { sealed } from './sealed.ts'
import { Seen } from './seen.ts'
import { frozen, step, type Tally } from './step.ts'
import { Broken } from './story.ts'
import { firstWorld, type Move, type Scope, type World } from './world.ts'

export interface Found {
  scope: string
  states: number
  transitions: number
  /** Moves to the farthest world. */
  depth: number
  /** All there is was seen; else the search was cut off, and the worlds at the cut were wound down one by one. */
  whole: boolean
  seconds: number
  tally: Tally
  broken?: { rule: string; what: string; trace: string[] }
}

/** Every world that can be reached, nearest first, until there are `most`: each is expanded by every move, and every rule is checked on
 *  every transition. Then, whether every world can still end. */
export function explore(scope: Scope, most: number): Found {
  return sealed(() => search(scope, most))
}

function search(scope: Scope, most: number): Found {
  const began = process.hrtime.bigint()
  const tally: Tally = new Map()
  const seen = new Seen(Math.min(most, 1 << 20))
  const graph = new Graph()
  const worlds: (World | undefined)[] = []
  const first = startOf(scope)
  seen.add(keyOf(scope, first))
  worlds.push(first)
  graph.add(-1, 0)
  let at = 0
  let broken: Found['broken']
  try {
    for (; at < worlds.length && seen.size < most; at++) {
      const world = worlds[at]!
      worlds[at] = undefined
      const ended = graph.expand(at, isOver(scope, world))
      let steps = 0
      const moves = movesOf(scope, world)
      for (const [number, move] of moves.entries()) {
        const next = attempt(
          () => step(world, move, tally),
          () => [...graph.path(at), number],
        )
        if (next === undefined) continue
        steps++
        const found = seen.add(keyOf(scope, next))
        if (found === worlds.length) {
          frozen(next.state)
          worlds.push(next)
          graph.add(at, number)
        }
        graph.edge(found)
      }
      attempt(
        () => {
          if (steps === 0 && !ended) throw new Broken('I-12', 'nothing can happen any more, and a task has not ended')
        },
        () => graph.path(at),
      )
    }
    for (let cut = at; cut < worlds.length; cut++)
      attempt(
        () => endsOf(worlds[cut]!),
        () => graph.path(cut),
      )
    const stuck = graph.stuck(at)
    if (stuck !== undefined) throw new At(new Broken('I-12', 'from here no end can be reached'), graph.path(stuck))
  } catch (error) {
    if (!(error instanceof At)) throw error
    broken = { rule: error.broken.rule, what: error.broken.message, trace: traceOf(scope, error.path) }
  }
  return {
    scope: scope.name,
    states: seen.size,
    transitions: graph.edges,
    depth: graph.depth,
    whole: at === worlds.length,
    seconds: Number(process.hrtime.bigint() - began) / 1e9,
    tally,
    broken,
  }
}

/** A broken rule, and the moves that lead there. */
class At extends Error {
  readonly broken: Broken
  readonly path: readonly number[]
  constructor(broken: Broken, path: readonly number[]) {
    super(broken.message)
    this.broken = broken
    this.path = path
  }
}

function attempt<T>(act: () => T, path: () => readonly number[]): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof Broken) throw new At(error, path())
    throw error
  }
}

function startOf(scope: Scope): World {
  let world = firstWorld
  for (const command of scope.tasks.flatMap((task) => scope.start?.(task) ?? [])) {
    const next = step(world, { command })
    if (next === undefined) throw new Error(`${scope.name} does not begin: ${describe({ command })} is refused`)
    world = next
  }
  frozen(world.state)
  return world
}

const isOver = (scope: Scope, { story }: World): boolean =>
  scope.tasks.every((task) => story.tasks[task]?.stage === 'ended')

/** The moves on the shortest way, in words. */
function traceOf(scope: Scope, path: readonly number[]): string[] {
  const trace = scope.tasks.flatMap((task) => scope.start?.(task) ?? []).map((command) => describe({ command }))
  let world: World | undefined = startOf(scope)
  for (const number of path) {
    const move: Move = movesOf(scope, world!)[number]!
    trace.push(describe(move))
    try {
      world = step(world!, move)
    } catch {
      // The last one is the one that breaks the rule.
    }
  }
  return trace
}
