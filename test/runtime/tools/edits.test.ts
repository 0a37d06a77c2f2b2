import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { coder, openBench, trappedWorktree } from './scene.ts'

function bench(input: unknown = {}) {
  const place = trappedWorktree()
  const read = (path: string) => readFileSync(join(place.root, path), 'utf8')
  return { place, read, ...openBench(coder, place, { input }) }
}

test('a new file comes with its folders, and no temporary file stays behind', async () => {
  const { place, read, call } = bench()
  expect(await call('write_file', { path: 'lib/deep/er/new.ts', content: 'x\n' })).toEqual({
    ok: true,
    output: 'Wrote lib/deep/er/new.ts (2 bytes).',
  })
  expect(read('lib/deep/er/new.ts')).toBe('x\n')
  expect(readdirSync(join(place.root, 'lib/deep/er'))).toEqual(['new.ts'])
})

test('a replaced file keeps its mode', async () => {
  const { place, call } = bench()
  chmodSync(join(place.root, 'README.md'), 0o754)
  await call('write_file', { path: 'README.md', content: 'new' })
  expect(statSync(join(place.root, 'README.md')).mode & 0o777).toBe(0o754)
})

test('a large file is written whole (OK-024)', async () => {
  const { place, call } = bench()
  const content = 'x'.repeat(5 * 1024 * 1024)
  expect(await call('write_file', { path: 'src/gen.ts', content })).toMatchObject({ ok: true })
  expect(statSync(join(place.root, 'src/gen.ts')).size).toBe(content.length)
})

test('an input that is no plain data is refused before anything asks it', async () => {
  const { call } = bench()
  // Letter by letter this would take seconds.
  const letters = new String('x'.repeat(8 * 1024 * 1024))
  const asked: string[] = []
  const fickle = {
    get path() {
      return asked.push('path') === 1 ? 'src/a.ts' : '.git/config'
    },
    content: 'x',
  }
  for (const input of [{ path: letters, content: 'x' }, letters, fickle, { path: new Map(), content: 'x' }]) {
    expect(await call('write_file', input)).toMatchObject({ denied: { code: 'schema' } })
  }
  expect(asked).toEqual([])
})

test('an input over the limit is refused before anything reads it', async () => {
  const { call } = bench()
  expect(await call('write_file', { path: 'a', content: 'x'.repeat(9 * 1024 * 1024) })).toMatchObject({
    denied: { code: 'payload' },
  })
  let deep: unknown = 'x'
  for (let level = 0; level < 100_000; level++) deep = [deep]
  expect(await call('write_file', { path: 'a', content: deep })).toMatchObject({ denied: { code: 'payload' } })
  expect(await call('write_file', JSON.parse('{"path":"a","content":"x","__proto__":{"admin":true}}'))).toMatchObject({
    denied: { code: 'schema' },
  })
})

test('a key that would set a prototype is refused however deep it lies (PR-020)', async () => {
  const { call, told } = bench()
  const input = JSON.parse('{"role":"file-picker","input":{"task":{"__proto__":{"admin":true}}}}')
  expect(await call('spawn_roles', input)).toMatchObject({ denied: { code: 'schema' } })
  expect(told.spawned).toEqual([])
})

test('a replacement needs its text exactly once, unless all are meant', async () => {
  const { place, read, call } = bench()
  writeFileSync(join(place.root, 'src/b.ts'), 'one two two\r\nthree\r\n')
  expect(await call('apply_diff', { path: 'src/b.ts', old: 'four', new: 'x' })).toMatchObject({
    ok: false,
    output: expect.stringContaining("'old' is not in"),
  })
  expect(await call('apply_diff', { path: 'src/b.ts', old: 'two', new: 'x' })).toMatchObject({
    ok: false,
    output: expect.stringContaining('2 times'),
  })
  expect(await call('apply_diff', { path: 'src/b.ts', old: 'two', new: '$&', all: true })).toMatchObject({ ok: true })
  expect(await call('apply_diff', { path: 'src/b.ts', old: '$&\nthree', new: '$1\n3' })).toMatchObject({ ok: true })
  expect(read('src/b.ts')).toBe('one $& $1\r\n3\r\n')
})

test('a file outside the subtask is refused with what may be written', async () => {
  const { place, call } = bench({ subtask: { files: ['src/a.ts', 'lib/**'] } })
  expect((await call('write_file', { path: 'src/b.ts', content: 'x' })).denied).toEqual({
    code: 'above-ceiling',
    reason: "'src/b.ts' is not among what you may write: src/a.ts, lib/**.",
  })
  expect(await call('write_file', { path: 'lib/x.ts', content: 'x' })).toMatchObject({ ok: true })
  expect(existsSync(join(place.root, 'src/b.ts'))).toBe(false)
})

test('a patch over several files is done whole: add, update, move, delete', async () => {
  const { place, read, call } = bench()
  const patch = `*** Begin Patch
*** Add File: src/new.ts
+export const x = 1
*** Update File: src/a.ts
*** Move to: src/sum.ts
@@
-export const add = (a: number, b: number) => a - b
+export const add = (a: number, b: number) => a + b
*** Delete File: README.md
*** End Patch`
  expect(await call('apply_diff', { patch })).toEqual({
    ok: true,
    output: 'Wrote src/new.ts (19 bytes).\nWrote src/sum.ts (72 bytes).\nDeleted src/a.ts.\nDeleted README.md.',
  })
  expect(read('src/sum.ts')).toContain('a + b')
  expect([existsSync(join(place.root, 'src/a.ts')), existsSync(join(place.root, 'README.md'))]).toEqual([false, false])
})

