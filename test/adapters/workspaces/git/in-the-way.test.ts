import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { removeTemporary } from '../repository.ts'
import { begin, change } from '../world.ts'

afterAll(removeTemporary)

test('a file of the person that git does not know is never overwritten, not even an ignored one', async () => {
  const { person, base, workspaces } = await begin({ 'a.txt': 'one\n' })
  const to = await change(workspaces, 'w', base, { 'built.txt': 'from the band\n' })
  appendFileSync(join(person.path, '.git/info/exclude'), 'built.txt\n')
  person.write({ 'built.txt': 'of the person\n' })
  const dirty = { status: 'dirty', checkout: person.path, files: ['built.txt'] }
  expect(await workspaces.land('main', base, to)).toEqual(dirty)
  expect(readFileSync(join(person.path, 'built.txt'), 'utf8')).toBe('of the person\n')
})

test('only a full commit id is a commit: no ref, option or expression passes for one', async () => {
  const { base, workspaces } = await begin()
  for (const name of ['main', 'HEAD', `${base}~0`, base.slice(0, 12), '--stdin', ''])
    await expect(workspaces.keep(name), name).rejects.toMatchObject({ code: 'CB_INTERNAL' })
  await workspaces.keep(base)
})
