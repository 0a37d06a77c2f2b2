import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isTrusted, trust } from '../../../adapters/definitions/trust.ts'

const hash = (digit: string) => digit.repeat(64)
let home: string
beforeEach(async () => {
  home = join(await mkdtemp(join(tmpdir(), 'trust-')), 'state')
})
afterEach(() => rm(join(home, '..'), { recursive: true, force: true }))

test('what was trusted stays trusted, and nothing else is', async () => {
  expect(await isTrusted(home, hash('a'))).toBe(false)
  await trust(home, hash('a'))
  await trust(home, hash('b'))
  await trust(home, hash('a'))
  expect(await Promise.all(['a', 'b', 'c'].map((one) => isTrusted(home, hash(one))))).toEqual([true, true, false])
  expect((await stat(join(home, 'trusted.json'))).mode & 0o777).toBe(0o600)
  expect(await readdir(home)).toEqual(['trusted.json'])
})

test('a damaged file, and one that others may write, trusts nothing', async () => {
  await trust(home, hash('a'))
  const file = join(home, 'trusted.json')
  await chmod(file, 0o622)
  expect(await isTrusted(home, hash('a'))).toBe(false)
  await chmod(file, 0o600)
  expect(await isTrusted(home, hash('a'))).toBe(true)
  for (const text of [(await readFile(file, 'utf8')).slice(0, -5), '', 'null', '[]', '{"trusted":"a"}']) {
    await writeFile(file, text)
    expect(await isTrusted(home, hash('a'))).toBe(false)
  }
  await trust(home, hash('b'))
  expect(await isTrusted(home, hash('b'))).toBe(true)
})

test('twenty at once lose none', async () => {
  const digits = [...'0123456789abcdef']
  await Promise.all(digits.map((one) => trust(home, hash(one))))
  expect(await Promise.all(digits.map((one) => isTrusted(home, hash(one))))).toEqual(digits.map(() => true))
})

test('the lock of a process that died holds nobody up', async () => {
  await trust(home, hash('a'))
  const lock = join(home, 'trusted.json.lock')
  await writeFile(lock, '')
  await utimes(lock, new Date(0), new Date(0))
  await trust(home, hash('b'))
  expect(await isTrusted(home, hash('b'))).toBe(true)
})
