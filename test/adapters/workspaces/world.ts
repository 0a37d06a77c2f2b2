import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { gitWorkspaces } from '../../../adapters/workspaces/git.ts'
import type { ChangeLimits, Workspaces } from '../../../core/ports/workspace.ts'
import { type Files, type Repository, repository, temporary, writeFiles } from './repository.ts'

/** A home for core, not made yet. */
export const state = (): string => join(temporary('home'), 'state')

export const at = Date.UTC(2026, 0, 2)
export const saving = { message: 'change\n', author: { name: 'w', email: 'w@codeband.invalid' }, at }

export async function begin(
  files: Files = { 'a.txt': 'one\n', 'src/b.txt': 'two\n' },
  init: readonly string[] = [],
  limits?: ChangeLimits,
): Promise<{ person: Repository; base: string; home: string; workspaces: Workspaces }> {
  const person = repository({ init })
  const base = person.commit(files)
  const home = state()
  const workspaces = await gitWorkspaces({ root: person.path, home, ...(limits && { limits }) })
  await workspaces.tip('main')
  return { person, base, home, workspaces }
}

/** A commit of a worker over `over`. */
export async function change(workspaces: Workspaces, worker: string, over: string, files: Files): Promise<string> {
  const worktree = await workspaces.checkout(worker, over)
  for (const name of Object.keys(files)) rmSync(join(worktree.path, name), { force: true })
  writeFiles(worktree.path, files)
  return (await worktree.save(saving))!.commit
}
