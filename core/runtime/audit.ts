import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Boundary } from '../boundary/boundary.ts'
import { mayWrite } from '../boundary/path.ts'
import { changesBandKey, isManifest, protection } from '../boundary/protected.ts'
import type { Worktree } from '../ports/workspace.ts'
import type { Role } from '../role/role.ts'
import { hashOf } from './hash.ts'
import type { Request } from './log.ts'
import type { Runtime } from './runtime.ts'

/** Looks, after a turn or a call of a program, at what it left that its role may not leave: the words for it, or undefined. Stray
 *  untracked files are removed; core's own records are put right. */
export type Audit = () => Promise<string | undefined>

/** To be begun before anything of it runs. */
export async function openAudit(
  { workspaces, standIns }: Runtime,
  worktree: Worktree,
  boundary: Boundary,
  role: Role,
): Promise<Audit> {
  const recordsTouched = await worktree.watch()
  return async () => {
    // First: what stands in core's records decides what it sees of the files.
    const records = await recordsTouched()
    const changes = await worktree.changes()
    const outside = changes.filter(({ path }) => role.produces !== 'change' || !mayWrite(boundary, path))
    const voids = outside.filter(({ path, tracked }) => tracked || steers(path)).map(({ path }) => path)
    const surprises = [...records, ...voids]
    if (surprises.length > 0) {
      return `it changed ${surprises.map((path) => `'${path}'`).join(', ')}, which '${role.id}' may not change`
    }
    await worktree.restore(outside.map(({ path }) => path))
    // Part of package.json is codeband's configuration; a command can write it where no file tool would.
    for (const { path } of changes.filter((one) => isManifest(one.path) && !outside.includes(one))) {
      const after = standIns
        ? await standIns.read(worktree, path)
        : await readFile(join(worktree.path, path), 'utf8').catch(() => undefined)
      if (changesBandKey(await workspaces.read(worktree.commit, path), after)) {
        return `it changed the 'codeband' key of '${path}', which no role may change`
      }
    }
    return undefined
  }
}

/** Protected also where it is new. A repository that a test made and left steers nothing: core discovers none and commits none. */
function steers(path: string): boolean {
  const rule = protection(path)
  return rule?.readable === true
}

/** What is recorded of it. */
export function surpriseOf(
  surprise: string,
  what: { task: string; turn?: string; worker: string; role: string },
): Request {
  return {
    type: 'RecordViolation',
    ...what,
    tool: 'audit',
    code: 'protected-path',
    reason: surprise,
    inputHash: hashOf(surprise),
  }
}
