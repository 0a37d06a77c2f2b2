import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** What lies under the log and is not as it should be. `fail`: it may lose what was acknowledged. */
export interface Concern {
  readonly status: 'warn' | 'fail'
  readonly found: string
  readonly cure: string
}

/** Magic numbers of file systems. Source: statfs(2), linux/magic.h */
const FILE_SYSTEMS: Readonly<Record<number, { readonly name: string; readonly status: Concern['status'] }>> = {
  26985: { name: 'NFS', status: 'fail' },
  4283649346: { name: 'CIFS', status: 'fail' },
  4266872130: { name: 'SMB', status: 'fail' },
  16914839: { name: '9p', status: 'fail' },
  1702057286: { name: 'FUSE', status: 'warn' },
  2035054128: { name: 'overlay', status: 'warn' },
  16914836: { name: 'memory (tmpfs)', status: 'warn' },
}

const WHY = {
  fail: 'its locks and syncs do not reach every process',
  warn: 'it may be gone, or not be synced, when the machine or the container stops',
}

/** On a network no lock and no shared memory holds for all. Source: https://sqlite.org/wal.html, https://sqlite.org/howtocorrupt.html */
export function fileSystemConcern(file: string): Concern | undefined {
  const known = FILE_SYSTEMS[statfsSync(dirname(file)).type >>> 0]
  return known && concernOf(known)
}

export function concernOf({ name, status }: { name: string; status: Concern['status'] }): Concern {
  return {
    status,
    found: `the log lies on ${name}: ${WHY[status]}`,
    cure: 'Set CODEBAND_HOME to a folder on a local disk',
  }
}

/** Before 3.51.3 a commit could be lost when two processes tidied at once. Source: https://sqlite.org/wal.html#walresetbug */
export function versionConcern(sqlite: string): Concern | undefined {
  const [major = 0, minor = 0, patch = 0] = sqlite.split('.').map(Number)
  const current = major > 3 || (major === 3 && (minor > 51 || (minor === 51 && patch >= 3)))
  if (current) return undefined
  return {
    status: 'warn',
    found: `SQLite ${sqlite} can lose a commit when two processes use the log at one moment`,
    cure: 'Use Node 24.21 or newer, which brings SQLite 3.51.3 or newer',
  }
}

/** Bytes of the WAL beside the log. */
export function walBytes(file: string): number {
  return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
}
