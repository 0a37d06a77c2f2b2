import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { saving, type Worlds, write } from './world.ts'

/** A worker's files. */
export function worktreeCases(name: string, { begin }: Worlds): void {
  describe(`${name}: a worktree`, () => {
    test('holds exactly the commit: bytes, line endings, modes and links', async () => {
      const { workspaces, base } = await begin({
        '.gitattributes': '*.txt text eol=crlf\n*.k ident\n*.u working-tree-encoding=UTF-16\n',
        'lf.txt': 'a\nb\n',
        'crlf.bin': 'a\r\nb\r\n',
        'id.k': '$Id$\n',
        'run.sh': { run: '#!/bin/sh\n' },
        link: { link: '/etc/hostname' },
        'deep/er/x': Buffer.from([0, 255, 13, 10]),
      })
      const { path, commit, ...worktree } = await workspaces.checkout('coder-codex-0', base)
      expect(commit).toBe(base)
      expect(readFileSync(join(path, 'lf.txt'), 'utf8')).toBe('a\nb\n')
      expect(readFileSync(join(path, 'crlf.bin'), 'utf8')).toBe('a\r\nb\r\n')
      expect(readFileSync(join(path, 'id.k'), 'utf8')).toBe('$Id$\n')
      expect(readFileSync(join(path, 'deep/er/x'))).toEqual(Buffer.from([0, 255, 13, 10]))
      expect(lstatSync(join(path, 'run.sh')).mode & 0o111).toBe(0o111)
      expect(readlinkSync(join(path, 'link'))).toBe('/etc/hostname')
      expect(await worktree.changes()).toEqual([])
      expect(await worktree.save(saving)).toBeUndefined()
      expect(await worktree.patch()).toBe('')
      expect(await worktree.files()).toEqual([
        '.gitattributes',
        'crlf.bin',
        'deep/er/x',
        'id.k',
        'lf.txt',
        'link',
        'run.sh',
      ])
    })

    test('is put back whole when it is used again, whatever the last use left', async () => {
      const { workspaces, base, person } = await begin({
        '.gitignore': 'out/\n',
        'a.txt': '1',
        'src/b.txt': '2',
        'src/c/d.txt': '3',
      })
      const { path } = await workspaces.checkout('w', base)
      write(path, 'a.txt', 'changed')
      rmSync(join(path, 'src'), { recursive: true })
      writeFileSync(join(path, 'src'), 'a file now')
      write(path, 'out/built', 'ignored')
      write(path, 'stray/deep/file', 'untracked')
      write(path, 'nested/.git/HEAD', 'ref: refs/heads/main\n')
      const next = person.commit({ 'e.txt': '5' })
      await workspaces.tip('main')
      const again = await workspaces.checkout('w', next)
      expect(again.path).toBe(path)
      expect(again.commit).toBe(next)
      expect(await again.changes()).toEqual([])
      expect(await again.files()).toEqual(['.gitignore', 'a.txt', 'e.txt', 'src/b.txt', 'src/c/d.txt'])
      expect(existsSync(join(path, 'out'))).toBe(false)
      expect(existsSync(join(path, 'stray'))).toBe(false)
      expect(existsSync(join(path, 'nested'))).toBe(false)
      expect(readFileSync(join(path, 'src/b.txt'), 'utf8')).toBe('2')
    })

    test('keeps ignored files when asked to, and only those', async () => {
      const { workspaces, base } = await begin({ '.gitignore': 'node_modules/\n*.o\n', 'a.txt': '1' })
      const { path } = await workspaces.checkout('w', base)
      write(path, 'node_modules/x/.git/HEAD', 'of a dependency')
      write(path, 'lib/a.o', 'object')
      write(path, 'lib/stray.txt', 'stray')
      write(path, 'other.txt', 'stray')
      await workspaces.checkout('w', base, { keepIgnored: true })
      expect(existsSync(join(path, 'node_modules/x/.git/HEAD'))).toBe(true)
      expect(existsSync(join(path, 'lib/a.o'))).toBe(true)
      expect(existsSync(join(path, 'lib/stray.txt'))).toBe(false)
      expect(existsSync(join(path, 'other.txt'))).toBe(false)
      await workspaces.checkout('w', base)
      expect(existsSync(join(path, 'node_modules'))).toBe(false)
      expect(existsSync(join(path, 'lib'))).toBe(false)
    })

    test('of twenty workers at once each gets its own, whole', async () => {
      const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`d${n % 7}/f${n}.txt`, `${n}\n`]))
      const { workspaces, base } = await begin(many)
      const all = await Promise.all(Array.from({ length: 20 }, (_, n) => workspaces.checkout(`coder-codex-${n}`, base)))
      expect(new Set(all.map(({ path }) => path)).size).toBe(20)
      const saved = await Promise.all(
        all.map((one, n) => {
          write(one.path, 'mine.txt', `${n}`)
          return one.save({ ...saving, message: `of ${n}` })
        }),
      )
      expect(new Set(saved.map((one) => one!.commit)).size).toBe(20)
      for (const one of all) expect(await one.changes()).toEqual([])
    })

    test('names every change once, by what happened to it', async () => {
      const { workspaces, base } = await begin({
        '.gitignore': '*.log\n',
        'gone.txt': 'unlike any other\n',
        'kept.txt': '2',
        'edited.txt': '3',
        'mode.sh': '4',
        'was-file': '5',
        'dir/inside.txt': '6',
      })
      const worktree = await workspaces.checkout('w', base)
      const { path } = worktree
      rmSync(join(path, 'gone.txt'))
      writeFileSync(join(path, 'edited.txt'), 'three')
      chmodSync(join(path, 'mode.sh'), 0o755)
      rmSync(join(path, 'was-file'))
      symlinkSync('/nowhere', join(path, 'was-file'))
      rmSync(join(path, 'dir'), { recursive: true })
      writeFileSync(join(path, 'dir'), 'a file')
      write(path, 'new/one.txt', '1')
      write(path, 'new/two.txt', '2')
      write(path, 'x.log', 'ignored')
      expect(await worktree.changes()).toEqual([
        { path: 'dir', status: 'added', tracked: false },
        { path: 'dir/inside.txt', status: 'deleted', tracked: true },
        { path: 'edited.txt', status: 'modified', tracked: true },
        { path: 'gone.txt', status: 'deleted', tracked: true },
        { path: 'mode.sh', status: 'modified', tracked: true },
        { path: 'new/one.txt', status: 'added', tracked: false },
        { path: 'new/two.txt', status: 'added', tracked: false },
        { path: 'was-file', status: 'type-changed', tracked: true },
      ])
      expect(await worktree.files()).toEqual([
        '.gitignore',
        'dir',
        'edited.txt',
        'kept.txt',
        'mode.sh',
        'new/one.txt',
        'new/two.txt',
        'was-file',
      ])
      const patch = await worktree.patch()
      expect(patch).toContain('+three')
      expect(patch).toContain('new mode 100755')
      const cut = await worktree.patch(200)
      expect(Buffer.byteLength(cut)).toBeLessThan(240)
      expect(cut).toContain('cut at 200 bytes')
      const saved = (await worktree.save(saving))!
      expect(await worktree.changes()).toEqual([])
      expect(worktree.commit).toBe(saved.commit)
      expect(
        (await workspaces.diff(base, saved.commit)).map(({ path: file, status, oldMode, newMode }) => [
          file,
          status,
          oldMode,
          newMode,
        ]),
      ).toEqual([
        ['dir', 'added', '000000', '100644'],
        ['dir/inside.txt', 'deleted', '100644', '000000'],
        ['edited.txt', 'modified', '100644', '100644'],
        ['gone.txt', 'deleted', '100644', '000000'],
        ['mode.sh', 'modified', '100644', '100755'],
        ['new/one.txt', 'added', '000000', '100644'],
        ['new/two.txt', 'added', '000000', '100644'],
        ['was-file', 'type-changed', '100644', '120000'],
      ])
    })

    test('restore puts back what it is told and nothing else', async () => {
      const { workspaces, base } = await begin({ 'a.txt': '1', 'b.txt': '2', 'd/c.txt': '3' })
      const worktree = await workspaces.checkout('w', base)
      const { path } = worktree
      writeFileSync(join(path, 'a.txt'), 'x')
      writeFileSync(join(path, 'b.txt'), 'x')
      rmSync(join(path, 'd'), { recursive: true })
      write(path, 'd', 'in the way')
      write(path, 'new.txt', 'x')
      write(path, 'other.txt', 'x')
      await worktree.restore(['a.txt', 'd/c.txt', 'd', 'new.txt', 'never-there.txt'])
      expect(await worktree.changes()).toEqual([
        { path: 'b.txt', status: 'modified', tracked: true },
        { path: 'other.txt', status: 'added', tracked: false },
      ])
      expect(readFileSync(join(path, 'd/c.txt'), 'utf8')).toBe('3')
    })

    test("what setup left is nobody's change, outlives a kept checkout and goes with a fresh one", async () => {
      const { workspaces, base, person } = await begin({ 'package.json': '{}', 'tool/x.txt': '1' })
      const worktree = await workspaces.checkout('w', base)
      const { path } = worktree
      write(path, 'node_modules/a/index.js', '1')
      write(path, 'node_modules/a/.git/HEAD', 'x')
      write(path, 'tool/cache [1]!#.bin', '1')
      write(path, 'tool/line\nfeed', '1')
      await worktree.settle()
      expect(await worktree.changes()).toEqual([])
      expect(await worktree.files()).toEqual(['package.json', 'tool/x.txt'])
      write(path, 'node_modules/.cache/y', '1')
      write(path, 'tool/work.txt', '1')
      write(path, '.gitignore', '!node_modules\n')
      expect((await worktree.changes()).map(({ path: file }) => file)).toEqual(['.gitignore', 'tool/work.txt'])
      const saved = (await worktree.save(saving))!
      expect((await workspaces.diff(base, saved.commit)).map(({ path: file }) => file)).toEqual([
        '.gitignore',
        'tool/work.txt',
      ])
      const next = person.commit({ more: '1' })
      await workspaces.tip('main')
      const kept = await workspaces.checkout('w', next, { keepIgnored: true })
      expect(existsSync(join(path, 'node_modules/a/index.js'))).toBe(true)
      expect(existsSync(join(path, 'tool/line\nfeed'))).toBe(true)
      expect(existsSync(join(path, 'tool/work.txt'))).toBe(false)
      expect(await kept.changes()).toEqual([])
      await workspaces.checkout('w', next)
      expect(existsSync(join(path, 'node_modules'))).toBe(false)
      write(path, 'node_modules/late.js', '1')
      expect(await kept.changes()).toEqual([{ path: 'node_modules/late.js', status: 'added', tracked: false }])
    })

    test('a saved commit has the author, date and message it was given, one parent, and appears in the log', async () => {
      const { workspaces, base } = await begin()
      const worktree = await workspaces.checkout('w', base)
      write(worktree.path, 'a.txt', 'new')
      const saved = (await worktree.save({ ...saving, message: 'a title\n\nand a body' }))!
      expect(await workspaces.tree(saved.commit)).toBe(saved.tree)
      const log = await worktree.log(5)
      expect(log.split('\n')).toHaveLength(2)
      expect(log.split('\n')[0]).toBe(`${saved.commit.slice(0, 7)} 2026-01-02 coder-codex-0: a title`)
      expect(log.split('\n')[1]).toContain('Ada: a commit')
    })
  })
}
