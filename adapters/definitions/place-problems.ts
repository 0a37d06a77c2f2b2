import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { Diagnostic } from '../../core/role/diagnostic.ts'
import { type At, locate, type Position } from '../../core/role/locate.ts'
import { builtinRolesFolder } from '../package-folder.ts'

/** The diagnostics with their line and column, as far as there is a file. */
export function placeProblems(root: string, problems: readonly (Diagnostic & { at?: At })[]): Diagnostic[] {
  return problems.map(({ at, ...diagnostic }) => {
    if (diagnostic.file === undefined || diagnostic.line !== undefined) return diagnostic
    return { ...diagnostic, ...placeOf(root, diagnostic.file, at ?? { path: [] }) }
  })
}

/** Where a part of a definition stands in its file, if that can be read. */
export function placeOf(root: string, file: string, at: At): Position | undefined {
  const source = textOf(root, file)
  if (source === undefined) return undefined
  return /\.ya?ml$/.test(file) ? locateInYaml(source, at.path) : locate(source, at)
}

/** A name as diagnostics give it: the roles that ship lie elsewhere. */
function textOf(root: string, file: string): string | undefined {
  const folder = file.startsWith('roles/') ? dirname(builtinRolesFolder()) : root
  try {
    return readFileSync(isAbsolute(file) ? file : join(folder, file), 'utf8')
  } catch {
    // Roles given as objects have no file, and one that cannot be read has had its own diagnostic.
    return undefined
  }
}

/** The key of each step after the one before, line by line; what is not found is where its parent is. */
function locateInYaml(source: string, path: At['path']): Position {
  const lines = source.split('\n')
  const found = { line: 1, column: 1 }
  for (const step of path) {
    const key = new RegExp(`(^|[\\s{,])(["']?)${String(step).replace(/[^\w-]/g, '\\$&')}\\2\\s*:`)
    const line = lines.findIndex((text, index) => index >= found.line - 1 && key.test(text))
    if (line < 0) break
    const match = key.exec(lines[line]!)!
    Object.assign(found, { line: line + 1, column: match.index + match[1]!.length + 1 })
  }
  return found
}
