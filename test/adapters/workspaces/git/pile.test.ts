import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Worktree } from '../../../../core/ports/workspace.ts'
import { removeTemporary, writeFiles } from '../repository.ts'
import { begin, saving } from '../world.ts'

afterAll(removeTemporary)

const limits = { changeFiles: 40, changeMb: 1 }

const flat = (folder: string, count: number): void => {
  mkdirSync(folder, { recursive: true })
  for (let n = 0; n < count; n++) writeFileSync(join(folder, `f${n}`), `${n}`)
}

/** Deeper than any path can name. Node cannot go there; a shell that goes step by step can. */
function dig(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const name = 'd'.repeat(200)
  const script = `for n in $(seq 30); do mkdir ${name} && cd ./${name} || exit 1; done; echo x > hidden`
  execFileSync('bash', ['-c', script], { cwd: folder })
}

interface Pile {
  title: string
  make(path: string): void
  detail: RegExp
}

const files = /^more than 40 new, changed and deleted files \(limits\.changeFiles\)$/
const bytes = /^more than 1 MiB in new and changed files \(limits\.changeMb\)$/
const piles: readonly Pile[] = [
  { title: 'many files in a folder git knows', make: (path) => flat(join(path, 'src'), 41), detail: files },
  { title: 'many files in a new folder', make: (path) => flat(join(path, 'new/er'), 300), detail: files },
  {
    title: 'many files of a repository inside',
    make(path) {
      execFileSync('git', ['init', '--quiet', join(path, 'inner')])
      flat(join(path, 'inner/x'), 41)
    },
    detail: files,
  },
  {
    title: 'more deleted files',
    make: (path) => execFileSync('rm', ['-r', join(path, 'many')]),
    detail: files,
  },
  {
    title: 'one file of holes',
    make(path) {
      writeFileSync(join(path, 'holes'), '')
      truncateSync(join(path, 'holes'), 2 * 1024 ** 3)
    },
    detail: bytes,
  },
  {
    title: 'files that are large together, a known one among them',
    make(path) {
      for (const name of ['a.txt', 'new.bin']) writeFileSync(join(path, name), Buffer.alloc(600_000, name))
    },
    detail: bytes,
  },
  {
    title: 'folders deeper than a path can name',
    make: (path) => dig(join(path, 'deep')),
    detail: /^folders that lie deeper than a path can name$/,
  },
]

const many = Object.fromEntries(Array.from({ length: 41 }, (_, n) => [`many/f${n}`, `${n}\n`]))
const start = () =>
  begin({ '.gitignore': 'ignored/\n*.o\n', 'a.txt': 'one\n', 'src/b.txt': 'two\n', ...many }, [], limits)
const storeOf = (store: string): string => execFileSync('find', [join(store, 'objects')], { encoding: 'utf8' })
const over = (detail: RegExp) => ({
  code: 'CB_CHANGE_LIMIT',
  values: expect.objectContaining({ detail: expect.stringMatching(detail) }),
})
const looks: readonly [string, (worktree: Worktree) => Promise<unknown>][] = [
  ['changes', (worktree) => worktree.changes()],
  ['files', (worktree) => worktree.files()],
  ['patch', (worktree) => worktree.patch()],
  ['save', (worktree) => worktree.save(saving)],
]

