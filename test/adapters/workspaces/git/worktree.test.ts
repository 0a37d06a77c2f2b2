import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { removeTemporary, snapshot, temporary, writeFiles } from '../repository.ts'

import { begin, saving } from '../world.ts'

afterAll(removeTemporary)

describe('what a process leaves in a worktree', () => {
  test('names of any bytes come back as they were', async () => {
    const { workspaces, base, person } = await begin()
    const worktree = await workspaces.checkout('w', base)
    const raw = Buffer.concat([
      Buffer.from(`${worktree.path}/`),
      Buffer.from([0x66, 0xff, 0xe4, 0x2e, 0xed, 0xa0, 0x80]),
    ])
    writeFileSync(raw, '1')
    const odd = [
      'line\nfeed',
      'tab\tquote"',
      ' lead and trail ',
      '-dash',
      '*',
      ':(top)x',
      '[a]',
      '\u00e9',
      'e\u0301',
      'A.TXT',
      '\ufffd',
      '#x',
    ]
    for (const name of odd) writeFileSync(join(worktree.path, name), name)
    const names = (await worktree.changes()).map(({ path }) => path)
    expect(names).toEqual([...odd, 'f\udcff\udce4.\udced\udca0\udc80'].sort())
    const { commit } = (await worktree.save(saving))!
    expect(await worktree.changes()).toEqual([])
    expect((await workspaces.diff(base, commit)).map(({ path }) => path).sort()).toEqual(names)
    writeFileSync(raw, '2')
    unlinkSync(join(worktree.path, 'line\nfeed'))
    await worktree.restore((await worktree.changes()).map(({ path }) => path))
    expect(await worktree.changes()).toEqual([])
    expect(readFileSync(raw, 'utf8')).toBe('1')
    expect(await workspaces.land('main', base, commit)).toEqual({ status: 'landed' })
    expect(person.git('status', '--porcelain')).toBe('')
  })

  test('a `.git` of its own is named wherever it lies and never becomes part of a commit', async () => {
    const { workspaces, base } = await begin()
    const worktree = await workspaces.checkout('w', base)
    const { path } = worktree
    for (const folder of ['src', 'fresh', 'fresh/deeper']) {
      mkdirSync(join(path, folder), { recursive: true })
      execFileSync('git', ['init', '--quiet', join(path, folder)])
    }
    writeFiles(path, {
      'fresh/work.txt': '1',
      'fresh/deeper/more.txt': '2',
      'junk/.git': 'not even a repository',
      'x/.GIT/config': '1',
      'git~1': '1',
    })
    execFileSync('git', ['-C', join(path, 'fresh/deeper'), 'add', '.'])
    execFileSync('git', [
      '-C',
      join(path, 'fresh/deeper'),
      '-c',
      'user.name=w',
      '-c',
      'user.email=w',
      'commit',
      '-qm',
      'x',
    ])
    const strange = ['fresh/.git', 'fresh/deeper/.git', 'git~1', 'src/.git', 'x/.GIT/config']
    const seen = (await worktree.changes()).map((one) => one.path)
    expect(seen.filter((name) => /git/i.test(name) && !name.startsWith('junk'))).toEqual(strange)
    expect(seen).toEqual(expect.arrayContaining(['fresh/work.txt', 'fresh/deeper/more.txt']))
    const { commit } = (await worktree.save(saving))!
    expect((await workspaces.diff(base, commit)).map((one) => [one.path, one.newMode])).toEqual([
      ['fresh/deeper/more.txt', '100644'],
      ['fresh/work.txt', '100644'],
    ])
    expect((await worktree.changes()).map((one) => one.path)).toEqual(strange)
    await worktree.restore(strange)
    expect(await worktree.changes()).toEqual([])
  })

  test('its own `.git` file is not believed: changed, it is a change; used again, it is as it was (GR-002)', async () => {
    const { workspaces, base } = await begin()
    const worktree = await workspaces.checkout('w', base)
    const pointer = join(worktree.path, '.git')
    const before = readFileSync(pointer, 'utf8')
    const canary = join(temporary('canary'), 'fired')
    execFileSync('git', ['init', '--quiet', '--bare', join(worktree.path, 'evil.git')])
    writeFiles(worktree.path, {
      'evil.git/config': `[core]\n\tbare = false\n\tworktree = ..\n\tfsmonitor = touch ${canary}; false\n`,
    })
    writeFileSync(pointer, 'gitdir: ./evil.git\n')
    expect(await worktree.changes()).toContainEqual({ path: '.git', status: 'modified', tracked: true })
    await worktree.patch()
    await worktree.restore(['.git'])
    expect(readFileSync(pointer, 'utf8')).toBe(before)
    for (const spoil of [
      () => unlinkSync(pointer),
      () => {
        unlinkSync(pointer)
        mkdirSync(join(pointer, 'hooks'), { recursive: true })
      },
      () => {
        rmSync(pointer, { recursive: true })
        symlinkSync('/etc/passwd', pointer)
      },
    ]) {
      spoil()
      expect((await worktree.changes())[0]).toEqual({ path: '.git', status: 'modified', tracked: true })
      await workspaces.checkout('w', base)
      expect(readFileSync(pointer, 'utf8')).toBe(before)
      expect(await worktree.changes()).toEqual([])
    }
    expect(existsSync(canary)).toBe(false)
    expect(readFileSync('/etc/passwd', 'utf8')).toContain('root')
    expect(execFileSync('git', ['log', '--format=%s'], { cwd: worktree.path, encoding: 'utf8' })).toBe('a commit\n')
  })

  test('links that lead out are content; nothing is read, written or removed through them', async () => {
    const { workspaces, base } = await begin({ 'a.txt': '1', 'dir/b.txt': '2' })
    const outside = temporary('outside')
    writeFiles(outside, { 'b.txt': 'theirs', 'secret.txt': 'secret' })
    const worktree = await workspaces.checkout('w', base)
    const { path } = worktree
    rmSync(join(path, 'dir'), { recursive: true })
    symlinkSync(outside, join(path, 'dir'))
    symlinkSync(join(outside, 'secret.txt'), join(path, 'leak'))
    expect((await worktree.changes()).map((one) => one.path)).toEqual(['dir', 'dir/b.txt', 'leak'])
    expect(await worktree.patch()).not.toContain('theirs')
    await worktree.restore(['dir/secret.txt', '../outside', 'dir/../../x', '/etc/hostname'])
    expect(snapshot(outside)).toHaveProperty('secret.txt')
    const { commit } = (await worktree.save(saving))!
    expect((await workspaces.diff(base, commit)).map((one) => [one.path, one.newMode])).toEqual([
      ['dir', '120000'],
      ['dir/b.txt', '000000'],
      ['leak', '120000'],
    ])
    const before = snapshot(outside)
    await workspaces.checkout('w', base)
    await worktree.restore(['dir/b.txt'])
    expect(snapshot(outside)).toEqual(before)
    expect(readFileSync(join(path, 'dir/b.txt'), 'utf8')).toBe('2')
  })

  test('pipes, and files and folders without permission, hold nobody up', async () => {
    const { workspaces, base } = await begin({ 'a.txt': '1', 'dir/b.txt': '2', 'dir/sub/c.txt': '3', 'd.txt': '4' })
    const worktree = await workspaces.checkout('w', base)
    const { path } = worktree
    const lock = () => {
      for (const name of ['locked/in', 'locked', 'd.txt', 'dir/sub', 'dir']) chmodSync(join(path, name), 0)
    }
    unlinkSync(join(path, 'a.txt'))
    execFileSync('mkfifo', [join(path, 'a.txt'), join(path, 'dir/pipe')])
    writeFiles(path, { 'locked/in/x': '1', 'd.txt': 'four', 'dir/sub/c.txt': 'three' })
    lock()
    expect(await worktree.changes()).toEqual([
      { path: 'a.txt', status: 'deleted', tracked: true },
      { path: 'd.txt', status: 'modified', tracked: true },
      { path: 'dir/sub/c.txt', status: 'modified', tracked: true },
      { path: 'locked/in/x', status: 'added', tracked: false },
    ])
    lock()
    expect(await worktree.patch()).toContain('+three')
    lock()
    await worktree.restore(['locked/in/x'])
    expect(existsSync(join(path, 'locked/in/x'))).toBe(false)
    mkdirSync(join(path, 'locked/in'), { recursive: true })
    lock()
    await workspaces.checkout('w', base)
    expect(Object.keys(snapshot(path))).toEqual(['.git', 'a.txt', 'd.txt', 'dir/b.txt', 'dir/sub/c.txt'])
  })

  test('a change that keeps size and time is seen', async () => {
    const { workspaces, base } = await begin({ 'a.txt': '1' })
    const worktree = await workspaces.checkout('w', base)
    const file = join(worktree.path, 'a.txt')
    const { atime, mtime } = statSync(file)
    writeFileSync(file, '2')
    utimesSync(file, atime, mtime)
    expect((await worktree.changes()).map((one) => one.path)).toEqual(['a.txt'])
    expect(await worktree.patch()).toContain('+2')
    await workspaces.checkout('w', base)
    expect(readFileSync(file, 'utf8')).toBe('1')
  })

  test('a name that is no worker is refused before anything is made', async () => {
    const { workspaces, base, home } = await begin()
    for (const name of ['../x', 'a/b', '', '-x', '.git']) {
      await expect(workspaces.checkout(name, base)).rejects.toMatchObject({ code: 'CB_INTERNAL' })
    }
    for (const commit of ['main', 'HEAD', '--all', base.slice(0, 8)]) {
      await expect(workspaces.checkout('w', commit)).rejects.toMatchObject({ code: 'CB_INTERNAL' })
      await expect(workspaces.land('main', commit, base)).rejects.toMatchObject({ code: 'CB_INTERNAL' })
    }
    expect(readdirSync(home).sort()).toEqual(
      ['repo.git', 'tmp', 'worktrees'].filter((name) => existsSync(join(home, name))),
    )
  })
})
