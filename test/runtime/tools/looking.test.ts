import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { coder, openBench, reviewer, trappedWorktree } from './scene.ts'

function bench(role: Parameters<typeof openBench>[0] = coder) {
  const place = trappedWorktree()
  return { place, ...openBench(role, place) }
}

test('files are listed as git names them, narrowed by folder and glob, up to a limit', async () => {
  const { call, place } = bench()
  writeFileSync(join(place.root, '.gitignore'), 'ignored.txt\n')
  writeFileSync(join(place.root, 'ignored.txt'), 'x')
  expect(await call('list_files', { path: 'src' })).toEqual({
    ok: true,
    output: 'src/a.ts\nsrc/café.ts\nsrc/link-inside.ts\nsrc/slow.txt',
  })
  expect(await call('list_files', { glob: '*.md' })).toEqual({ ok: true, output: 'README.md' })
  expect(await call('list_files', { path: 'src', limit: 1 })).toEqual({
    ok: true,
    output: 'src/a.ts\n[3 more; narrow it with path or glob, or raise limit to at most 5000]',
  })
  expect((await call('list_files', {})).output).not.toMatch(/ignored|\.git\//)
  expect(await call('list_files', { path: 'nowhere' })).toEqual({ ok: true, output: 'No files.' })
})

test('reading gives files whole or by lines, and names what it cannot show', async () => {
  const { call, place } = bench()
  writeFileSync(join(place.root, 'logo.png'), Buffer.from([0x89, 0x50, 0, 1]))
  writeFileSync(join(place.root, 'lines.txt'), '1\n2\n3\n4\n')
  expect(
    await call('read_files', {
      paths: ['README.md', 'logo.png', 'no.ts', 'src', { path: 'lines.txt', from: 2, to: 3 }],
    }),
  ).toEqual({
    ok: true,
    output: [
      '=== README.md',
      '# Sample\n',
      '=== logo.png',
      '[a binary file of 4 bytes]',
      '=== no.ts',
      '[no such file]',
      '=== src',
      '[a folder; use list_files]',
      '=== lines.txt (lines 2 to 3 of 5)',
      '2\n3',
    ].join('\n'),
  })
  expect(await call('read_files', { paths: ['no.ts'] })).toMatchObject({ ok: false })
})

test('text with characters that nobody sees is given as it is, with a line that says where they are (PI-009)', async () => {
  const { call, place } = bench()
  writeFileSync(join(place.root, 'sly.txt'), 'one\r\n\ntwo\u200b\u{e0041}\n')
  const note = 'note: line 3 holds U+200B, line 3 holds U+E0041'
  expect((await call('read_files', { paths: ['sly.txt', 'README.md'] })).output).toBe(
    `=== sly.txt\none\r\n\ntwo\u200b\u{e0041}\n\n[${note}]\n=== README.md\n# Sample\n`,
  )
  expect((await call('read_files', { paths: [{ path: 'sly.txt', from: 3, to: 3 }] })).output).toContain(`[${note}]`)
  expect((await call('search_codebase', { pattern: 'two' })).output).toBe(
    'sly.txt:3: two\u200b\u{e0041}\n[note: sly.txt:3 holds U+200B, sly.txt:3 holds U+E0041]',
  )
})

test('a large file is cut with a mark, and files after a full call are left out', async () => {
  const { call, place } = bench()
  writeFileSync(join(place.root, 'big.txt'), 'x'.repeat(3 * 1024 * 1024))
  const { output } = await call('read_files', { paths: ['big.txt', 'README.md'] })
  expect(output).toContain('[cut here: the file has 3145728 bytes, 1048576 are shown at most')
  expect(output).toContain('=== README.md\n[left out')
  expect(output.length).toBeLessThan(1024 * 1024 + 500)
})

test('one path that may not be read refuses the whole call', async () => {
  const { call } = bench()
  const { output, denied } = await call('read_files', { paths: ['README.md', 'outfile.txt'] })
  expect(denied?.code).toBe('symlink')
  expect(output).not.toContain('Sample')
})

test('a link to .git is not read', async () => {
  const { call } = bench()
  expect(await call('read_files', { paths: ['link-git/config'] })).toMatchObject({ denied: { code: 'protected-path' } })
  expect(await call('read_files', { paths: ['link-git'] })).toMatchObject({ denied: { code: 'protected-path' } })
})

test('a grant with paths shows those alone', async () => {
  const place = trappedWorktree()
  const paths = ['src/**']
  const { call } = openBench(
    { ...reviewer, tools: ['list_files', 'read_files', 'search_codebase'].map((name) => ({ name, paths })) },
    place,
  )
  expect((await call('list_files', {})).output.split('\n').every((file) => file.startsWith('src/'))).toBe(true)
  expect(await call('read_files', { paths: ['README.md'] })).toMatchObject({ denied: { code: 'above-ceiling' } })
  expect(await call('read_files', { paths: ['src/a.ts'] })).toMatchObject({ ok: true })
  expect(await call('search_codebase', { pattern: 'Sample' })).toEqual({ ok: true, output: 'No matches.' })
})

test('a search is for plain text, with path, glob and case as asked', async () => {
  const { call } = bench()
  const hit = 'src/a.ts:1: export const add = (a: number, b: number) => a - b'
  expect(await call('search_codebase', { pattern: '(a: number' })).toEqual({ ok: true, output: hit })
  expect(await call('search_codebase', { pattern: 'EXPORT CONST ADD', ignoreCase: true })).toEqual({
    ok: true,
    output: hit,
  })
  expect(await call('search_codebase', { pattern: 'EXPORT' })).toEqual({ ok: true, output: 'No matches.' })
  expect(await call('search_codebase', { pattern: 'export', path: 'README.md' })).toEqual({
    ok: true,
    output: 'No matches.',
  })
  expect(await call('search_codebase', { pattern: 'export', glob: 'src/c*.ts' })).toEqual({
    ok: true,
    output: 'src/café.ts:1: export {}',
  })
  expect(await call('search_codebase', { pattern: 'export', limit: 1 })).toEqual({
    ok: true,
    output: `${hit}\n[more than 1 matches; narrow the pattern or the path]`,
  })
})

test('a regular expression is matched line by line in a thread of its own', async () => {
  const { call } = bench()
  expect(await call('search_codebase', { pattern: '^export const (one|two)\\b', regex: true })).toEqual({
    ok: true,
    output: 'src/a.ts:2: export const one = 1',
  })
  expect(await call('search_codebase', { pattern: '(', regex: true })).toMatchObject({
    ok: false,
    output: expect.stringContaining('not a regular expression'),
  })
  expect(await call('search_codebase', { pattern: 'export', regex: true, limit: 1 })).toMatchObject({
    output: expect.stringContaining('[more than 1 matches'),
  })
})

test('a pattern that explodes ends at its time limit and holds up nobody meanwhile (FS-036)', async () => {
  const { call } = bench()
  const { call: other } = bench()
  const started = performance.now()
  const slow = call('search_codebase', { pattern: '^(a+)+$', regex: true })
  let beats = 0
  const heart = setInterval(() => beats++, 20)
  expect(await other('read_files', { paths: ['README.md'] })).toMatchObject({ ok: true })
  expect(performance.now() - started).toBeLessThan(1500)
  expect(await slow).toMatchObject({ ok: false, denied: { code: 'timeout' } })
  clearInterval(heart)
  expect(performance.now() - started).toBeLessThan(4000)
  expect(beats).toBeGreaterThan(10)
})

test('links, pipes and binary files are passed over by a search', async () => {
  const { call, place } = bench()
  mkdirSync(join(place.root, 'bin'))
  writeFileSync(join(place.root, 'bin/x'), Buffer.from('TOPSECRET\0'))
  expect(await call('search_codebase', { pattern: 'TOPSECRET', path: 'outfile.txt' })).toMatchObject({
    denied: { code: 'symlink' },
  })
  expect(await call('search_codebase', { pattern: 'ref: refs', path: 'link-git' })).toMatchObject({
    denied: { code: 'protected-path' },
  })
  expect((await call('search_codebase', { pattern: 'TOPSECRET' })).output).not.toContain('bin/x')
})

test('git is seen through the port alone', async () => {
  const { call, place } = bench()
  writeFileSync(join(place.root, 'README.md'), '# Changed\n')
  expect((await call('git_status', {})).output).toContain('modified README.md')
  expect((await call('git_diff', {})).output).toContain('+# Changed')
  expect((await call('git_log', { count: 1 })).output).toMatch(/^[0-9a-f]+ start\n$/)
  const { call: asReviewer } = openBench(reviewer, place, { changes: async () => 'the diff under review' })
  expect(await asReviewer('git_diff', {})).toEqual({ ok: true, output: 'the diff under review' })
})
