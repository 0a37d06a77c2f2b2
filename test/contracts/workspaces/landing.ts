import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { item, type Owner, saving, type Worlds, write } from './world.ts'

/** The person's branch and checkout. */
export function landingCases(name: string, { begin, open }: Worlds): void {
  describe(`${name}: landing`, () => {
    const ready = async (
      edits: Record<string, string | null> = { 'a.txt': 'ONE\n', 'new/n.txt': 'n\n', 'src/b.txt': null },
    ) => {
      const world = await begin()
      const made = await world.change('w', world.base, edits)
      const merged = await world.workspaces.merge(world.base, [item(made)])
      if ('conflict' in merged) throw new Error('conflict')
      return { ...world, to: merged.commit, tree: merged.tree }
    }

    test('a clean checkout follows the branch: files, index and status are those of the tested tree', async () => {
      const { person, workspaces, base, to, tree } = await ready()
      person.write({ 'notes.txt': 'of the person' })
      expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
      expect(person.git('rev-parse', 'HEAD', 'HEAD^{tree}')).toBe(`${to}\n${tree}`)
      expect(person.git('status', '--porcelain')).toBe('?? notes.txt')
      expect(person.git('write-tree')).toBe(tree)
      expect(readFileSync(join(person.path, 'a.txt'), 'utf8')).toBe('ONE\n')
      expect(existsSync(join(person.path, 'src'))).toBe(false)
      expect(person.git('fsck', '--strict')).toBe('')
      expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
      expect(await workspaces.tip('main')).toBe(to)
    })

    test('a branch that is checked out nowhere moves alone', async () => {
      const { person, workspaces, base, to } = await ready()
      person.git('switch', '--quiet', '--create', 'elsewhere')
      person.write({ 'a.txt': 'dirty, but not on that branch' })
      expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
      expect(person.git('rev-parse', 'main', 'HEAD')).toBe(`${to}\n${base}`)
      expect(readFileSync(join(person.path, 'a.txt'), 'utf8')).toBe('dirty, but not on that branch')
    })

    test('a branch that moved stays where it is', async () => {
      const { person, workspaces, base, to } = await ready()
      const tip = person.commit({ later: '1' })
      expect(await workspaces.land('main', base, to)).toEqual({ status: 'moved', tip })
      expect(person.git('rev-parse', 'HEAD')).toBe(tip)
      await expect(workspaces.land('gone', base, to)).rejects.toMatchObject({ code: 'CB_REF_UNKNOWN' })
    })

    const stage = (p: Owner) => {
      p.write({ 'staged.txt': '1' })
      p.git('add', 'staged.txt')
    }

    test.each([
      ['an edit', ['a.txt'], (p: Owner) => p.write({ 'a.txt': 'mine' })],
      ['an edit of a file that landing leaves alone', ['c.txt'], (p: Owner) => p.write({ 'c.txt': 'mine' })],
      ['something staged', ['staged.txt'], stage],
      ['a removed file', ['src/b.txt'], (p: Owner) => rmSync(join(p.path, 'src/b.txt'))],
      ['an untracked file where one lands', ['new/n.txt'], (p: Owner) => p.write({ 'new/n.txt': 'mine' })],
      ['an untracked file where a folder lands', ['new'], (p: Owner) => p.write({ new: 'mine' })],
      ['an untracked link where a folder lands', ['new'], (p: Owner) => p.write({ new: { link: '/tmp' } })],
      ['a folder of its own where a file lands', ['new/n.txt/mine'], (p: Owner) => p.write({ 'new/n.txt/mine': '1' })],
      [
        'an ignored file where one lands',
        ['new/n.txt'],
        (p: Owner) => p.write({ '.git/info/exclude': 'new\n', 'new/n.txt': 'mine' }),
      ],
    ])('a checkout with %s is dirty, and nothing moves', async (_, files, spoil) => {
      const { person, workspaces, base, change } = await begin({
        'a.txt': 'one\n',
        'src/b.txt': 'two\n',
        'c.txt': '3\n',
      })
      const to = await change('w', base, { 'a.txt': 'ONE\n', 'new/n.txt': 'n\n', 'src/b.txt': null })
      spoil(person)
      const before = person.git('status', '--porcelain', '--ignored')
      expect(await workspaces.land('main', base, to)).toEqual({ status: 'dirty', checkout: person.path, files })
      expect(person.git('rev-parse', 'HEAD')).toBe(base)
      expect(person.git('status', '--porcelain', '--ignored')).toBe(before)
      person.git('stash', '--quiet', '--all')
      expect(await workspaces.land('main', base, to)).toEqual({ status: 'landed' })
    })

    test('of two landings from one base exactly one wins', async () => {
      const { person, workspaces, base, change } = await begin()
      const other = await open(person)
      await other.tip('main')
      const theirs = await other.checkout('w3', base)
      write(theirs.path, 'z', '3')
      const third = (await theirs.save(saving))!.commit
      const results = await Promise.all([
        workspaces.land('main', base, await change('w1', base, { x: '1' })),
        other.land('main', base, third),
        workspaces.land('main', base, await change('w2', base, { y: '2' })),
      ])
      expect(results.map(({ status }) => status).sort()).toEqual(['landed', 'moved', 'moved'])
      expect(person.git('status', '--porcelain')).toBe('')
    })

    test('a merge of parallel changes lands as the tree that was merged', async () => {
      const { person, workspaces, base, change } = await begin()
      const changes = [
        await change('w1', base, { p: '1' }),
        await change('w2', base, { q: '2' }),
        await change('w3', base, { r: '3' }),
      ]
      const merged = await workspaces.merge(
        base,
        changes.map((one) => item(one)),
      )
      if ('conflict' in merged) throw new Error('conflict')
      expect(await workspaces.land('main', base, merged.commit)).toEqual({ status: 'landed' })
      expect(person.git('rev-parse', 'main^{tree}')).toBe(merged.tree)
      expect(person.git('log', '--first-parent', '--format=%an <%ae> %cn %cI', `${base}..main`).split('\n')).toEqual(
        Array(3).fill('codeband <codeband@localhost> codeband 2026-01-02T03:04:05+00:00'),
      )
    })
  })
}
