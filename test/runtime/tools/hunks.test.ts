import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readApplyPatch } from '../../../core/runtime/tools/apply-patch.ts'
import { applyHunks } from '../../../core/runtime/tools/hunks.ts'
import { readUnifiedDiff } from '../../../core/runtime/tools/unified-diff.ts'

function apply(content: string, patch: string): string {
  const reading = patch.startsWith('***') ? readApplyPatch(patch) : readUnifiedDiff(patch)
  if (!('files' in reading)) return JSON.stringify(reading)
  const applied = applyHunks(content, reading.files[0]!.hunks)
  return 'problem' in applied ? `problem: ${applied.problem}` : applied.content
}

const unified = (...lines: string[]): string => ['--- a/x', '+++ b/x', ...lines, ''].join('\n')
const patch = (...lines: string[]): string =>
  ['*** Begin Patch', '*** Update File: x', ...lines, '*** End Patch'].join('\n')

test('a diff that git makes is applied to the bytes git means', () => {
  const folder = mkdtempSync(join(tmpdir(), 'codeband-hunks-'))
  const line = fc.constantFrom('a', 'b', '', '-- c', '++ d', '@@ e', ' f', '\\ g', 'a\ta')
  const text = fc
    .tuple(fc.array(line, { maxLength: 30 }), fc.boolean())
    .map(([lines, newline]) => (lines.length === 0 ? '' : lines.join('\n') + (newline ? '\n' : '')))
  try {
    fc.assert(
      fc.property(text, text, fc.nat(3), (before, after, context) => {
        fc.pre(before !== after && before !== '' && after !== '')
        writeFileSync(join(folder, 'a'), before)
        writeFileSync(join(folder, 'b'), after)
        expect(apply(before, diffOf(folder, context))).toBe(after)
      }),
      { numRuns: 150 },
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** Git answers 1 where files differ. */
function diffOf(folder: string, context: number): string {
  const script = `git diff --no-index --no-color -U${context} a b > diff; test $? = 1`
  execFileSync('sh', ['-c', script], { cwd: folder })
  return readFileSync(join(folder, 'diff'), 'utf8').replace('--- a/a', '--- a/x').replace('+++ b/b', '+++ b/x')
}

test('a hunk whose line numbers moved goes to the nearest place it fits', () => {
  const content = ['a', 'x', 'b', 'c', 'd', 'a', 'x', 'b', ''].join('\n')
  expect(apply(content, unified('@@ -5,3 +5,3 @@', ' a', '-x', '+y', ' b'))).toBe('a\nx\nb\nc\nd\na\ny\nb\n')
  expect(apply(content, unified('@@ -2,3 +2,3 @@', ' a', '-x', '+y', ' b'))).toBe('a\ny\nb\nc\nd\na\nx\nb\n')
})

test('old lines that differ by a blank do not fit', () => {
  expect(apply('a\n  b\n', unified('@@ -1,2 +1,2 @@', ' a', '- b', '+c'))).toMatch(
    /^problem: hunk 1 does not fit: its old lines, from 'a'/,
  )
  expect(apply('a\n  b\n', patch(' a', '- b', '+c'))).toMatch(/^problem: hunk 1 does not fit/)
})

test('a file keeps its line ends, and a missing newline at its end stays missing (OK-008)', () => {
  expect(apply('a\r\nb\r\nc', unified('@@ -1,3 +1,3 @@', ' a', '-b', '+B', ' c'))).toBe('a\r\nB\r\nc')
  expect(apply('a\r\nb\r\nc', patch('@@', '-c', '+C'))).toBe('a\r\nb\r\nC')
  expect(apply('a\r\nb\r\nc', patch('@@', ' c', '+d'))).toBe('a\r\nb\r\nc\r\nd')
  expect(apply('a\nb\n', unified('@@ -1,2 +1,2 @@', ' a', '-b', '+B').replaceAll('\n', '\r\n'))).toBe('a\nB\n')
  expect(apply('a\nb', unified('@@ -2 +2 @@', '-b', '\\ No newline at end of file', '+b'))).toBe('a\nb\n')
  expect(apply('a\nb\n', unified('@@ -2 +2 @@', '-b', '+b', '\\ No newline at end of file'))).toBe('a\nb')
})

test('a line that the patch ends without a newline fits no line that has one', () => {
  const bare = unified('@@ -1 +1 @@', '-b', '\\ No newline at end of file', '+c')
  expect(apply('b\n', bare)).toMatch(/^problem: hunk 1 does not fit/)
  expect(apply('b', bare)).toBe('c\n')
})

test('an apply_patch hunk is found after its header lines, in order', () => {
  const content = ['class A', '  def f', '    x', 'class B', '  def f', '    x', ''].join('\n')
  expect(apply(content, patch('@@ class B', '@@ def f', '-    x', '+    y'))).toBe(content.replace(/x\n$/, 'y\n'))
  expect(apply(content, patch('@@ class C', '-    x', '+    y'))).toMatch(
    /names 'class C', which does not come in the file/,
  )
  expect(apply(content, patch('@@', '-    x', '+    1', '@@', '-    x', '+    2'))).toBe(
    content.replace('x', '1').replace('x', '2'),
  )
  expect(apply('x\nx\n', patch('@@', '-x', '+y', '*** End of File'))).toBe('x\ny\n')
  expect(apply('a\n', patch('@@', '+b'))).toBe('a\nb\n')
})

test.each([
  ['no hunk header', unified('-a', '+b')],
  ['too few lines', unified('@@ -1,3 +1,3 @@', ' a', '-b', '+c')],
  ['too many lines', unified('@@ -1 +1 @@', '-a', '+b', '+c')],
  ['no file names', '@@ -1 +1 @@\n-a\n+b\n'],
  ['prose', 'please change a to b'],
  ['both sides nowhere', '--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n'],
  ['a copy', 'diff --git a/x b/y\ncopy from x\ncopy to y\n'],
  ['a new mode', 'diff --git a/x b/x\nold mode 100644\nnew mode 100755\n'],
  ['no end', '*** Begin Patch\n*** Delete File: x'],
  ['a foreign section', '*** Begin Patch\n*** Rename File: x\n*** End Patch'],
  ['an added file with other lines', '*** Begin Patch\n*** Add File: x\nabc\n*** End Patch'],
  ['a hunk that changes nothing', patch('@@', ' a')],
  ['an update of nothing', patch()],
])('a patch that is no patch is a problem in words: %s', (_, text) => {
  const reading = text.startsWith('***') ? readApplyPatch(text) : readUnifiedDiff(text)
  expect(reading).toEqual({ problem: expect.stringMatching(/.{15}/) })
})

test.each([
  ['a symbolic link', 'diff --git a/l b/l\nnew file mode 120000\n', 'symlink'],
  ['a submodule', 'diff --git a/l b/l\nnew file mode 160000\n', 'symlink'],
  ['a binary patch', 'diff --git a/l b/l\nGIT binary patch\n', 'payload'],
  ['ten thousand hunks', `--- a/x\n+++ b/x\n${'@@ -1 +1 @@\n-a\n+b\n'.repeat(10_000)}`, 'payload'],
  ['a thousand files', '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n'.repeat(1000), 'payload'],
])('a patch with %s is denied', (_, text, code) =>
  expect(readUnifiedDiff(text)).toMatchObject({ allowed: false, code }),
)

test('names in a diff are read as git writes them', () => {
  const names = (text: string) => {
    const reading = readUnifiedDiff(text)
    return 'files' in reading ? reading.files.map(({ kind, path, to }) => [kind, path, to]) : reading
  }
  const hunk = '@@ -1 +1 @@\n-a\n+b\n'
  expect(names(`--- "a/caf\\303\\251 \\"x\\".ts"\n+++ "b/caf\\303\\251 \\"x\\".ts"\n${hunk}`)).toEqual([
    ['update', 'café "x".ts', undefined],
  ])
  expect(names(`--- x.ts\t2026-01-01 00:00:00\n+++ x.ts\t2026-01-01 00:00:01\n${hunk}`)).toEqual([
    ['update', 'x.ts', undefined],
  ])
  expect(names(`--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n`)).toEqual([['delete', 'x', undefined]])
  expect(names('diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\n')).toEqual([['add', 'x', undefined]])
  expect(names(`diff --git a/x b/y\nrename from x\nrename to y\n--- a/x\n+++ b/y\n${hunk}`)).toEqual([
    ['update', 'x', 'y'],
  ])
})

test('a patch made to be slow is given up', () => {
  const content = 'a\n'.repeat(50_000)
  const hunk = `@@ -1,1001 +1,1001 @@\n${' a\n'.repeat(1000)}-b\n+c\n`
  const started = performance.now()
  expect(apply(content, `--- a/x\n+++ b/x\n${hunk.repeat(50)}`)).toContain('too many places')
  expect(performance.now() - started).toBeLessThan(5000)
})
