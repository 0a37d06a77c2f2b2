import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { syncFile } from '../../sync-file.ts'
import { absent } from './files.ts'
import { birthOf, waitForOrphans } from './orphans.ts'

/** What a landing was about when it took the lock; written into the lock itself, so that whoever finds it knows whose it is. */
export interface Intent {
  home: string
  checkout: string
  branch: string
  from: string
  to: string
}

export interface IndexLock {
  /** The landing of a killed process that had this lock before. */
  readonly unfinished: Intent | undefined
  release(): Promise<void>
}

type Owner = Intent & { codeband: 'landing'; pid: number; birth: string | undefined }

/** Milliseconds to wait for a command of the person that has the index. */
const patience = 3_000

/** The lock that git itself takes to change an index: with it no command of the person does so meanwhile. Undefined while another
 *  has it. A lock of our own dead process is taken over; nobody else's ever is. */
export async function lockIndex(gitDir: string, intent: Intent): Promise<IndexLock | undefined> {
  const path = join(gitDir, 'index.lock')
  const owner: Owner = { codeband: 'landing', ...intent, pid: process.pid, birth: await birthOf(process.pid) }
  const content = JSON.stringify(owner)
  const draft = `${path}.${randomUUID()}`
  let unfinished: Intent | undefined
  for (const until = Date.now() + patience; ; await sleep(40)) {
    await rm(draft, { force: true })
    const file = await open(draft, 'wx')
    await file.writeFile(content)
    await syncFile(file)
    await file.close()
    // A link appears with its content, and only where nothing is.
    const taken = await link(draft, path)
      .then(
        () => true,
        (error) => {
          if (error.code !== 'EEXIST') throw error
          return false
        },
      )
      .finally(() => rm(draft, { force: true }))
    if (taken) return { unfinished, release: () => release(path, content) }
    const dead = await abandonedLock(gitDir)
    if (dead !== undefined) {
      await waitForOrphans(intent.checkout)
      const aside = `${draft}.old`
      await rename(path, aside).catch(absent)
      await rm(aside, { force: true })
      unfinished = dead
      continue
    }
    if (Date.now() > until) return undefined
  }
}

/** The landing whose process died with the lock in its hand. */
export async function abandonedLock(gitDir: string): Promise<Intent | undefined> {
  const owner = read(await readFile(join(gitDir, 'index.lock'), 'utf8').catch(absent))
  return owner !== undefined && (await birthOf(owner.pid)) !== owner.birth ? owner : undefined
}

async function release(path: string, content: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(absent)) === content) await rm(path, { force: true })
}

function read(content: string | undefined): Owner | undefined {
  if (!content?.startsWith('{"codeband":"landing"')) return undefined
  try {
    const owner = JSON.parse(content) as Owner
    return Number.isInteger(owner.pid) ? owner : undefined
  } catch {
    // Not written by us after all: then it is somebody's, and stays.
    return undefined
  }
}
