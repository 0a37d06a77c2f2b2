import { link, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CodebandError } from '../core/errors.ts'
import type { Workspaces } from '../core/ports/workspace.ts'
import type { Event, Policy, Recorded } from '../core/protocol/events.ts'
import { taskOf } from '../core/protocol/state.ts'
import type { TaskResult } from '../core/runtime/band.ts'
import { Halt } from '../core/runtime/journal.ts'
import type { Recording } from '../core/runtime/replay/recording.ts'
import type { Runtime } from '../core/runtime/runtime.ts'
import type { Definitions } from './definitions/load.ts'
import { sqliteEventStore } from './event-stores/sqlite.ts'
import { host } from './host.ts'
import { type Band, machinePorts, openBand } from './open-band.ts'
import type { Repository } from './repository.ts'

/** A task that goes on from the middle of a recorded one, in a home of its own. */
export interface Fork {
  band: Band
  /** Folder of its log, worktrees and commits. */
  home: string
  run(): Promise<ForkEnd>
}

export interface ForkEnd {
  result: TaskResult
  /** What would have landed. */
  candidate?: { commit: string; base: string; target: string }
}

/** Opens a fork at the head of the recording: the log up to there, the recorded commits, the real frameworks, worktrees and sandbox. The
 *  branch stays where the record had it, and nothing ever lands. What openBand throws. */
export async function openFork(
  { root, home: recordedHome }: Repository,
  recording: Recording,
  definitions: Pick<Definitions, 'config' | 'roles' | 'tools'>,
  answer?: Runtime['answer'],
): Promise<Fork> {
  const home = await freshHome(join(recordedHome, 'forks'), recording.task)
  const store = sqliteEventStore({ file: join(home, 'band.db'), process: `fork of ${recording.task}` })
  try {
    const { policy } = recording.submitted
    await store.append(eventsOf(recording), 0)
    const surroundings = host()
    const parts = { ...definitions, root, home, store, policy, host: surroundings, by: surroundings.user }
    const band = await openBand({ ...parts, wait: false, ...(answer && { answer }) }, async (given) => {
      const ports = await machinePorts(given)
      await linkObjects(join(recordedHome, 'repo.git', 'objects'), join(home, 'repo.git', 'objects'))
      return { ...ports, workspaces: withoutLanding(ports.workspaces, tipOf(recording)) }
    })
    return { band, home, run: () => run(band, recording.task, policy) }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function run(band: Band, task: string, { target }: Policy): Promise<ForkEnd> {
  const [result] = await band.resume(task)
  if (result === undefined) throw new CodebandError('CB_TASK_UNKNOWN', { task })
  const candidates = Object.values(taskOf(band.state, task)?.candidates ?? {})
  const last = candidates.findLast(({ status }) => status === 'landing')
  return { result, ...(last && { candidate: { commit: last.commit, base: last.base, target } }) }
}

/** `t1-1`, `t1-2`, ...: the first that is not there. */
async function freshHome(folder: string, task: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (let number = 1; ; number++) {
    const home = join(folder, `${task}-${number}`)
    const made = await mkdir(home, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      return 'taken' as const
    })
    if (made !== 'taken') return home
  }
}

/** The recorded events up to the head. Leads are the other log's. A client's conversation lies in its worker's home and stays there, so
 *  it begins anew; a script's session is its token. */
function eventsOf({ submitted, events, head }: Recording): Event[] {
  const taken: Recorded[] = [submitted, ...events.slice(0, head).filter(({ type }) => type !== 'LeaderElected')]
  return taken.map(({ seq: _, cause: __, ...event }) => {
    if (event.type !== 'TurnEnded' || event.session?.startsWith('scripted.')) return event as Event
    const { session: ___, ...rest } = event
    return rest as Event
  })
}

function tipOf(recording: Recording): string | undefined {
  const last = recording.behind(['Landed', 'CandidateBuilt', 'TaskStarted'])
  return last?.type === 'Landed' ? last.to : last?.base
}

/** The person's branch is read once at most, and never moved: the program stops where it would be. */
function withoutLanding(workspaces: Workspaces, tip: string | undefined): Workspaces {
  return {
    ...workspaces,
    tip: async (branch) => tip ?? workspaces.tip(branch),
    land: async () => {
      throw new Halt()
    },
  }
}

/** Objects never change, so both repositories may hold the same files. */
async function linkObjects(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const folder = join(to, entry.parentPath.slice(from.length))
    await mkdir(folder, { recursive: true })
    await link(join(entry.parentPath, entry.name), join(folder, entry.name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
