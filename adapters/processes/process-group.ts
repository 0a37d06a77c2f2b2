import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Sends the signal to every process of the group; false when there is none left that it could reach. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  // Groups 0, 1 and NaN would mean ourselves, everything, or nothing.
  if (!(group > 1)) return false
  try {
    process.kill(-group, signal)
    return true
  } catch (error) {
    // EPERM: it lives but has become another user's (a set-uid program).
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Sends the signal to one process; false when it is not there or is another user's. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  if (!(pid > 1)) return false
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** TERM, then KILL after `graceMs`; resolves when no process of the group lives, at the latest two seconds after the KILL. */
export async function endGroup(group: number, graceMs: number): Promise<void> {
  if (!signalGroup(group, graceMs > 0 ? 'SIGTERM' : 'SIGKILL')) return
  if (graceMs > 0 && (await groupGone(group, graceMs))) return
  signalGroup(group, 'SIGKILL')
  await groupGone(group, 2_000)
}

async function groupGone(group: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    if (!signalGroup(group, 0)) return true
    // Where nobody reaps orphans (a container without an init), a dead member stays in the group for ever.
    if (pause >= 8 && (await onlyZombies(group))) return true
    if (performance.now() >= deadline) return false
    await sleep(pause)
  }
}

async function onlyZombies(group: number): Promise<boolean> {
  if (process.platform !== 'linux') return false
  for (const pid of await pids()) {
    const stat = await procFile(pid, 'stat')
    // The program's name stands in parentheses and may hold anything, parentheses included.
    const [state, , member] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(member) === group && state !== 'Z' && state !== 'X') return false
  }
  return true
}

/** Kills every process whose environment at its start held `variable=value`, until none is left; also those that left their
 *  group. Linux only, elsewhere it does nothing: no other system shows environments. */
export async function killMarked(variable: string, value: string): Promise<void> {
  if (process.platform !== 'linux') return
  const mark = `${variable}=${value}`
  for (let round = 0; round < 20; round++) {
    let found = false
    for (const pid of await pids()) {
      if (Number(pid) === process.pid) continue
      if (!(await procFile(pid, 'environ')).split('\0').includes(mark)) continue
      found = true
      try {
        process.kill(Number(pid), 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    if (!found) return
    await sleep(5)
  }
}

async function pids(): Promise<string[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
}

/** '' for a process that ended meanwhile or belongs to somebody else. */
async function procFile(pid: string, name: 'stat' | 'environ'): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
}
