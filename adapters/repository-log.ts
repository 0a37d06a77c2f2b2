import { CodebandError } from '../core/errors.ts'
import { isRejection } from '../core/protocol/commands.ts'
import type { Recorded } from '../core/protocol/events.ts'
import { type State, taskOf } from '../core/protocol/state.ts'
import { openLog } from '../core/runtime/log.ts'
import { systemClock } from './clock.ts'
import { type Salvaged, salvage } from './event-stores/sqlite/salvage.ts'
import { sqliteEventStore } from './event-stores/sqlite.ts'
import { host } from './host.ts'
import { openRepository, type Repository } from './repository.ts'

/** The log of a repository's band as any process may read it, leading or not. */
export interface RepositoryLog {
  readonly repository: Repository
  readonly state: State
  /** Who leads now, or undefined. */
  readonly leader: string | undefined
  /** What a person should know of the log though it can be used. */
  readonly remarks: readonly string[]
  read(): AsyncIterable<Recorded>
  readonly file: string
  readonly sqliteVersion: string
  /** Checks all of it from the first event; CB_LOG_DAMAGED names the place. */
  check(): Promise<number>
  close(): Promise<void>
}

export async function openRepositoryLog({ cwd, home }: { cwd: string; home?: string }): Promise<RepositoryLog> {
  const repository = await openRepository(cwd, home)
  const store = openStore(repository)
  const log = await openLog({ store, now: systemClock.now })
  return {
    repository,
    state: log.state,
    leader: store.leader(),
    remarks: store.remarks,
    file: logFile(repository),
    sqliteVersion: store.sqliteVersion,
    read: () => store.read(),
    check: () => store.check(),
    async close() {
      log.close()
      await store.close()
    },
  }
}

/** Every event that can still be read, of a log that no band may decide on any more, too; and where it is damaged. Changes nothing. */
export async function salvageRepositoryLog({ cwd }: { cwd: string }): Promise<Iterable<Salvaged>> {
  return salvage(logFile(await openRepository(cwd)))
}

const logFile = ({ home }: Repository): string => `${home}/band.db`

export function openStore(repository: Repository): ReturnType<typeof sqliteEventStore> {
  return sqliteEventStore({ file: logFile(repository), process: `${host().user} pid ${process.pid}` })
}

/** A person's yes, or no with its reason, appended by whatever process they sit at. `leader`: who acts on it. CB_APPROVAL_UNKNOWN. */
export async function givePersonsWord({
  cwd,
  approval,
  why,
}: {
  cwd: string
  approval: string
  why?: string
}): Promise<{ leader: string | undefined }> {
  const { user: by } = host()
  return appending(await openRepository(cwd), async (log) => {
    const answer = await log.dispatch(
      why === undefined ? { type: 'Approve', approval, by } : { type: 'Reject', approval, why, by },
    )
    if (isRejection(answer)) throw new CodebandError('CB_APPROVAL_UNKNOWN', { id: approval })
  })
}

/** A person's wish that a task ends. `ended`: nothing of it ran, so it has ended already; else `leader` winds it down. CB_TASK_UNKNOWN,
 *  CB_TASK_ENDED. */
export async function cancelTask({
  cwd,
  task,
  why,
}: {
  cwd: string
  task: string
  why: string
}): Promise<{ leader: string | undefined; ended: boolean }> {
  const { user: by } = host()
  let ended = false
  const { leader } = await appending(await openRepository(cwd), async (log) => {
    const answer = await log.dispatch({ type: 'CancelTask', task, why, by })
    if (isRejection(answer)) {
      const code = answer.code === 'task-ended' ? 'CB_TASK_ENDED' : 'CB_TASK_UNKNOWN'
      throw new CodebandError(code, { task, outcome: taskOf(log.state, task)?.outcome ?? '' })
    }
    ended = taskOf(log.state, task)?.status === 'ended'
  })
  return { leader, ended }
}

/** Decides and appends beside whoever leads. `leader`: who acts on it. */
export async function appending(
  repository: Repository,
  work: (log: Awaited<ReturnType<typeof openLog>>) => Promise<void>,
): Promise<{ leader: string | undefined }> {
  const store = openStore(repository)
  try {
    const log = await openLog({ store, now: systemClock.now })
    try {
      await work(log)
      return { leader: store.leader() }
    } finally {
      log.close()
    }
  } finally {
    await store.close()
  }
}
