import { describe, expect, test } from 'vitest'
import type { Workspaces } from '../../core/ports/workspace.ts'
import { landingCases } from './workspaces/landing.ts'
import { mergingCases } from './workspaces/merging.ts'
import { recordCases } from './workspaces/records.ts'
import { worktreeCases } from './workspaces/worktree.ts'
import { type Owner, worlds } from './workspaces/world.ts'

/** What every way of working on a repository owes. `owner` makes a person with an empty repository whose branch is `main`. */
export function workspacesContract(
  name: string,
  owner: () => Owner,
  open: (owner: Owner) => Promise<Workspaces>,
): void {
  describe(`${name}: the person's branch`, () => {
    test('a branch has a tip, an unknown one is an error with its name, and an empty repository says how to begin', async () => {
      const person = owner()
      const empty = await open(person)
      await expect(empty.tip('main')).rejects.toMatchObject({ code: 'CB_REPO_EMPTY' })
      expect(await empty.currentBranch()).toBe('main')
      const base = person.commit({ a: '1' })
      expect(await empty.tip('main')).toBe(base)
      for (const branch of ['nope', '@{-1}', 'main~0', '--all', 'main^{commit}', '../heads/main', '']) {
        await expect(empty.tip(branch)).rejects.toMatchObject({ code: 'CB_REF_UNKNOWN', values: { branch } })
      }
      person.git('switch', '--quiet', '--create', 'feature/x')
      expect(await empty.currentBranch()).toBe('feature/x')
      const next = person.commit({ a: '2' })
      expect(await empty.tip('feature/x')).toBe(next)
      expect(await empty.tip('main')).toBe(base)
      person.git('checkout', '--quiet', '--detach')
      expect(await empty.currentBranch()).toBeUndefined()
      expect(empty.root).toBe(person.path)
    })
  })

  const all = worlds(owner, open)
  worktreeCases(name, all)
  recordCases(name, all)
  mergingCases(name, all)
  landingCases(name, all)
}
