import type { Dirent } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** Where a secret was found: `environ of 123 (claude)`, `home/claude/x.json`. */
export type Finding = string

/** How a secret may be written down. */
export function spellingsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret)
  // Inside a longer text base64 has three alignments; what stands at either end depends on its neighbours.
  const aligned = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    return text.slice(Math.ceil((shift * 8) / 6), -1)
  })
  const utf16 = Buffer.from(secret, 'utf16le')
  const texts = [
    secret,
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    encodeURIComponent(secret),
    ...aligned,
  ]
  return [utf16, ...new Set(texts)].map((one) => Buffer.from(one as string))
}

/** The process and all that descend from it. Linux only. */
export async function familyOf(root: number): Promise<number[]> {
  const parents = new Map<number, number>()
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // The name in parentheses may hold anything.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (parent !== undefined) parents.set(Number(pid), Number(parent))
  }
  const family = [root]
  for (const one of family) for (const [pid, parent] of parents) if (parent === one) family.push(pid)
  return family
}

/** Everything below a folder, in which folders come and go. */
async function below(folder: string): Promise<Dirent[]> {
  for (;;) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ifGone)
    if (entries) return entries
  }
}

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

export interface Places {
  pids?: readonly number[]
  folders?: readonly string[]
  /** Names directly in the folders that are not looked into. */
  except?: readonly string[]
}

/** Every place of the processes and below the folders where one of the secrets stands. */
export async function canaries(
  secrets: readonly string[],
  { pids = [], folders = [], except = [] }: Places,
): Promise<{ findings: Finding[]; looked: { processes: number; files: number } }> {
  const spellings = secrets.flatMap(spellingsOf)
  const holds = (content: Buffer) => spellings.some((spelling) => content.includes(spelling))
  const findings: Finding[] = []
  let [processes, files] = [0, 0]
  for (const pid of pids) {
    const parts = ['environ', 'cmdline', 'comm'].map(async (part) => {
      const content = await readFile(`/proc/${pid}/${part}`).catch(() => Buffer.alloc(0))
      if (holds(content)) findings.push(`${part} of ${pid}`)
      return content.length
    })
    if ((await Promise.all(parts))[0]! > 0) processes++
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const leads = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      if (holds(Buffer.from(leads))) findings.push(`a name that ${pid} has open`)
    }
  }
  for (const folder of folders) {
    for (const entry of await below(folder)) {
      const file = join(entry.parentPath, entry.name)
      if (except.includes(relative(folder, file).split('/')[0]!)) continue
      if (holds(Buffer.from(file))) findings.push(`the name ${file}`)
      if (!entry.isFile()) continue
      // A client that works writes and removes files meanwhile; the scan after its end sees what stays.
      const content = await readFile(file).catch(ifGone)
      if (content === undefined) continue
      files++
      if (holds(content)) findings.push(file)
    }
  }
  return { findings, looked: { processes, files } }
}
