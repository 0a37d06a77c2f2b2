import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { MergeItem, Workspaces } from '../../../core/ports/workspace.ts'

/** What the suite needs of a person and their repository. */
export interface Owner {
  readonly path: string
  git(...args: string[]): string
  write(files: Readonly<Record<string, string | Buffer | { link: string } | { run: string }>>): void
  commit(
    files: Readonly<Record<string, string | Buffer | { link: string } | { run: string }>>,
    message?: string,
  ): string
}

export interface World {
  person: Owner
  base: string
  workspaces: Workspaces
  /** A commit of a worker over `over`; null removes a file. */
  change(worker: string, over: string, edits: Readonly<Record<string, string | null>>): Promise<string>
}

export interface Worlds {
  owner(): Owner
  open(owner: Owner): Promise<Workspaces>
  begin(files?: Parameters<Owner['commit']>[0]): Promise<World>
}

export const author = { name: 'coder-codex-0', email: 'coder-codex-0@codeband.invalid' }
export const at = Date.UTC(2026, 0, 2, 3, 4, 5)
export const saving = { message: 'change\n', author, at }
export const item = (commit: string, message = 'land it\n'): MergeItem => ({ commit, message, at })

export function write(root: string, path: string, content: string | Buffer): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), content)
}

export function worlds(owner: () => Owner, open: (owner: Owner) => Promise<Workspaces>): Worlds {
  return {
    owner,
    open,
    async begin(files = { 'a.txt': 'one\n', 'src/b.txt': 'two\n' }) {
      const person = owner()
      const base = person.commit(files)
      const workspaces = await open(person)
      expect(await workspaces.tip('main')).toBe(base)
      return {
        person,
        base,
        workspaces,
        async change(worker, over, edits) {
          const tree = await workspaces.checkout(worker, over)
          for (const [path, content] of Object.entries(edits)) {
            if (content === null) rmSync(join(tree.path, path))
            else write(tree.path, path, content)
          }
          return (await tree.save(saving))!.commit
        },
      }
    },
  }
}
