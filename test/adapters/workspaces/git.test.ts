import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { gitWorkspaces } from '../../../adapters/workspaces/git.ts'
import { workspacesContract } from '../../contracts/workspaces.ts'
import { removeTemporary, repository, temporary, writeFiles } from './repository.ts'

import { at, begin, change, saving, state } from './world.ts'

afterAll(removeTemporary)

workspacesContract('git', repository, ({ path }) => gitWorkspaces({ root: path, home: state() }))

describe('where the repository is', () => {
  test('any path inside leads to its top, none to an error that names it', async () => {
    const person = repository()
    person.commit({ 'deep/er/x': '1' })
    const workspaces = await gitWorkspaces({ root: join(person.path, 'deep/er'), home: state() })
    expect(workspaces.root).toBe(person.path)
    for (const path of [temporary('nothing'), join(person.folder, 'missing')]) {
      await expect(gitWorkspaces({ root: path, home: state() })).rejects.toMatchObject({
        code: 'CB_NOT_A_REPO',
        values: { path },
      })
    }
    await expect(gitWorkspaces({ root: person.path, home: state(), bin: '/no/git' })).rejects.toMatchObject({
      code: 'CB_GIT_VERSION',
    })
  })

  test('a bare repository committed as files is content, not the repository (GR-003)', async () => {
    const person = repository()
    execFileSync('git', ['init', '--quiet', '--bare', join(person.path, 'sub')])
    writeFileSync(join(person.path, 'sub/objects/keep'), '')
    writeFileSync(join(person.path, 'sub/refs/keep'), '')
    person.commit({ 'sub/config': '[core]\n\tbare = true\n\tfsmonitor = touch /tmp/should-not-exist\n' })
    expect((await gitWorkspaces({ root: join(person.path, 'sub'), home: state() })).root).toBe(person.path)
  })

  test('a bare repository of the person works and its branch lands', async () => {
    const { person, base } = await begin()
    const bare = join(person.folder, 'bare.git')
    person.git('clone', '--quiet', '--bare', '.', bare)
    const workspaces = await gitWorkspaces({ root: bare, home: state() })
    expect([workspaces.root, await workspaces.currentBranch(), await workspaces.tip('main')]).toEqual([
      bare,
      'main',
      base,
    ])
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n' })
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    expect(person.gitIn(bare, 'show', 'main:a.txt')).toBe('ONE')
  })

  test('from a linked worktree, its own branch is the current one; landing follows the branch to the worktree that has it', async () => {
    const { person, base } = await begin()
    const linked = join(person.folder, 'linked')
    person.git('worktree', 'add', '--quiet', '-b', 'side', linked)
    const workspaces = await gitWorkspaces({ root: linked, home: state() })
    expect([workspaces.root, await workspaces.currentBranch()]).toEqual([linked, 'side'])
    await workspaces.tip('main')
    const to = await change(workspaces, 'w', base, { 'a.txt': 'ONE\n', 'z.txt': 'z' })
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    expect(person.git('status', '--porcelain')).toBe('')
    expect(person.git('rev-parse', 'HEAD')).toBe(to)
    expect(person.gitIn(linked, 'rev-parse', 'HEAD')).toBe(base)

    const other = await gitWorkspaces({ root: person.path, home: state() })
    await other.tip('side')
    const next = await change(other, 'w', base, { 'y.txt': 'y' })
    writeFileSync(join(linked, 'a.txt'), 'mine')
    expect(await other.land('side', base, next)).toEqual({ status: 'dirty', checkout: linked, files: ['a.txt'] })
    person.gitIn(linked, 'checkout', '--quiet', '--', '.')
    expect(await other.land('side', base, next)).toEqual({ status: 'landed' })
    expect(person.gitIn(linked, 'status', '--porcelain')).toBe('')
    expect(readFileSync(join(linked, 'y.txt'), 'utf8')).toBe('y')
  })

  test('a repository of SHA-256 objects is copied, merged and landed as one', async () => {
    const { workspaces, base, person } = await begin({ 'a.txt': '1' }, ['--object-format=sha256'])
    expect(base).toHaveLength(64)
    const to = await change(workspaces, 'w', base, { 'a.txt': '2' })
    expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    expect(person.git('fsck', '--strict')).toBe('')
    expect(person.git('status', '--porcelain')).toBe('')
  })

  test('a shallow repository can be worked on, deepened and landed in', async () => {
    const { person } = await begin({ a: '1' })
    for (const n of [2, 3, 4]) person.commit({ a: `${n}` })
    const path = join(person.folder, 'shallow')
    person.git('clone', '--quiet', '--depth=2', `file://${person.path}`, path)
    const workspaces = await gitWorkspaces({ root: path, home: state() })
    const base = await workspaces.tip('main')
    const one = await change(workspaces, 'w', base, { b: '1' })
    const two = await change(workspaces, 'v', base, { c: '1' })
    const merged = await workspaces.merge(
      base,
      [one, two].map((commit) => ({ commit, message: 'm', at })),
    )
    if ('conflict' in merged) throw new Error('conflict')
    expect(await workspaces.land('main', base, merged.commit)).toEqual({ status: 'landed' })
    person.gitIn(path, 'fetch', '--quiet', '--unshallow')
    expect(person.gitIn(path, 'fsck')).toBe('')
    person.gitIn(path, 'commit', '--quiet', '--allow-empty', '-m', 'later')
    const next = await workspaces.tip('main')
    expect((await (await workspaces.checkout('w', next)).log(20)).split('\n').length).toBeGreaterThan(4)
    expect(person.gitIn(path, 'status', '--porcelain')).toBe('')
  })

  test('a repository with a submodule works: its place stays empty, and what a worker puts there is named and not saved', async () => {
    const inner = repository()
    const innerCommit = inner.commit({ 'lib.txt': '1' })
    const person = repository()
    person.commit({ 'a.txt': '1' })
    person.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.path, 'sub')
    const base = person.commit({})
    const workspaces = await gitWorkspaces({ root: person.path, home: state() })
    expect(await workspaces.tip('main')).toBe(base)
    const worktree = await workspaces.checkout('w', base)
    expect(readdirSync(join(worktree.path, 'sub'))).toEqual([])
    expect(await worktree.changes()).toEqual([])
    writeFiles(worktree.path, { 'sub/evil.txt': 'x', 'a.txt': '2' })
    execFileSync('git', ['init', '--quiet', join(worktree.path, 'sub')])
    expect(await worktree.changes()).toEqual([
      { path: 'a.txt', status: 'modified', tracked: true },
      { path: 'sub/.git', status: 'added', tracked: false },
      { path: 'sub/evil.txt', status: 'added', tracked: false },
    ])
    const { commit } = (await worktree.save(saving))!
    expect((await workspaces.diff(base, commit)).map(({ path }) => path)).toEqual(['a.txt'])
    await worktree.restore(['sub/.git', 'sub/evil.txt'])
    expect(await worktree.changes()).toEqual([])
    writeFiles(worktree.path, { 'sub/evil.txt': 'x' })
    await workspaces.checkout('w', commit)
    expect(readdirSync(join(worktree.path, 'sub'))).toEqual([])
    expect(await workspaces.land('main', base, commit)).toEqual({ status: 'landed' })
    expect(person.git('status', '--porcelain')).toBe('')
    expect(person.gitIn(join(person.path, 'sub'), 'rev-parse', 'HEAD')).toBe(innerCommit)

    const fromInside = await gitWorkspaces({ root: join(person.path, 'sub'), home: state() })
    expect(fromInside.root).toBe(join(person.path, 'sub'))
    person.gitIn(join(person.path, 'sub'), 'switch', '--quiet', '-C', 'main')
    const tip = await fromInside.tip('main')
    const next = await change(fromInside, 'w', tip, { 'lib.txt': '2' })
    expect(await fromInside.land('main', tip, next)).toEqual({ status: 'landed' })
    expect(person.gitIn(join(person.path, 'sub'), 'status', '--porcelain')).toBe('')
  })
})
