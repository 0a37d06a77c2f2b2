import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openTree } from '../../../core/runtime/tools/tree.ts'

function place() {
  const top = mkdtempSync(join(tmpdir(), 'codeband-tree-'))
  onTestFinished(() => rmSync(top, { recursive: true, force: true }))
  const root = join(top, 'root')
  mkdirSync(join(root, 'd'), { recursive: true })
  writeFileSync(join(top, 'secret'), 'TOPSECRET')
  writeFileSync(join(root, 'd/x'), 'inside')
  return { top, root, tree: openTree(root) }
}

test('without any gate before it, a pipe neither blocks a reader nor takes a write', () => {
  const { root, tree } = place()
  execFileSync('mkfifo', [join(root, 'pipe')])
  expect(tree.readPlain('pipe', 10)).toMatchObject({ code: 'not-regular-file' })
  expect(tree.write('pipe', 'x')).toMatchObject({ code: 'not-regular-file' })
  expect(tree.remove('pipe')).toMatchObject({ code: 'not-regular-file' })
})

test('without any gate before it, links and second names are refused', () => {
  const { top, root, tree } = place()
  symlinkSync('..', join(root, 'up'))
  symlinkSync(join(top, 'secret'), join(root, 'leak'))
  symlinkSync('d/x', join(root, 'inner'))
  linkSync(join(top, 'secret'), join(root, 'second'))
  expect(tree.read('up', 10)).toMatchObject({ code: 'symlink' })
  expect(tree.read('up/secret', 10)).toMatchObject({ code: 'symlink' })
  expect(tree.read('leak', 10)).toMatchObject({ code: 'symlink' })
  expect(tree.read('inner', 10)).toMatchObject({ bytes: Buffer.from('inside'), size: 6 })
  expect(tree.readPlain('leak', 10)).toBe('missing')
  expect(tree.readPlain('up/secret', 10)).toMatchObject({ code: 'symlink' })
  expect(tree.write('up/secret', 'x')).toMatchObject({ code: 'symlink' })
  expect(tree.write('leak', 'x')).toMatchObject({ code: 'symlink' })
  expect(tree.write('second', 'x')).toMatchObject({ code: 'hardlink' })
  expect(tree.write('d/x/y', 'x')).toMatchObject({ code: 'not-regular-file' })
  expect(tree.remove('up/secret')).toMatchObject({ code: 'symlink' })
  expect(readFileSync(join(top, 'secret'), 'utf8')).toBe('TOPSECRET')
})

test('facts name every part, where a link leads, and what lies beside a missing name', () => {
  const { top, root, tree } = place()
  symlinkSync(join(top, 'secret'), join(root, 'leak'))
  symlinkSync('../d', join(root, 'd', 'self'))
  symlinkSync('nowhere', join(root, 'broken'))
  expect(tree.facts('d/x')).toEqual({
    parts: [
      { kind: 'directory', links: expect.any(Number) },
      { kind: 'file', links: 1 },
    ],
    siblings: [],
    leads: { inside: 'd/x' },
  })
  expect(tree.facts('leak')).toMatchObject({ parts: [{ kind: 'symlink' }], leads: 'outside' })
  expect(tree.facts('d/self/self/x').leads).toEqual({ inside: 'd/x' })
  expect(tree.facts('broken').leads).toBe('nowhere')
  const missing = tree.facts('d/new/deep')
  expect({ ...missing, siblings: [...missing.siblings].sort() }).toEqual({
    parts: [{ kind: 'directory', links: expect.any(Number) }, { kind: 'missing' }],
    siblings: ['self', 'x'],
    leads: { inside: 'd/new/deep' },
  })
})