describe('what a turn piled up in a worktree', () => {
  test.each(piles.map((one) => [one.title, one] as const))(
    '%s: nothing of it reaches the store, and the next use finds the commit and no more (GR-022)',
    async (_, { make, detail }) => {
      const { workspaces, base, home } = await start()
      const worktree = await workspaces.checkout('w', base)
      const { path } = worktree
      make(path)
      const before = storeOf(workspaces.store)
      for (const [name, look] of looks) await expect(look(worktree), name).rejects.toMatchObject(over(detail))
      expect(storeOf(workspaces.store)).toBe(before)
      const again = await workspaces.checkout('w', base)
      expect(await again.changes()).toEqual([])
      expect(await again.files()).toHaveLength(44)
      make(path)
      await worktree.discard()
      expect(await worktree.changes()).toEqual([])
      expect(readdirSync(path).sort()).toEqual(['.git', '.gitignore', 'a.txt', 'many', 'src'])
      await workspaces.close()
      expect(readdirSync(join(home, 'tmp'))).toEqual([])
    },
  )

  test('as much as a change may hold is a change', async () => {
    const { workspaces, base } = await start()
    const worktree = await workspaces.checkout('w', base)
    flat(join(worktree.path, 'new'), 39)
    writeFileSync(join(worktree.path, 'large.bin'), Buffer.alloc(1024 ** 2 - 70))
    expect(await worktree.changes()).toHaveLength(40)
    expect(await worktree.save(saving)).toMatchObject({ commit: expect.any(String) })
  })

  test('what git ignores is nobody\u2019s change, however much it is, and goes with the next use', async () => {
    const { workspaces, base } = await start()
    const worktree = await workspaces.checkout('w', base)
    flat(join(worktree.path, 'ignored/deep'), 300)
    dig(join(worktree.path, 'ignored'))
    writeFiles(worktree.path, Object.fromEntries(Array.from({ length: 2_050 }, (_, n) => [`src/${n}.o`, 'o'])))
    expect(await worktree.changes()).toEqual([])
    writeFileSync(join(worktree.path, 'src/b.txt'), 'mine\n')
    expect(await worktree.changes()).toHaveLength(1)
    await workspaces.checkout('w', base)
    expect(existsSync(join(worktree.path, 'ignored'))).toBe(false)
    expect(readdirSync(join(worktree.path, 'src'))).toEqual(['b.txt'])
    expect(readFileSync(join(worktree.path, 'src/b.txt'), 'utf8')).toBe('two\n')
  })

  test('what setup left may be any number; what it changed of the rest is still told', async () => {
    const { workspaces, base } = await start()
    const worktree = await workspaces.checkout('w', base)
    flat(join(worktree.path, 'vendor'), 500)
    writeFileSync(join(worktree.path, 'a.txt'), 'of the installer\n')
    expect(await worktree.trackedChanges()).toEqual([{ path: 'a.txt', status: 'modified', tracked: true }])
    await worktree.restore(['a.txt'])
    await worktree.settle()
    expect(await worktree.changes()).toEqual([])
    flat(join(worktree.path, 'src'), 41)
    await expect(worktree.changes()).rejects.toMatchObject(over(files))
    await worktree.discard()
    expect(existsSync(join(worktree.path, 'vendor'))).toBe(false)
    flat(join(worktree.path, 'vendor'), 1)
    expect(await worktree.changes()).toEqual([{ path: 'vendor/f0', status: 'added', tracked: false }])
  })

  test('folders that nobody may write hold nothing up', async () => {
    const { workspaces, base, home } = await start()
    const worktree = await workspaces.checkout('w', base)
    flat(join(worktree.path, 'new/er'), 60)
    for (const name of ['new/er', 'new']) chmodSync(join(worktree.path, name), 0o000)
    await worktree.discard()
    flat(join(worktree.path, 'new/er'), 3)
    for (const name of ['new/er', 'new']) chmodSync(join(worktree.path, name), 0o000)
    await workspaces.checkout('w', base)
    expect(existsSync(join(worktree.path, 'new'))).toBe(false)
    await workspaces.close()
    expect(readdirSync(join(home, 'tmp'))).toEqual([])
  })
})

test('what setup left is not remembered name by name without an end', async () => {
  const { workspaces, base } = await begin({ 'src/a.txt': '1' }, [], limits)
  const worktree = await workspaces.checkout('w', base)
  flat(join(worktree.path, 'tool'), 300)
  await worktree.settle()
  expect(await worktree.changes()).toEqual([])
  flat(worktree.path, 41)
  await expect(worktree.settle()).rejects.toMatchObject({
    code: 'CB_CHANGE_LIMIT',
    values: { detail: expect.stringMatching(files) },
  })
})
