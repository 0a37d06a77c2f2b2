import { setTimeout as sleep } from 'node:timers/promises'
import type { Grave } from './bury.ts'
import type { Graveyard } from './world.ts'

/** Events that a run that nothing happens to tells of, about. */
const wholeRun = 90

/** A blow from outside: SIGKILL so many milliseconds after the band told of its nth event; n = 0: after its process began. */
export interface Blow {
  events: number
  ms: number
}

/** The same blows for the same seed: two of three runs are struck once, the third again while it recovers. */
export function blowsOf(seed: number): Blow[] {
  const random = randomOf(seed)
  const first = blow(random, wholeRun)
  return random() < 2 / 3 ? [first] : [first, blow(random, Math.max(2, wholeRun - first.events))]
}

function blow(random: () => number, upTo: number): Blow {
  const events = Math.floor(random() * upTo)
  // Half of the blows fall at once, in the middle of what follows an event; a process needs longer to begin than for a step.
  const ms = Math.floor(random() * (events === 0 ? 600 : random() < 0.5 ? 4 : 60))
  return { events, ms }
}

/** Lets a band do the task under the blows of a seed, and then in peace. */
export async function strike(yard: Graveyard, seed: number): Promise<Grave> {
  const place = yard.plot()
  let killed = 0
  for (const { events, ms } of blowsOf(seed)) {
    const { process: child, until, over } = yard.start({ place, person: false, does: 'go on' })
    await until((told) => told.length >= events)
    await Promise.race([sleep(ms), over])
    child.kill('SIGKILL')
    if ((await over).signal === 'SIGKILL') killed++
  }
  const began = performance.now()
  const { end, signal, stderr } = await yard.start({ place, person: false, does: 'go on' }).over
  if (end === undefined) throw new Error(`the last life did not come to its end: ${signal} ${stderr}`)
  return { place, killed, recovery: performance.now() - began }
}

/** Numbers from 0 to 1. Source: T. Ettinger, mulberry32, public domain. */
function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
