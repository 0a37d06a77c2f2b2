import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { scratchCopy } from '../../../adapters/sandboxes/scratch-copy.ts'

let room: string
beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'scratch-'))
  await mkdir(join(room, 'folder/deep'), { recursive: true })
  await writeFile(join(room, 'folder/deep/a'), 'a', { mode: 0o755 })
})
afterEach(() => rm(room, { recursive: true, force: true }))

const options = () => ({ home: join(room, 'home'), timeoutMs: 10_000 })

test('a copy holds the same and leaves nothing when it is removed', async () => {
  const copy = await scratchCopy(join(room, 'folder'), options())
  expect(await readFile(join(copy.path!, 'deep/a'), 'utf8')).toBe('a')
  await copy.remove()
  expect(await readdir(room)).toEqual(['folder'])
})

test('what a killed process left behind goes away with the next copy, what a living one has stays', async () => {
  await mkdir(join(room, 'home.copy-4194399-abc/copy/x'), { recursive: true })
  await mkdir(join(room, `home.copy-${process.ppid}-abc`))
  const copy = await scratchCopy(join(room, 'folder'), options())
  await copy.remove()
  expect((await readdir(room)).sort()).toEqual(['folder', `home.copy-${process.ppid}-abc`])
})

test('a copy that cannot be made says why and leaves nothing', async () => {
  const copy = await scratchCopy(join(room, 'absent'), options())
  expect(copy.path).toBeUndefined()
  expect(copy.made.output).toContain('absent')
  expect(await readdir(room)).toEqual(['folder'])
})
