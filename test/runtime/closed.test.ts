import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import { createBand, type Role } from '../../adapters/index.ts'
import { tasksOf } from '../../core/protocol/state.ts'
import { place, repositoryOf } from '../scene/place.ts'

/** A band that does nothing; each call gives a new one on the same repository. */
function idle() {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const conductor: Role = { id: 'conductor', description: 'Begins.', spawnableRoles: [], *steps() {} }
  const frameworks = {
    a: scripted({ id: 'a', family: 'x', script: { turns: [] } }),
    b: scripted({ id: 'b', family: 'y', script: { turns: [] } }),
  }
  return () =>
    createBand({ repo, home: join(at, 'home'), frameworks, roles: [conductor], sandbox: 'off', checks: [['true']] })
}

test('a closed band takes nothing any more, in words that say what to do', async () => {
  const band = await idle()()
  expect(await band.run('nothing')).toMatchObject({ outcome: 'success' })
  await band.close()
  const asked = [
    () => band.run('more'),
    () => band.resume(),
    () => band.cancel('t1', 'no'),
    () => band.approve('a1'),
    () => band.reject('a1', 'no'),
  ]
  for (const ask of asked) await expect(ask()).rejects.toMatchObject({ code: 'CB_BAND_CLOSED' })
  expect(await band.nextTask()).toBeUndefined()
  await band.close()
})

test('what is asked while a band closes is done or refused, never lost: the next one knows each task that has an answer', async () => {
  const open = idle()
  const band = await open()
  const answers = Array.from({ length: 20 }, async (_, turn) => {
    for (let n = 0; n < turn; n++) await new Promise((next) => setImmediate(next))
    if (turn === 5) void band.close()
    return band.run(`task ${turn}`).then(
      ({ task }) => task,
      (error) => error.code as string,
    )
  })
  const told = await Promise.all(answers)
  await band.close()
  const again = await open()
  const known = tasksOf(again.state).map(({ id }) => id)
  await again.close()
  const tasks = told.filter((one) => one !== 'CB_BAND_CLOSED')
  expect([...tasks].sort()).toEqual([...known].sort())
  expect(tasks.length).toBeLessThan(told.length)
})
