import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { CodebandError } from '../../../core/errors.ts'
import { placeMark } from '../../git.ts'
import { run } from '../../processes/process.ts'
import { absent } from './files.ts'

/** Milliseconds; git writes for seconds in a large repository. */
const patience = 120_000

/** Waits until no git process works at the path any more: one of a codeband that was killed goes on writing to its end. */
export async function waitForOrphans(path: string): Promise<void> {
  // With its end, so that `w-1` is not found in `w-10`.
  const mark = `${placeMark(path)} `
  for (const until = Date.now() + patience; ; await sleep(25)) {
    if (!(await commandLines()).some((line) => line.includes(mark))) return
    if (Date.now() > until) {
      const detail = 'a process of git that an earlier codeband started there does not end'
      throw new CodebandError('CB_GIT', { command: 'checkout', place: path, detail })
    }
  }
}

async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc').catch(absent))?.filter((name) => /^\d+$/.test(name)) ?? []
  if (pids.length === 0) {
    const options = { cwd: '/', env: { PATH: '/usr/bin:/bin' }, timeoutMs: 10_000, maxOutput: 16 * 1024 * 1024 }
    return (await run(['ps', '-axww', '-o', 'args='], options)).stdout.split('\n').map((line) => `${line} `)
  }
  // A process may be gone, or another user's.
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.map((line) => line.replaceAll('\0', ' '))
}

/** When a process began, in a form that no other process with its number has; undefined when it does not live. */
export async function birthOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(absent)
  if (stat !== undefined) {
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(absent)
    return `${boot?.trim()} ${fields[19]}`
  }
  try {
    process.kill(pid, 0)
    return 'alive'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'alive' : undefined
  }
}
