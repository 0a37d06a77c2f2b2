import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { openTree } from '../../../core/runtime/tools/tree.ts'
import { coder, openBench, trappedWorktree } from './scene.ts'

/** Swaps a folder with a link to the outside as fast as it can, and repairs what a writer makes in between. */
const swapper = `
const { workerData: { folder, link, spare, outside } } = require('node:worker_threads')
const { renameSync, rmSync, lstatSync, symlinkSync } = require('node:fs')
const attempt = (act) => { try { act() } catch {} }
const isLink = (path) => { try { return lstatSync(path).isSymbolicLink() } catch { return false } }
for (;;) {
  attempt(() => isLink(folder) || renameSync(folder, spare))
  attempt(() => isLink(folder) || rmSync(folder, { recursive: true, force: true }))
  attempt(() => isLink(link) ? renameSync(link, folder) : symlinkSync(outside, folder))
  attempt(() => isLink(folder) && renameSync(folder, link))
  attempt(() => renameSync(spare, folder))
}
`

async function raced(
  act: (root: string) => void | Promise<void>,
  place: { root: string; outside: string },
): Promise<number> {
  const folder = join(place.root, 'd')
  const link = join(place.root, 'd-link')
  mkdirSync(folder)
  writeFileSync(join(folder, 'x'), 'inside')
  writeFileSync(join(place.outside, 'x'), 'TOPSECRET')
  symlinkSync(place.outside, link)
  const worker = new Worker(swapper, {
    eval: true,
    workerData: { folder, link, spare: join(place.root, 'd-spare'), outside: place.outside },
  })
  let turns = 0
  try {
    for (const end = Date.now() + 2000; Date.now() < end; turns++) await act(place.root)
  } finally {
    await worker.terminate()
  }
  return turns
}

test('a folder swapped with a link while a file is written leads nowhere (FS-015)', async () => {
  const place = trappedWorktree()
  const { call } = openBench(coder, place)
  const codes = new Map<string, number>()
  const turns = await raced(async () => {
    const { ok, denied, output } = await call('write_file', { path: 'd/x', content: 'pwned' })
    const answer = ok ? 'written' : (denied?.code ?? output)
    codes.set(answer, (codes.get(answer) ?? 0) + 1)
  }, place)
  expect(turns).toBeGreaterThan(200)
  expect(readFileSync(join(place.outside, 'x'), 'utf8')).toBe('TOPSECRET')
  expect(readdirSync(place.outside).sort()).toEqual(['secret.txt', 'x'])
  // The race was real: both answers were seen.
  expect(codes.get('written')).toBeGreaterThan(0)
  expect(codes.get('symlink')).toBeGreaterThan(0)
})

test('a folder swapped with a link while a file is written, read and removed below the gate leads nowhere', async () => {
  const top = mkdtempSync(join(tmpdir(), 'codeband-race-'))
  const place = { root: join(top, 'root'), outside: join(top, 'outside') }
  mkdirSync(place.root)
  mkdirSync(place.outside)
  try {
    const tree = openTree(place.root)
    let secrets = 0
    const turns = await raced(() => {
      try {
        tree.write('d/x', 'pwned')
        tree.write('d/new/y', 'pwned')
        const read = tree.read('d/x', 100)
        if (typeof read === 'object' && 'bytes' in read && read.bytes.toString() === 'TOPSECRET') secrets++
        tree.remove('d/new/y')
      } catch (error) {
        // The file system's own answers to a folder that vanished.
        if (!/ENOENT|ENOTDIR|ENOTEMPTY/.test(String(error))) throw error
      }
    }, place)
    expect(turns).toBeGreaterThan(100)
    expect({ secrets, outside: readdirSync(place.outside), x: readFileSync(join(place.outside, 'x'), 'utf8') }).toEqual(
      { secrets: 0, outside: ['x'], x: 'TOPSECRET' },
    )
    expect(existsSync(join(place.outside, 'new'))).toBe(false)
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
})
