import { CodebandError } from '../errors.ts'
import { isRejection } from '../protocol/commands.ts'
import type { ParkReason, Policy, Recorded, TaskOutcome } from '../protocol/events.ts'
import { type Approval, type Landing, type State, taskOf, tasksOf, waitingApprovals } from '../protocol/state.ts'
import { EffectError } from '../role/steps.ts'
import { refuseTrackedReport } from './checks/tracked-report.ts'
import { Halt } from './journal.ts'
import { finishLanding } from './merge.ts'
import { openProgram } from './program.ts'
import type { Runtime } from './runtime.ts'
import { openSlots } from './slots.ts'
import { submitTask } from './submit-task.ts'

/** How a task stands when nothing more of it can be done now. */
export interface TaskResult {
  task: string
  /** 'parked': a person must act. 'stopped': the band closed; `resume` goes on. */
  outcome: TaskOutcome | 'parked' | 'stopped'
  reason: string
  parked?: ParkReason
  landed: readonly Landing[]
  pending: readonly Approval[]
}

/** A band at work: it submits tasks, drives them, and takes a person's word. */
export interface LeadingBand {
  readonly state: State
  run(text: string, options?: { by?: string }): Promise<TaskResult>
  /** Goes on with one task, or with all that have not ended, oldest first. */
  resume(task?: string): Promise<TaskResult[]>
  approve(approval: string, by: string): Promise<void>
  reject(approval: string, why: string, by: string): Promise<void>
  /** Whether it is being driven, or waits for its turn. */
  drives(task: string): boolean
  /** Ends a task; what is half done is wound down first. */
  cancel(task: string, why: string, by: string): Promise<TaskResult>
  on(listener: (event: Recorded) => void): () => void
}

/** `runtimeFor` gives the runtime with the definitions that a task began with. */
export function openLeadingBand(
  runtime: Runtime,
  runtimeFor: (definitions: string) => Promise<Runtime>,
  policy: Policy,
): LeadingBand {
  const { log, workspaces } = runtime
  const slots = openSlots(runtime.config.limits.tasks)
  const driven = new Map<string, Promise<TaskResult>>()

  /** Whoever asks for a task that is being driven gets the same result. Tasks of other definitions wait: workers of both would bear the
   *  same names. */
  function drive(taskId: string): Promise<TaskResult> {
    const running = driven.get(taskId)
    if (running) return running
    const { definitions } = taskOf(log.state, taskId)!.policy
    const result = slots.run(definitions, () => driveNow(taskId)).finally(() => driven.delete(taskId))
    driven.set(taskId, result)
    return result
  }

  async function driveNow(taskId: string): Promise<TaskResult> {
    const task = taskOf(log.state, taskId)!
    if (task.status === 'ended' || runtime.stopping.aborted) return resultOf(taskId)
    const cancelled = new AbortController()
    const stopping = AbortSignal.any([runtime.stopping, cancelled.signal])
    void log
      .until((state) => (taskOf(state, taskId)!.cancel ? true : undefined), stopping)
      // A log that has failed is told where something is asked of it.
      .then(
        () => cancelled.abort(),
        () => undefined,
      )
    const mine = { ...(await runtimeFor(task.policy.definitions)), stopping }
    const program = openProgram(mine, taskId)
    try {
      if (task.status === 'queued') {
        const base = await workspaces.tip(task.policy.target)
        await refuseTrackedReport(mine, base)
        await log.must({ type: 'StartTask', task: taskId, base })
      } else await log.must({ type: 'ResumeTask', task: taskId })
      const conductor = mine.roles.get('conductor')
      if (conductor?.steps === undefined)
        throw new CodebandError('CB_ROLE_UNKNOWN', {
          where: 'the band',
          name: 'conductor',
          known: [...mine.roles.keys()].join(', '),
        })
      await program.run(conductor, {})
      await end(taskId, 'success', 'the program ended')
    } catch (error) {
      const { cancel } = taskOf(log.state, taskId)!
      if (cancel && !CodebandError.is(error) && log.failure === undefined) {
        await finishLanding({ ...mine, stopping: runtime.stopping }, taskId)
        await end(taskId, 'cancelled', `${cancel.by} cancelled it: ${cancel.why}`)
      } else if (error instanceof Halt) {
        if (error.park) await log.must({ type: 'ParkTask', task: taskId, ...error.park })
      } else if (error instanceof EffectError) {
        await end(taskId, outcomeOf(error), error.reason)
      } else if (CodebandError.is(error) || log.failure !== undefined) {
        throw error
      } else {
        // The steps of a role are not our code: what they throw ends the task, not the band.
        await end(taskId, 'failed', error instanceof Error ? `${error.name}: ${error.message}` : String(error))
      }
    } finally {
      cancelled.abort()
      program.close()
    }
    return resultOf(taskId)
  }

  async function end(task: string, outcome: TaskOutcome, reason: string): Promise<void> {
    await log.must({ type: 'EndTask', task, outcome, reason })
  }

  function resultOf(taskId: string): TaskResult {
    const { status, outcome, reason, parked, landings } = taskOf(log.state, taskId)!
    const pending = waitingApprovals(log.state).filter(({ task }) => task === taskId)
    const how = status === 'ended' ? outcome! : status === 'parked' ? 'parked' : 'stopped'
    return {
      task: taskId,
      outcome: how,
      reason: reason ?? parked?.detail ?? '',
      parked: parked?.reason,
      landed: landings,
      pending,
    }
  }

  async function persons(answer: Promise<Awaited<ReturnType<typeof log.dispatch>>>, id: string): Promise<void> {
    const given = await answer
    if (isRejection(given)) throw new CodebandError('CB_APPROVAL_UNKNOWN', { id })
  }

  return {
    get state() {
      return log.state
    },
    async run(text, { by = 'person' } = {}) {
      if (text.trim() === '') throw new CodebandError('CB_TASK_EMPTY')
      return drive(await submitTask(log, { text, policy, by }))
    },
    async resume(taskId) {
      if (taskId !== undefined && taskOf(log.state, taskId) === undefined)
        throw new CodebandError('CB_TASK_UNKNOWN', { task: taskId })
      const open = tasksOf(log.state).filter(
        ({ id, status }) => status !== 'ended' && (taskId === undefined || id === taskId),
      )
      const ends = await Promise.allSettled(open.map(({ id }) => drive(id)))
      const broken = ends.find((end) => end.status === 'rejected')
      if (broken) throw broken.reason
      return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
    },
    approve: (approval, by) => persons(log.dispatch({ type: 'Approve', approval, by }), approval),
    reject: (approval, why, by) => persons(log.dispatch({ type: 'Reject', approval, why, by }), approval),
    drives: (task) => driven.has(task),
    async cancel(task, why, by) {
      const answer = await log.dispatch({ type: 'CancelTask', task, why, by })
      if (isRejection(answer)) {
        const code = answer.code === 'task-ended' ? 'CB_TASK_ENDED' : 'CB_TASK_UNKNOWN'
        throw new CodebandError(code, { task, outcome: taskOf(log.state, task)?.outcome ?? '' })
      }
      return drive(task)
    },
    on: (listener) => log.on(listener),
  }
}

function outcomeOf({ outcome }: EffectError): TaskOutcome {
  return outcome === 'retry' || outcome === 'escalate' ? 'escalated' : outcome
}
