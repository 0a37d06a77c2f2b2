import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { host } from '../host.ts'
import { syncFile } from '../sync-file.ts'

const fileOf = (home: string): string => join(home, 'trusted.json')

/** Whether definitions may run: a person has trusted them, `CODEBAND_TRUST` names them, or there are none but the built-in ones. */
export async function mayRun(
  home: string,
  { files, hash }: { files: readonly string[]; hash: string },
): Promise<boolean> {
  return files.length === 0 || host().env.CODEBAND_TRUST === hash || isTrusted(home, hash)
}

/** Whether a person on this machine has trusted the definitions with this hash. A file that others could have written, or that is
 *  damaged, trusts nothing. */
export async function isTrusted(home: string, hash: string): Promise<boolean> {
  return (await trusted(home)).includes(hash)
}

/** Remembers the hash in $CODEBAND_HOME/trusted.json, beside those before. */
export async function trust(home: string, hash: string): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  const unlock = await lock(`${fileOf(home)}.lock`)
  const draft = `${fileOf(home)}.${randomUUID()}`
  try {
    const hashes = new Set([...(await trusted(home)), hash])
    const file = await open(draft, 'wx', 0o600)
    await file.writeFile(`${JSON.stringify({ trusted: [...hashes] }, null, 2)}\n`)
    await syncFile(file)
    await file.close()
    await rename(draft, fileOf(home))
  } finally {
    await rm(draft, { force: true })
    await unlock()
  }
}

async function trusted(home: string): Promise<string[]> {
  const file = await open(fileOf(home), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (!file) return []
  try {
    const { mode, uid } = await file.stat()
    if ((mode & 0o022) !== 0 || uid !== (process.getuid?.() ?? uid)) return []
    return hashesIn(await file.readFile('utf8'))
  } finally {
    await file.close()
  }
}

function hashesIn(text: string): string[] {
  try {
    const { trusted } = JSON.parse(text) as { trusted?: unknown }
    return Array.isArray(trusted) ? trusted.filter((one): one is string => /^[0-9a-f]{64}$/.test(String(one))) : []
  } catch {
    // Cut off or edited by hand: undecidable is untrusted, and the person is asked again.
    return []
  }
}

/** One writer at a time, so that none takes away what another has just trusted. A lock older than five seconds is a dead one's. */
async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await (await open(path, 'wx', 0o600)).close()
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const made = await stat(path).catch(() => undefined)
    if (made && Date.now() - made.mtimeMs > 5_000) await rm(path, { force: true })
    else await sleep(20)
  }
}
