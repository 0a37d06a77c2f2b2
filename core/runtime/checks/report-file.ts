import { existsSync, lstatSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openTree } from '../tools/tree.ts'
import type { Unreadable } from './reported.ts'

/** Bytes of the largest report that is read. */
export const largestReport = 32 * 1024 * 1024

/** Makes room for the report of a command: what lies at its path goes, the folders above it come. The problem where something stays:
 *  it would be taken for the report. */
export async function clearReport(folder: string, path: string): Promise<Unreadable | undefined> {
  const { root, facts } = openTree(folder)
  const above = facts(path).parts.slice(0, path.split('/').length - 1)
  if (above.some(({ kind }) => kind !== 'directory' && kind !== 'missing')) return undefined
  const file = join(root, path)
  try {
    // Only a file: a folder that a command left there may have no bottom.
    await rm(file, { force: true })
    await mkdir(dirname(file), { recursive: true })
  } catch {
    // What matters is whether it is gone.
  }
  return lstatSync(file, { throwIfNoEntry: false }) && { problem: 'what lay there before could not be removed' }
}

/** The report that a command has written at `path` below `folder`. Never through a link, and never anything but a file. */
export function takeReport(folder: string, path: string): string | Unreadable {
  if (!existsSync(folder)) return { problem: 'it was not written' }
  const found = openTree(folder).readPlain(path, largestReport)
  if (found === 'missing') return { problem: 'it was not written' }
  if (found === 'directory') return { problem: 'a folder lies there' }
  if (!found.allowed) return { problem: found.reason }
  if (found.size > largestReport) return { problem: `it is larger than ${largestReport / 1024 ** 2} MiB` }
  if (found.size === 0) return { problem: 'it is empty' }
  return new TextDecoder().decode(found.bytes)
}
