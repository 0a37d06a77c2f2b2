import type { Kill } from './killer.ts'
import type { Moment } from './points.ts'
import type { Graveyard } from './world.ts'

export interface Grave {
  place: string
  /** How many of the kills came: of a double one, the second may find the work done. */
  killed: number
  /** Milliseconds of the last life. */
  recovery: number
}

/** One life after the other does the task, each killed as told; a last one brings it to its end. */
export async function bury(yard: Graveyard, kills: readonly Kill[], life?: Moment['life']): Promise<Grave> {
  const place = yard.plot()
  const person = life !== undefined
  if (life === 'approve') await lived(yard.start({ place, person, does: 'go on' }))
  let killed = 0
  for (const kill of kills) {
    const running = yard.start({
      place,
      person,
      does: life === 'approve' ? life : 'go on',
      wait: life === 'wait',
      kill,
    })
    if (life === 'wait') {
      await running.until((told) => told.includes('ApprovalRequested'))
      await lived(yard.start({ place, person, does: 'word' }))
    }
    const { signal, end, stderr } = await running.over
    if (signal === 'SIGKILL') killed++
    else if (end === undefined) throw new Error(`a life ended by itself, not at '${kill.point}': ${stderr}`)
  }
  const began = performance.now()
  // A person whose yes was lost with their process says it again.
  await lived(yard.start({ place, person, does: person ? 'approve' : 'go on' }))
  return { place, killed, recovery: performance.now() - began }
}

async function lived({ over }: ReturnType<Graveyard['start']>): Promise<void> {
  const { end, signal, stderr } = await over
  if (end === undefined) throw new Error(`a life that nobody killed did not come to its end: ${signal} ${stderr}`)
}
