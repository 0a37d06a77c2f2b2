import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Worktree } from '../../../core/ports/workspace.ts'
import { at, author, type Worlds, write } from './world.ts'

/** What a command could do to core's own records where no sandbox holds it. */
interface Meddling {
  title: string
  /** The names that the watch gives; `{W}` is the worktree's. */
  names: readonly string[]
  do(store: string, worktree: Worktree, base: string): void
}

const run = (gitDir: string, ...args: string[]): string =>
  execFileSync('git', args, {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH!,
      GIT_DIR: gitDir,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'e',
      GIT_AUTHOR_EMAIL: 'e',
      GIT_COMMITTER_NAME: 'e',
      GIT_COMMITTER_EMAIL: 'e',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim()

const meddlings: readonly Meddling[] = [
  {
    title: 'a setting that runs a program',
    names: ['repo.git/config'],
    do: (store) => appendFileSync(join(store, 'config'), '[core]\n\tfsmonitor = touch /tmp/canary\n'),
  },
  {
    title: 'settings that git cannot read',
    names: ['repo.git/config'],
    do: (store) => writeFileSync(join(store, 'config'), '[core\n'),
  },
  {
    title: 'settings of a worktree',
    names: ['repo.git/config.worktree', 'repo.git/worktrees/{W}/config.worktree'],
    do(store, { path }) {
      for (const folder of [store, join(store, 'worktrees', basename(path))])
        writeFileSync(join(folder, 'config.worktree'), '[core]\n\thooksPath = /tmp\n')
    },
  },
  {
    title: 'a hook',
    names: ['repo.git/hooks'],
    do(store) {
      mkdirSync(join(store, 'hooks'))
      writeFileSync(join(store, 'hooks/reference-transaction'), '#!/bin/sh\n', { mode: 0o755 })
    },
  },
  {
    title: 'attributes, excludes and alternates',
    names: ['repo.git/info/attributes', 'repo.git/info/exclude', 'repo.git/objects/info/alternates'],
    do(store) {
      writeFileSync(join(store, 'info/attributes'), '* filter=evil\n')
      writeFileSync(join(store, 'info/exclude'), '*\n')
      writeFileSync(join(store, 'objects/info/alternates'), '/tmp\n')
    },
  },
  {
    title: 'a folder in the place of the attributes',
    names: ['repo.git/info/attributes'],
    do(store) {
      rmSync(join(store, 'info/attributes'))
      mkdirSync(join(store, 'info/attributes'))
    },
  },
  {
    title: 'a branch, a symbolic ref and a ref that lies about its commit',
    names: ['refs/codeband/tips/evil', 'refs/heads/evil', 'refs/heads/link', `refs/codeband/keep/${'1'.repeat(40)}`]
      .map((name) => `repo.git/${name}`)
      .sort(),
    do(store, _, base) {
      run(store, 'update-ref', 'refs/heads/evil', base)
      run(store, 'update-ref', 'refs/codeband/tips/evil', base)
      run(store, 'update-ref', `refs/codeband/keep/${'1'.repeat(40)}`, base)
      run(store, 'symbolic-ref', 'refs/heads/link', 'refs/heads/evil')
    },
  },
  {
    title: 'attributes of three gigabytes of holes',
    names: ['repo.git/info/attributes'],
    do: (store) => truncateSync(join(store, 'info/attributes'), 3 * 1024 ** 3),
  },
  {
    title: 'a packed ref',
    names: ['repo.git/packed-refs'],
    do: (store, _, base) => writeFileSync(join(store, 'packed-refs'), `${base} refs/heads/evil\n`),
  },
  {
    title: 'packed refs that git cannot read',
    names: ['repo.git/packed-refs'],
    do: (store) => writeFileSync(join(store, 'packed-refs'), 'evil\n'),
  },
  {
    title: 'HEAD of the store',
    names: ['repo.git/HEAD'],
    do: (store) => writeFileSync(join(store, 'HEAD'), 'ref: refs/heads/evil\n'),
  },
]

export function recordCases(name: string, { begin }: Pick<Worlds, 'begin'>): void {
  describe(`${name}: core's own records`, () => {
    test.each(meddlings.map((one) => [one.title, one] as const))('%s is told once, and put right', async (_, one) => {
      const { workspaces, base } = await begin()
      const worktree = await workspaces.checkout('w', base)
      const since = await worktree.watch()
      one.do(workspaces.store, worktree, base)
      expect([...(await since())].sort()).toEqual(one.names.map((told) => told.replace('{W}', 'w')))
      expect(await (await worktree.watch())()).toEqual([])
      expect(existsSync(join(workspaces.store, 'hooks'))).toBe(false)
      expect(run(workspaces.store, 'config', '--get-regexp', '^core\\.(fsmonitor|hookspath)$')).toBe(
        'core.hookspath /dev/null',
      )
      expect(run(workspaces.store, 'for-each-ref', '--format=%(refname)')).not.toMatch(/evil|link|1111111/)
    })

    test('what a process that was killed could not look at is gone before the next turn, and nobody is blamed', async () => {
      const { workspaces, base } = await begin()
      const { store } = workspaces
      appendFileSync(join(store, 'config'), '[core]\n\tfsmonitor = touch /tmp/canary\n[filter "x"]\n\tclean = evil\n')
      mkdirSync(join(store, 'hooks'))
      writeFileSync(join(store, 'info/exclude'), '*\n')
      run(store, 'update-ref', 'refs/heads/evil', base)
      mkdirSync(join(store, 'refs/codeband/keep'), { recursive: true })
      writeFileSync(join(store, 'refs/codeband/keep', base), 'evil\n')
      const worktree = await workspaces.checkout('w', base)
      expect(await (await worktree.watch())()).toEqual([])
      expect(run(store, 'config', '--list', '--local', '--name-only')).not.toMatch(/fsmonitor|filter/)
      expect(existsSync(join(store, 'hooks')) || existsSync(join(store, 'info/exclude'))).toBe(false)
      await workspaces.keep(base)
      expect(run(store, 'for-each-ref', '--format=%(refname)')).not.toContain('evil')
    })

    test('a lost ref is told and comes back', async () => {
      const { workspaces, base } = await begin()
      const worktree = await workspaces.checkout('w', base)
      await workspaces.keep(base)
      const before = run(workspaces.store, 'show-ref')
      const since = await worktree.watch()
      for (const line of before.split('\n')) run(workspaces.store, 'update-ref', '-d', line.split(' ')[1]!)
      expect(await since()).toHaveLength(2)
      expect(run(workspaces.store, 'show-ref')).toBe(before)
    })

    test('a file or a folder in the place of a ref is told once, and the ref comes back', async () => {
      const { workspaces, base } = await begin()
      const { store } = workspaces
      const worktree = await workspaces.checkout('w', base)
      await workspaces.keep(base)
      const before = run(store, 'show-ref')
      const [kept, tip] = before.split('\n').map((line) => line.split(' ')[1]!)
      const since = await worktree.watch()
      writeFileSync(join(store, kept!), 'evil\n')
      rmSync(join(store, tip!))
      mkdirSync(join(store, tip!, 'deep'), { recursive: true })
      writeFileSync(join(store, tip!, 'deep/er'), 'evil\n')
      expect([...(await since())].sort()).toEqual(
        [kept, tip, `${tip}/deep/er`].map((name) => `repo.git/${name}`).sort(),
      )
      expect(run(store, 'show-ref')).toBe(before)
      expect(await (await worktree.watch())()).toEqual([])
    })

    test('a commit made past core is told, and what it held counts as changed', async () => {
      const { workspaces, base } = await begin({ 'a.txt': 'one\n', '.npmrc': 'audit=false\n' })
      const worktree = await workspaces.checkout('w', base)
      const since = await worktree.watch()
      write(worktree.path, '.npmrc', 'registry=https://evil.invalid\n')
      run(join(workspaces.store, 'worktrees/w'), '--work-tree', worktree.path, 'commit', '-qam', 'past core')
      expect(await since()).toEqual(['repo.git/worktrees/w/HEAD'])
      expect(await worktree.changes()).toEqual([{ path: '.npmrc', status: 'modified', tracked: true }])
      expect(readFileSync(join(workspaces.store, 'worktrees/w/HEAD'), 'utf8')).toBe(`${base}\n`)
    })

    test('a file hidden in the index is seen again, and a mere look of git at it is no offence', async () => {
      const { workspaces, base } = await begin()
      const worktree = await workspaces.checkout('w', base)
      const admin = join(workspaces.store, 'worktrees/w')
      const since = await worktree.watch()
      run(admin, '--work-tree', worktree.path, 'update-index', '--skip-worktree', 'a.txt')
      run(admin, '--work-tree', worktree.path, 'status')
      write(worktree.path, 'a.txt', 'hidden\n')
      expect(await since()).toEqual([])
      expect(await worktree.changes()).toEqual([{ path: 'a.txt', status: 'modified', tracked: true }])
      expect(await worktree.save({ message: 'seen\n', author, at })).toMatchObject({ commit: expect.any(String) })
    })

    test('every watch that was open tells it; what core does meanwhile is no offence', async () => {
      const { workspaces, base, person } = await begin()
      const one = await workspaces.checkout('one', base)
      const two = await workspaces.checkout('two', base)
      const [sinceOne, sinceTwo] = [await one.watch(), await two.watch()]
      write(two.path, 'a.txt', 'two\n')
      await two.save({ message: 'two\n', author, at })
      const next = person.commit({ 'c.txt': 'three\n' })
      expect(await workspaces.tip('main')).toBe(next)
      await Promise.all(Array.from({ length: 4 }, (_, n) => workspaces.checkout(`w${n}`, next)))
      run(workspaces.store, 'update-ref', 'refs/heads/evil', base)
      expect(await sinceTwo()).toEqual(['repo.git/refs/heads/evil'])
      expect(await sinceOne()).toEqual(['repo.git/refs/heads/evil'])
    })
  })
}
