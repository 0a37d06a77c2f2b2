import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { gitWorkspaces } from '../../../../adapters/workspaces/git.ts'
import { removeTemporary, writeFiles } from '../repository.ts'

import { begin, change } from '../world.ts'

afterAll(removeTemporary)

describe("the person's checkout", () => {
  test('line endings are as their settings want them, in files that land and in what counts as clean', async () => {
    const { person, base, workspaces } = await begin({
      '.gitattributes': '*.txt text\n*.bat text eol=crlf\n',
      'a.txt': 'one\n',
      'b.bat': 'two\n',
      'c.txt': 'three\n',
    })
    person.git('config', 'core.autocrlf', 'true')
    rmSync(join(person.path, 'c.txt'))
    person.git('checkout', '--quiet', '--', '.')
    expect(readFileSync(join(person.path, 'c.txt'), 'utf8')).toBe('three\r\n')
    utimesSync(join(person.path, 'c.txt'), 5, 5)
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n', 'b.bat': 'TWO\n' })
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    expect(readFileSync(join(person.path, 'a.txt'), 'utf8')).toBe('ONE\r\n')
    expect(readFileSync(join(person.path, 'b.bat'), 'utf8')).toBe('TWO\r\n')
    expect(person.git('status', '--porcelain')).toBe('')
  })

  test('an unfinished merge, a stopped rebase and a running git command all park the landing', async () => {
    const { person, base, workspaces } = await begin()
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n' })
    const dirty = (file: string) => ({ status: 'dirty', checkout: person.path, files: [file] })
    writeFileSync(join(person.path, '.git/MERGE_HEAD'), `${base}\n`)
    expect(await workspaces.land('main', base, to)).toEqual(dirty('.git/MERGE_HEAD'))
    unlinkSync(join(person.path, '.git/MERGE_HEAD'))
    writeFiles(person.path, { '.git/rebase-merge/head-name': 'refs/heads/main\n' })
    person.git('checkout', '--quiet', '--detach')
    expect(await workspaces.land('main', base, to)).toEqual(dirty('.git/rebase'))
    rmSync(join(person.path, '.git/rebase-merge'), { recursive: true })
    person.git('switch', '--quiet', 'main')
    const lock = join(person.path, '.git/index.lock')
    writeFileSync(lock, '')
    expect(await workspaces.land('main', base, to)).toEqual(dirty('.git/index.lock'))
    expect(readFileSync(lock, 'utf8')).toBe('')
    setTimeout(() => unlinkSync(lock), 300)
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
  })

  test('an edit in the same second as the checkout, of the same size, is seen a second later', async () => {
    const { person, base, workspaces } = await begin({ 'a.txt': 'one\n', 'b.txt': 'two\n' })
    const to = await change(workspaces, 'w', base, { 'b.txt': 'TWO\n' })
    for (let turn = 0; turn < 2; turn++) {
      rmSync(join(person.path, 'a.txt'))
      // At the beginning of a second, so that the edit falls into the same one.
      await sleep(1_010 - (Date.now() % 1_000))
      person.git('reset', '--quiet', '--hard')
      person.write({ 'a.txt': 'eno\n' })
      await sleep(1_100)
      expect(await workspaces.land('main', base, to)).toEqual({
        status: 'dirty',
        checkout: person.path,
        files: ['a.txt'],
      })
    }
  })

  test('of two that move a branch at the same time, the second finds it moved', async () => {
    const { person, base, home } = await begin()
    const theirs = person.git('commit-tree', '-p', base, '-m', 'theirs', `${base}^{tree}`)
    // A git that is a moment late: the branch moves just before it does so.
    const late = `#!/bin/sh\ncase " $* " in *" update-ref -m "*) git --git-dir=${person.path}/.git update-ref refs/heads/main ${theirs};; esac\nexec git "$@"\n`
    writeFiles(person.folder, { git: { run: late } })
    const workspaces = await gitWorkspaces({ root: person.path, home, bin: join(person.folder, 'git') })
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n' })
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'moved', tip: theirs })
    expect(person.git('rev-parse', 'main')).toBe(theirs)
    expect(person.git('status', '--porcelain')).toBe('')
  })

  test('where the files cannot follow, the branch goes back', async () => {
    const { person, base, workspaces } = await begin({ 'a.txt': 'one\n', 'deep/x.txt': '1\n', 'z.txt': '1\n' })
    const linked = join(person.folder, 'linked')
    person.git('worktree', 'add', '--quiet', '--force', linked, 'main')
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n', 'deep/x.txt': '2\n', 'z.txt': '2\n' })
    // Not even root writes to an immutable file; others need no more than a folder's permissions.
    const root = process.getuid?.() === 0
    const block = (on: boolean) =>
      root
        ? execFileSync('chattr', [on ? '+i' : '-i', join(linked, 'deep/x.txt')])
        : chmodSync(join(linked, 'deep'), on ? 0o555 : 0o755)
    block(true)
    try {
      await expect(workspaces.land('main', base, to)).rejects.toMatchObject({ code: 'CB_GIT' })
    } finally {
      block(false)
    }
    expect(person.git('rev-parse', 'main')).toBe(base)
    expect(person.git('status', '--porcelain')).toBe('')
    expect(person.gitIn(linked, 'status', '--porcelain')).toBe('')
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    expect(person.gitIn(linked, 'status', '--porcelain')).toBe('')
  })

  test('their garbage collection may run at any time', async () => {
    const { person, base, workspaces } = await begin()
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n' })
    let running = true
    const collecting = (async () => {
      while (running) {
        person.git('gc', '--quiet', '--prune=now')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    running = false
    await collecting
    person.git('gc', '--quiet', '--prune=now')
    expect(person.git('fsck', '--strict')).toBe('')
    expect(readdirSync(join(person.path, '.git/objects/pack')).filter((name) => name.endsWith('.keep'))).toEqual([])
  })
})