test('what a patch makes and takes away again never is; only what is left of it is done', async () => {
  const { place, call } = bench()
  const moved = '*** Update File: src/a.ts\n*** Move to: src/b.ts\n*** Delete File: src/b.ts\n'
  expect(await call('apply_diff', { patch: `*** Begin Patch\n${moved}*** End Patch` })).toEqual({
    ok: true,
    output: 'Deleted src/a.ts.',
  })
  expect(existsSync(join(place.root, 'src/a.ts'))).toBe(false)
  const made = '*** Add File: src/c.ts\n+x\n*** Delete File: src/c.ts\n'
  expect(await call('apply_diff', { patch: `*** Begin Patch\n${made}*** End Patch` })).toEqual({
    ok: false,
    output: 'Nothing was changed: the patch takes away all that it makes.',
  })
})

test('a patch of which one part does not fit changes nothing', async () => {
  const { place, read, call } = bench()
  const before = read('src/a.ts')
  const patch = `--- a/src/a.ts
+++ b/src/a.ts
@@ -2 +2 @@
-export const one = 1
+export const one = 2
--- /dev/null
+++ b/src/new.ts
@@ -0,0 +1 @@
+x
--- a/README.md
+++ b/README.md
@@ -1 +1 @@
-# Other
+# New
`
  expect(await call('apply_diff', { patch })).toMatchObject({
    ok: false,
    output: expect.stringMatching(/^Nothing was changed: in 'README.md' hunk 1/),
  })
  expect(await call('apply_diff', { patch: patch.replaceAll('README.md', '.npmrc') })).toMatchObject({
    denied: { code: 'protected-path' },
  })
  expect(read('src/a.ts')).toBe(before)
  expect(existsSync(join(place.root, 'src/new.ts'))).toBe(false)
})

test.each([
  ['adds what is there', '--- /dev/null\n+++ b/README.md\n@@ -0,0 +1 @@\n+x\n', 'is there already'],
  ['updates what is not there', '--- a/no.ts\n+++ b/no.ts\n@@ -1 +1 @@\n-a\n+b\n', 'there is no file'],
  [
    'moves onto something',
    '*** Begin Patch\n*** Update File: src/a.ts\n*** Move to: README.md\n*** End Patch',
    'is there already',
  ],
  ['deletes with other lines', '--- a/README.md\n+++ /dev/null\n@@ -1 +0,0 @@\n-# Other\n', 'does not fit'],
  [
    'deletes a part only',
    '--- a/src/a.ts\n+++ /dev/null\n@@ -2 +0,0 @@\n-export const one = 1\n',
    'does not remove all',
  ],
])('a patch that %s changes nothing and says so', async (_, patch, words) => {
  const { read, call } = bench()
  const before = [read('README.md'), read('src/a.ts')]
  expect(await call('apply_diff', { patch })).toMatchObject({ ok: false, output: expect.stringContaining(words) })
  expect([read('README.md'), read('src/a.ts')]).toEqual(before)
})

test('a file that is not text cannot be edited, only replaced', async () => {
  const { place, call } = bench()
  writeFileSync(join(place.root, 'latin.txt'), Buffer.from([0x61, 0xe9, 0x0a]))
  expect(await call('apply_diff', { path: 'latin.txt', old: 'a', new: 'b' })).toMatchObject({
    ok: false,
    output: expect.stringContaining('not a text file'),
  })
  expect(readFileSync(join(place.root, 'latin.txt'))).toEqual(Buffer.from([0x61, 0xe9, 0x0a]))
})

test('an input in two forms at once, or in none, is refused', async () => {
  const { call } = bench()
  for (const input of [
    {},
    { path: 'a' },
    { path: 'a', old: 'b' },
    { path: 'a', old: 'b', new: 'c', patch: 'x' },
    { path: 'a', old: '', new: 'c' },
  ]) {
    expect(await call('apply_diff', input)).toMatchObject({ denied: { code: 'schema' } })
  }
})

test('deleting takes one file, a link but not where it leads, and no folder', async () => {
  const { place, call } = bench()
  expect(await call('delete_file', { path: 'README.md' })).toEqual({ ok: true, output: 'Deleted README.md.' })
  expect(await call('delete_file', { path: 'README.md' })).toEqual({
    ok: false,
    output: "There is no file 'README.md'.",
  })
  expect(await call('delete_file', { path: 'outfile.txt' })).toMatchObject({ ok: true })
  expect(readFileSync(join(place.outside, 'secret.txt'), 'utf8')).toBe('TOPSECRET\n')
  mkdirSync(join(place.root, 'empty'))
  expect(await call('delete_file', { path: 'empty' })).toMatchObject({ denied: { code: 'not-regular-file' } })
  expect(await call('delete_file', { path: 'out/secret.txt' })).toMatchObject({ denied: { code: 'symlink' } })
})

test('a worker that may not write has no writing tools, even if granted', async () => {
  const place = trappedWorktree()
  const { box, call } = openBench(coder, place, { writable: false })
  expect(box.tools.map(({ name }) => name)).not.toContain('write_file')
  expect(await call('write_file', { path: 'a', content: 'x' })).toMatchObject({ denied: { code: 'tool-not-in-role' } })
  expect(existsSync(join(place.root, 'a'))).toBe(false)
})
