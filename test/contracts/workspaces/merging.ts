import { describe, expect, test } from 'vitest'
import { at, author, item, type Worlds } from './world.ts'

/** Commits made in memory. */
export function mergingCases(name: string, { begin }: Worlds): void {
  describe(`${name}: merging and rewording`, () => {
    test('a merge of changes in order is the same commit every time and moves nothing', async () => {
      const { workspaces, base, change, person } = await begin()
      const [one, two] = [
        await change('w1', base, { 'a.txt': 'ONE\n' }),
        await change('w2', base, { 'src/b.txt': 'TWO\n', n: '3' }),
      ]
      const merged = await workspaces.merge(base, [item(one), item(two)])
      expect(await workspaces.merge(base, [item(one), item(two)])).toEqual(merged)
      if ('conflict' in merged) throw new Error('conflict')
      expect(
        (await workspaces.diff(base, merged.commit)).map(({ path, added, deleted }) => [path, added, deleted]),
      ).toEqual([
        ['a.txt', 1, 1],
        ['n', 1, 0],
        ['src/b.txt', 1, 1],
      ])
      expect(await workspaces.tree(merged.commit)).toBe(merged.tree)
      expect(await workspaces.tip('main')).toBe(base)
      expect(person.git('status', '--porcelain')).toBe('')
      expect(await workspaces.merge(base, [])).toEqual({ commit: base, tree: await workspaces.tree(base) })
    })

    test('a commit that waits to land is built on what the branch has, also where the branch holds the rest of it', async () => {
      const { workspaces, base, change, person } = await begin()
      const first = await change('w1', base, { 'a.txt': 'refused\n' })
      const waiting = await workspaces.merge(base, [item(first), item(await change('w2', base, { n: '1' }))])
      if ('conflict' in waiting) throw new Error('conflict')
      const on = await change('w3', waiting.commit, { m: '1' })
      for (const commit of [base, first, waiting.commit, on]) expect(await workspaces.landedBelow(commit)).toBe(base)

      // A later round lands, and with it the refused commit is part of the branch's history.
      const second = await change('w1', first, { 'a.txt': 'fine\n' })
      const landing = await workspaces.merge(base, [item(second)])
      if ('conflict' in landing) throw new Error('conflict')
      expect(await workspaces.land('main', base, landing.commit)).toEqual({ status: 'landed' })
      expect(await workspaces.landedBelow(landing.commit)).toBe(landing.commit)
      expect(await workspaces.landedBelow(waiting.commit)).toBe(base)

      // The person begins their history anew.
      person.git('checkout', '-q', '--orphan', 'other')
      person.git('commit', '-qm', 'anew')
      person.git('branch', '-qM', 'main')
      await workspaces.tip('main')
      expect(await workspaces.landedBelow(on)).toBe(base)
    })

    test('a conflict names the change and its files', async () => {
      const { workspaces, base, change } = await begin({ 'a.txt': '1\n', 'b c.txt': '1\n' })
      const one = await change('w1', base, { 'a.txt': '2\n', 'b c.txt': null })
      const two = await change('w2', base, { 'a.txt': '3\n', 'b c.txt': '3\n' })
      const merged = await workspaces.merge(base, [item(one), item(two)])
      expect(merged).toMatchObject({ conflict: { index: 1, files: ['a.txt', 'b c.txt'] } })
      if ('conflict' in merged) expect(merged.conflict.detail).toContain('CONFLICT (content)')
    })

    test('rewording keeps the tree, takes parent, message and author, and repeats exactly', async () => {
      const { workspaces, base, change } = await begin()
      const one = await change('w', base, { 'a.txt': 'x' })
      const two = await change('w', one, { 'a.txt': 'y' })
      const made = await workspaces.reword(base, two, { message: 'both\n', author, at })
      expect(made.tree).toBe(await workspaces.tree(two))
      expect(await workspaces.reword(base, two, { message: 'both\n', author, at })).toEqual(made)
      expect(await workspaces.reword(base, two, { message: 'other\n', author, at })).not.toEqual(made)
    })

    test('a diff tells renames, binaries and odd names apart; a patch is cut after a whole line', async () => {
      const body = Array.from({ length: 40 }, (_, n) => `line ${n}\n`).join('')
      const { workspaces, base, change } = await begin({ 'old name.txt': body, bin: '1' })
      const next = await change('w', base, { 'old name.txt': null, 'new\tname\n.txt': body, bin: '\0\0', ünï: 'x\n' })
      expect(await workspaces.diff(base, next)).toEqual([
        { path: 'bin', status: 'modified', oldMode: '100644', newMode: '100644' },
        {
          path: 'new\tname\n.txt',
          from: 'old name.txt',
          status: 'renamed',
          added: 0,
          deleted: 0,
          oldMode: '100644',
          newMode: '100644',
        },
        { path: 'ünï', status: 'added', added: 1, deleted: 0, oldMode: '000000', newMode: '100644' },
      ])
      const whole = await workspaces.patch(base, next)
      expect(whole).toContain('rename from old name.txt')
      const cut = await workspaces.patch(base, next, 120)
      expect(cut.startsWith(whole.slice(0, 40))).toBe(true)
      expect(cut).toMatch(/\n\[\.\.\. cut at 120 bytes \.\.\.\]\n$/)
      expect(await workspaces.patch(base, next, 1_000_000)).toBe(whole)
      expect(await workspaces.patch(base, base)).toBe('')
    })
  })
}
