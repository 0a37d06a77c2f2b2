import type { Boundary } from './boundary.ts'
import { type CommandInput, decideCommand } from './command.ts'
import { allowed, type Decision, deny, shown } from './denial.ts'
import { decideHost } from './host.ts'
import { decideNewNames } from './new-name.ts'
import { decidePath, decideScope } from './path.ts'
import { protection } from './protected.ts'

/** What a call is about to touch. */
export type Use =
  | { readonly kind: 'read' | 'write' | 'delete'; readonly path: string }
  | ({ readonly kind: 'command' } & CommandInput)
  | { readonly kind: 'spawn'; readonly role: string }
  | { readonly kind: 'fetch'; readonly url: string }

export interface Call {
  readonly tool: string
  readonly uses: readonly Use[]
  /** Absolute path of the worktree; undefined: absolute paths are outside. */
  readonly root?: string | undefined
}

/** What the file system says of one part of a path, from the top down. */
export interface PartFacts {
  readonly kind: 'missing' | 'directory' | 'file' | 'symlink' | 'other'
  /** Hard links of a file. */
  readonly links?: number
}

export interface PathFacts {
  /** One per part of the path; the list may end after the first missing one. */
  readonly parts: readonly PartFacts[]
  /** Where the whole path leads with every symlink followed: relative to the worktree, 'outside' or 'nowhere'. */
  readonly leads: { readonly inside: string } | 'outside' | 'nowhere'
  /** Names beside the first missing part. */
  readonly siblings: readonly string[]
}

/** The one decision on every call, whatever its origin. Pure: `facts` answers for each normalized path, and what it does not know
 *  is denied. */
export function decideCall(
  boundary: Boundary,
  { tool, uses, root }: Call,
  facts: ReadonlyMap<string, PathFacts>,
): Decision {
  const named = decideName(boundary, tool)
  if (!named.allowed) return named
  const written = new Set(uses.flatMap((use) => writtenPath(use, root)))
  for (const use of uses) {
    const decision = decideUse(boundary, tool, use, { root, facts, written })
    if (!decision.allowed) return decision
  }
  return allowed
}

const prototypeNames = new Set(Object.getOwnPropertyNames(Object.prototype).concat('prototype'))

/** Whether the role has a tool of exactly this name. */
export function decideName({ grants, role }: Boundary, tool: string): Decision {
  if (grants.has(tool)) return allowed
  if (prototypeNames.has(tool)) return deny('schema', `'${tool}' is not the name of a tool.`)
  const names = [...grants.keys()].join(', ') || 'none'
  return deny('tool-not-in-role', `Role '${role}' has no tool '${shown(tool)}'. Its tools: ${names}.`)
}

interface Around {
  readonly root: string | undefined
  readonly facts: ReadonlyMap<string, PathFacts>
  /** Every path that the call writes. */
  readonly written: ReadonlySet<string>
}

function writtenPath(use: Use, root: string | undefined): string[] {
  if (use.kind !== 'write') return []
  const spelled = decidePath(use.path, 'write', root)
  return spelled.allowed ? [spelled.path] : []
}

function decideUse(boundary: Boundary, tool: string, use: Use, { root, facts, written }: Around): Decision {
  const grant = boundary.grants.get(tool)!
  if (use.kind === 'command') {
    const decision = decideCommand(grant, use)
    return decision.allowed ? allowed : decision
  }
  if (use.kind === 'spawn') {
    if (boundary.spawnable.includes(use.role)) return allowed
    const may = boundary.spawnable.join(', ') || 'none'
    return deny('not-spawnable', `Role '${boundary.role}' may not spawn '${shown(use.role)}'. It may spawn: ${may}.`)
  }
  if (use.kind === 'fetch') return decideHost(use.url, grant.hosts)
  const access = use.kind === 'read' ? 'read' : 'write'
  const spelled = decidePath(use.path, access, root)
  if (!spelled.allowed) return spelled
  // The top folder itself is only ever listed or searched; each file found there is decided by itself.
  if (spelled.path === '') return allowed
  const scope = decideScope(boundary, tool, spelled.path, access)
  const folder = access === 'read' && facts.get(spelled.path)?.parts.at(-1)?.kind === 'directory'
  if (!scope.allowed && !folder) return scope
  const found = facts.get(spelled.path)
  if (found === undefined) return deny('policy-unavailable', `Nothing is known about '${shown(use.path)}'.`)
  if (access === 'write') return decideWrite(spelled.path, found, use.kind === 'delete', written)
  const readable = decideRead(spelled.path, found)
  if (!readable.allowed || folder || typeof found.leads === 'string') return readable
  return decideScope(boundary, tool, found.leads.inside, 'read')
}

function decideRead(path: string, { parts, leads }: PathFacts): Decision {
  const name = `'${shown(path)}'`
  const last = parts.at(-1)?.kind
  const linked = parts.some(({ kind }) => kind === 'symlink')
  if (linked && leads === 'outside') return deny('symlink', `${name} is a link that leads out of the worktree.`)
  if (linked && typeof leads === 'object' && protection(leads.inside)?.readable === false) {
    return deny('protected-path', `${name} is a link to '.git', which no role may read.`)
  }
  if (last === 'other') return deny('not-regular-file', `${name} is not a regular file.`)
  return allowed
}

function decideWrite(
  path: string,
  { parts, siblings }: PathFacts,
  isDelete: boolean,
  written: ReadonlySet<string>,
): Decision {
  const name = `'${shown(path)}'`
  const names = path.split('/')
  const last = parts.length === names.length ? parts.at(-1)! : undefined
  // A link itself may go: removing it follows nothing.
  const links = isDelete ? parts.slice(0, names.length - 1) : parts
  if (links.some(({ kind }) => kind === 'symlink')) {
    return deny('symlink', `${name} goes through a symbolic link; write to the real path instead.`)
  }
  if (parts.slice(0, names.length - 1).some(({ kind }) => kind === 'file' || kind === 'other')) {
    return deny('not-regular-file', `${name} lies below something that is not a folder.`)
  }
  if (last?.kind === 'directory') return deny('not-regular-file', `${name} is a folder, not a file.`)
  if (last?.kind === 'other') return deny('not-regular-file', `${name} is not a regular file.`)
  if (!isDelete && last?.kind === 'file' && last.links !== 1) {
    return deny('hardlink', `${name} has another name (a hard link); it cannot be written through this one.`)
  }
  const missing = parts.findIndex(({ kind }) => kind === 'missing')
  return missing < 0 ? allowed : decideNewNames(names, missing, siblings, written)
}
