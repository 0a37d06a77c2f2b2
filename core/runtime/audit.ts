import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Boundary } from '../boundary/boundary.ts'
import type { DenialCode } from '../boundary/denial.ts'
import { mayWrite } from '../boundary/path.ts'
import { changesBandKey, isManifest, protection } from '../boundary/protected.ts'
import { CodebandError } from '../errors.ts'
import type { Worktree, WorktreeChange } from '../ports/workspace.ts'
import type { Role } from '../role/role.ts'
import { hashOf } from './hash.ts'
import type { Request } from './log.ts'
import type { Runtime } from './runtime.ts'

/** What a turn, or a call of a program, left that voids it. */
export interface Surprise {
  /** `payload`: more than a change may hold, and so the whole worktree was thrown away with what `setup` had made there. */
  code: Extract<DenialCode, 'protected-path' | 'payload'>
  reason: string
}

export interface Found {
  surprise?: Surprise
  /** What is recorded of it, with the end of what it was found after. */
  requests: readonly Request[]
}

/** Looks, after a turn or a call of a program, at what it left that its role may not leave. Stray untracked files are removed and told;
 *  core's own records are put right. */
export type Audit = () => Promise<Found>

/** To be begun before anything of it runs. */
export async function openAudit(
  { workspaces, standIns }: Runtime,
  worktree: Worktree,
  boundary: Boundary,
  role: Role,
  /** What ran: a turn, or a call at a place of a program. */
  ran: { task: string; turn?: string; place?: string; worker: string },
): Promise<Audit> {
  const steered = (reason: string): Found => found({ code: 'protected-path', reason })
  function found(surprise: Surprise): Found {
    const { place: _, ...what } = ran
    return { surprise, requests: [surpriseOf(surprise, { ...what, role: role.id })] }
  }
  const recordsTouched = await worktree.watch()
  return async () => {
    // First: what stands in core's records decides what it sees of the files.
    const records = await recordsTouched()
    const changes = await changesOf(worktree)
    if (typeof changes === 'string') {
      await worktree.discard()
      return found({ code: 'payload', reason: `it left ${changes}, and all of it was thrown away` })
    }
    const outside = changes.filter(({ path }) => role.produces !== 'change' || !mayWrite(boundary, path))
    const voids = outside.filter(({ path, tracked }) => tracked || steers(path)).map(({ path }) => path)
    const surprises = [...records, ...voids]
    if (surprises.length > 0) {
      return steered(`it changed ${listed(surprises)}, which '${role.id}' may not change`)
    }
    const strays = outside.map(({ path }) => path).sort()
    await worktree.restore(strays)
    // Part of package.json is codeband's configuration; a command can write it where no file tool would.
    for (const { path } of changes.filter((one) => isManifest(one.path) && !outside.includes(one))) {
      const after = standIns ? await standIns.read(worktree, path) : await textAt(join(worktree.path, path))
      if (changesBandKey(await workspaces.read(worktree.commit, path), after)) {
        return steered(`it changed the 'codeband' key of '${path}', which no role may change`)
      }
    }
    if (strays.length === 0) return { requests: [] }
    const told = { count: strays.length, paths: strays.slice(0, mostNamed) }
    return { requests: [{ type: 'ReportStrays', ...ran, role: role.id, ...told }] }
  }
}

/** The changes, or the words for it that they are more than one change may hold. */
export const changesOf = (worktree: Worktree): Promise<readonly WorktreeChange[] | string> =>
  orTooMany(worktree.changes())

export async function orTooMany(
  changes: Promise<readonly WorktreeChange[]>,
): Promise<readonly WorktreeChange[] | string> {
  return changes.catch((error: unknown) => {
    if (CodebandError.is(error) && error.code === 'CB_CHANGE_LIMIT') return String(error.values.detail)
    throw error
  })
}

/** Bytes, as many as the workspace reads of a file at a commit. */
const mostCompared = 8 * 1024 * 1024

/** The text of a file; undefined for none. What has no text that could be compared (a link, a pipe, too much) is as one that is no JSON. */
async function textAt(path: string): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const found = await file.stat()
    return found.isFile() && found.size <= mostCompared ? await file.readFile('utf8') : ''
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : ''
  }
}

const mostNamed = 20

/** A turn may have changed thousands: their names go into the log, and into the next prompt. */
function listed(paths: readonly string[]): string {
  const named = paths.slice(0, mostNamed).map((path) => `'${path}'`)
  return [...named, ...(paths.length > mostNamed ? ['...'] : [])].join(', ')
}

/** Protected also where it is new. A repository that a test made and left steers nothing: core discovers none and commits none. */
function steers(path: string): boolean {
  const rule = protection(path)
  return rule?.readable === true
}

/** What is recorded of it. */
function surpriseOf(
  { code, reason }: Surprise,
  what: { task: string; turn?: string; worker: string; role: string },
): Request {
  return {
    type: 'RecordViolation',
    ...what,
    tool: 'audit',
    code,
    reason,
    inputHash: hashOf(reason),
  }
}
