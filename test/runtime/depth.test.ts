import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import type { Recorded, Role } from '../../adapters/index.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { replayedBand } from '../scene/replayed.ts'

/** A role that spawns itself until it is told no; gives how many of it were played. */
async function played(limits: Role['limits'], band: { depth?: number }) {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const ping: Role = {
    id: 'ping',
    description: 'Goes round.',
    spawnableRoles: ['ping'],
    limits,
    *steps({ band }) {
      return yield* band.spawn(ping, {})
    },
  }
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['ping'],
    *steps({ band }) {
      yield* band.spawn(ping, {})
    },
  }
  const opened = await replayedBand({
    repo,
    home: join(at, 'home'),
    frameworks: { a: scripted({ id: 'a', family: 'x', script: { turns: [] } }) },
    roles: [ping, conductor],
    review: { opposition: 'waived' },
    sandbox: 'off',
    limits: band,
  })
  const events: Recorded[] = []
  opened.on('event', (event) => events.push(event))
  await opened.run('go round')
  await opened.close()
  const codes = events.flatMap((event) => (event.type === 'ViolationRecorded' ? [event.code] : []))
  return { spawns: events.filter((event) => event.type === 'EffectStarted').length, codes }
}

test("spawning in a circle ends at the band's depth, as one violation (RL-015)", async () => {
  expect(await played(undefined, { depth: 4 })).toEqual({ spawns: 5, codes: ['depth'] })
})

test("a role's own depth ends it sooner, never later", async () => {
  expect(await played({ depth: 1 }, { depth: 6 })).toEqual({ spawns: 3, codes: ['depth'] })
  expect(await played({ depth: 99 }, { depth: 2 })).toEqual({ spawns: 3, codes: ['depth'] })
})
