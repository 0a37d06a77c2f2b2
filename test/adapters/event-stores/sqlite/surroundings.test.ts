import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fileSystemConcern, versionConcern, walBytes } from '../../../../adapters/event-stores/sqlite/surroundings.ts'
import { sqliteEventStore } from '../../../../adapters/event-stores/sqlite.ts'
import { resumed } from '../../../contracts/event-store.ts'

test('a log in memory is a concern, because it ends with the machine (F-ST-15)', (context) => {
  if (!existsSync('/dev/shm')) context.skip('this system has no /dev/shm')
  expect(fileSystemConcern('/dev/shm/band.db')).toMatchObject({
    status: 'warn',
    found: expect.stringContaining('memory (tmpfs)'),
    cure: expect.stringContaining('CODEBAND_HOME'),
  })
})

test('an SQLite that can lose a commit when two processes tidy at once is a concern (F-ST-13)', () => {
  for (const old of ['3.7.0', '3.50.4', '3.51.2']) {
    expect(versionConcern(old)).toMatchObject({ status: 'warn', found: expect.stringContaining(old) })
  }
  for (const current of ['3.51.3', '3.53.4', '4.0.0']) expect(versionConcern(current)).toBeUndefined()
})

test('the WAL is measured, also where there is none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'codeband-wal-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'band.db')
  expect(walBytes(file)).toBe(0)
  const store = sqliteEventStore({ file })
  await store.append([resumed('a')], 0)
  expect(walBytes(file)).toBeGreaterThan(4096)
  await store.close()
  expect(walBytes(file)).toBe(0)
})
