import { posix } from 'node:path'
import type { Boundary } from './boundary.ts'
import { type Decision, type Denied, deny, shown } from './denial.ts'
import { matchesGlob } from './glob.ts'
import { protection } from './protected.ts'

export type Access = 'read' | 'write'

export interface PathAllowed {
  readonly allowed: true
  /** Relative to the worktree, normalized, with '/'; '' is the worktree itself. */
  readonly path: string
}

/** With the folders above the worktree it must stay below what the system takes, or git could not look at the file. */
const maxBytes = 2048
/** Globs are matched part by part: this bounds what one decision takes. */
const maxParts = 64

/** Decides on the spelling of a path alone; what the file system says comes after. `root` is the worktree's absolute path: with it
 *  an absolute path inside it is fine. */
export function decidePath(path: string, access: Access, root?: string): PathAllowed | Denied {
  const name = `'${shown(path)}'`
  if (path === '') return deny('schema', 'A path is empty; name a file relative to the worktree.')
  if (path.length > 4096) return deny('schema', `The path ${name} is longer than 4096 characters.`)
  if (!path.isWellFormed()) return deny('schema', `The path ${name} is not valid Unicode.`)
  if (/[\0-\x1f\x7f]/.test(path)) return deny('schema', `The path ${name} holds a control character.`)
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) return deny('url-scheme', `${name} is a URL; name a file in the worktree.`)
  const outside = deny(
    'path-outside-root',
    `${name} is outside the worktree; name a path inside it, relative to its top.`,
  )
  if (isElsewhere(path)) return outside
  const relative = posix.isAbsolute(path) ? insideRoot(path, root) : posix.normalize(path)
  if (relative === undefined || escapes(relative)) return outside
  const inside = relative === '.' || relative === './' ? '' : relative.replace(/\/+$/, '')
  // './~' and '/the/worktree/C:' come down to names that were refused as they stand.
  if (isElsewhere(inside)) return outside
  if (Buffer.byteLength(inside) > maxBytes) {
    return deny('schema', `The path ${name} is longer than ${maxBytes} bytes.`)
  }
  if (inside.split('/').length > maxParts) {
    return deny('schema', `The path ${name} has more than ${maxParts} parts.`)
  }
  if (inside.split('/').some((part) => Buffer.byteLength(part) > 255)) {
    return deny('schema', `A part of the path ${name} is longer than 255 bytes.`)
  }
  const rule = protection(inside)
  if (rule && (access === 'write' || !rule.readable)) {
    const verb = rule.readable ? 'written' : 'read or written'
    return deny(
      'protected-path',
      `${name} lies under '${shown(rule.name)}', which no role may have ${verb}. Leave it as it is.`,
    )
  }
  if (access === 'write') {
    if (inside === '') return deny('not-regular-file', 'The path names the worktree itself, not a file.')
    const problem = unportable(inside)
    if (problem) return deny(problem.code, `The name ${name} ${problem.why}; choose a plain name.`)
  }
  return { allowed: true, path: inside }
}

/** Whether the boundary lets this path be written at all, by spelling, protection and `writes`. */
export function mayWrite(boundary: Pick<Boundary, 'writes'>, path: string): boolean {
  const spelled = decidePath(path, 'write')
  return spelled.allowed && (boundary.writes === undefined || matchesGlob(boundary.writes, spelled.path))
}

/** Denies a normalized path that the globs of `writes` or of the grant leave out. */
export function decideScope(boundary: Boundary, tool: string, path: string, access: Access): Decision {
  const { paths } = boundary.grants.get(tool) ?? {}
  if (access === 'write' && boundary.writes !== undefined && !matchesGlob(boundary.writes, path)) {
    return deny('above-ceiling', `'${shown(path)}' is not among what you may write: ${list(boundary.writes)}.`)
  }
  if (paths !== undefined && !matchesGlob(paths, path)) {
    return deny('above-ceiling', `'${shown(path)}' is not among the paths of your grant of ${tool}: ${list(paths)}.`)
  }
  return { allowed: true }
}

function list(globs: readonly string[]): string {
  return globs.length === 0 ? 'nothing' : shown(globs.join(', '), 400)
}

/** Spellings that some shell, file system or editor takes for a place elsewhere. */
function isElsewhere(path: string): boolean {
  const parts = path.split(/[\\/]/)
  return (
    /^[a-z]:([\\/]|$)/i.test(path) ||
    path.startsWith('\\') ||
    path.startsWith('//') ||
    /^~[^/\\]*$/.test(parts[0]!) ||
    /^(\$\{?[A-Z_][A-Z0-9_]*\}?|%[A-Z_]+%)$/.test(parts[0]!) ||
    parts.some((part) => /^\.{3,}$/.test(part)) ||
    (path.includes('\\') && parts.includes('..'))
  )
}

function insideRoot(path: string, root: string | undefined): string | undefined {
  return root === undefined ? undefined : posix.relative(posix.normalize(root), posix.normalize(path)) || '.'
}

function escapes(relative: string): boolean {
  return relative === '..' || relative.startsWith('../') || posix.isAbsolute(relative)
}

const device = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])$/i

/** Why a name would not mean the same file on every system, or undefined. */
function unportable(path: string): { code: 'portable-name' | 'unicode-collision'; why: string } | undefined {
  if (/[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(path))
    return { code: 'unicode-collision', why: 'holds an invisible character' }
  if (/[\\<>:"|?*]/.test(path)) return { code: 'portable-name', why: 'holds a character that not every system allows' }
  for (const part of path.split('/')) {
    if (/[. ]$/.test(part)) return { code: 'portable-name', why: 'has a part that ends with a dot or blank' }
    if (device.test(part.split('.')[0]!.trimEnd())) return { code: 'portable-name', why: 'is a device on Windows' }
  }
  return undefined
}
