import { join, resolve } from 'node:path'
import { CodebandError } from '../core/errors.ts'
import type { Recorded } from '../core/protocol/events.ts'
import type { Role } from '../core/role/role.ts'
import { hashOfRole } from '../core/runtime/hash.ts'
import { redactor } from '../core/runtime/redact.ts'
import { type Difference, differenceOf } from '../core/runtime/replay/difference.ts'
import { openRecording, type Recording } from '../core/runtime/replay/recording.ts'
import { replay } from '../core/runtime/replay/replay.ts'
import { type Definitions, loadDefinitions, olderDefinitions, type TrustQuestion } from './definitions/load.ts'
import { git } from './git.ts'
import { host } from './host.ts'
import type { Repository } from './repository.ts'
import { keptCommits } from './workspaces/git/kept.ts'

export interface ReplayedTask {
  task: string
  recording: Recording
  /** Recorded events of the task, and how many of them came again before the first difference. */
  events: number
  equal: number
  difference?: Difference
  /** Roles whose definition is another one than the recorded, though nothing that they asked differs. */
  changed: readonly string[]
  definitions: Pick<Definitions, 'config' | 'roles' | 'tools'> & { sources?: ReadonlyMap<string, string> }
}

export interface ReplayOptions {
  task: string
  /** A folder in the place of `.agents`. */
  roles?: string
  /** With the definitions that the task began with. */
  recorded?: boolean
  confirm?: TrustQuestion
}

/** Plays a task of this log once more. CB_TASK_UNKNOWN, CB_REPLAY_RUNNING, CB_DEFINITIONS_GONE, CB_UNTRUSTED and what loading throws. */
export async function replayTask(
  repository: Repository,
  read: () => AsyncIterable<Recorded>,
  { task, roles, recorded = false, confirm }: ReplayOptions,
): Promise<ReplayedTask> {
  const recording = await openRecording(read(), task)
  if (recording === undefined) throw new CodebandError('CB_TASK_UNKNOWN', { task })
  const last = recording.events.at(-1)?.type
  if (last !== 'TaskEnded' && last !== 'TaskParked') {
    const how = recording.events.length === 0 ? 'has not begun' : 'has not ended'
    throw new CodebandError('CB_REPLAY_RUNNING', { task, how })
  }
  return replayRecording(repository, recording, { roles, recorded, confirm })
}

/** The same for a recording that may end anywhere. */
export async function replayRecording(
  repository: Repository,
  recording: Recording,
  { roles: folder, recorded, confirm }: Omit<ReplayOptions, 'task'>,
): Promise<ReplayedTask> {
  const { home, root } = repository
  const hash = recording.submitted.policy.definitions
  const before = await olderDefinitions(repository, hash, {})
  if (recorded && before === undefined)
    throw new CodebandError('CB_DEFINITIONS_GONE', { hash: hash.slice(0, 12), home })
  const agents = folder === undefined ? undefined : resolve(root, folder)
  const definitions = recorded
    ? before!
    : await loadDefinitions(repository, { ...(agents && { agents }), ...(confirm && { confirm }) })
  return playAgain(repository, recording, definitions, before?.roles)
}

/** The same with definitions that are there already. `before`: the roles of the recorded run. */
export async function playAgain(
  { root, home }: Pick<Repository, 'root' | 'home'>,
  recording: Recording,
  definitions: ReplayedTask['definitions'],
  before?: ReadonlyMap<string, Role>,
): Promise<ReplayedTask> {
  const kept = keptCommits(git({ gitDir: join(home, 'repo.git') }))
  const fork = await replay({ ...definitions, recording, root, home, kept, redact: redactor(host().env) })
  return {
    task: recording.task,
    recording,
    events: ofTask(recording.events),
    equal: ofTask(recording.events.slice(0, recording.head)),
    ...(fork && { difference: differenceOf(recording, fork, { now: definitions.roles, before }) }),
    changed: changedRoles(recording, definitions.roles),
    definitions,
  }
}

const ofTask = (events: readonly Recorded[]): number => events.filter(({ type }) => type !== 'LeaderElected').length

function changedRoles({ events, head }: Recording, roles: ReadonlyMap<string, Role>): string[] {
  const played = events.slice(0, head).flatMap((event) => (event.type === 'TurnStarted' ? [event] : []))
  const changed = played.filter(({ role, definition }) => {
    const now = roles.get(role)
    return definition !== undefined && (now === undefined || hashOfRole(now) !== definition)
  })
  return [...new Set(changed.map(({ role }) => role))]
}
