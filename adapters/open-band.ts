import { EventEmitter } from 'eventemitter3'
import type { ResolvedConfig } from '../core/config.ts'
import { CodebandError } from '../core/errors.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { EventStore } from '../core/ports/event-store.ts'
import type { Sandbox } from '../core/ports/sandbox.ts'
import type { Workspaces } from '../core/ports/workspace.ts'
import type { Policy, Recorded } from '../core/protocol/events.ts'
import { type State, type Task, taskOfApproval, tasksOf } from '../core/protocol/state.ts'
import type { Role } from '../core/role/role.ts'
import type { Tool } from '../core/role/tool.ts'
import { openLeadingBand, type TaskResult } from '../core/runtime/band.ts'
import { openLog } from '../core/runtime/log.ts'
import { redactor } from '../core/runtime/redact.ts'
import { openRoster, provePairing } from '../core/runtime/roster.ts'
import type { Runtime } from '../core/runtime/runtime.ts'
import { openSlots } from '../core/runtime/slots.ts'
import { version } from '../core/version.ts'
import { systemClock } from './clock.ts'
import { baseEnv, type Host } from './host.ts'
import { openLogs } from './logs.ts'
import { mcpServers } from './mcp-servers.ts'
import { outsideFetch } from './network/outside-fetch.ts'
import { wayOut } from './network/way-out.ts'
import { openSandbox } from './sandboxes/open.ts'
import { gitWorkspaces } from './workspaces/git.ts'

/** True: it is parked for a person's word, and the word is there. */
export function isAnswered({ status, parked, approvals }: Task): boolean {
  if (status !== 'parked' || parked?.reason !== 'approval') return false
  const asked = approvals[parked.detail]?.status
  return asked === 'given' || asked === 'refused'
}

/** A band that leads its repository: the one process that drives tasks. After `close`, CB_BAND_CLOSED. */
export interface Band {
  readonly state: State
  /** Does a task to its end, or until a person must act. CB_TASK_EMPTY. */
  run(text: string): Promise<TaskResult>
  /** Goes on with one task, or with every task that has not ended, oldest first. CB_TASK_UNKNOWN. */
  resume(task?: string): Promise<TaskResult[]>
  /** Ends a task that has not ended; what is half done is wound down first. CB_TASK_UNKNOWN. */
  cancel(task: string, why: string): Promise<TaskResult>
  /** A person's yes to exactly what was asked; what it makes possible is done before this resolves. CB_APPROVAL_UNKNOWN. */
  approve(approval: string): Promise<TaskResult | undefined>
  /** A person's no; the change goes back to its author with the reason. CB_APPROVAL_UNKNOWN. */
  reject(approval: string, why: string): Promise<TaskResult | undefined>
  /** The next task that is queued, or that waited for a person who has answered; now or when there is one. Undefined when the band closes. */
  nextTask(): Promise<string | undefined>
  on(name: 'event', listener: (event: Recorded) => void): void
  off(name: 'event', listener: (event: Recorded) => void): void
  /** Stops what runs, waits until it is recorded, and lets the repository go. Idempotent. */
  close(): Promise<void>
}

export interface BandParts {
  /** Top folder of the repository. */
  root: string
  home: string
  host: Host
  store: EventStore
  config: ResolvedConfig
  roles: ReadonlyMap<string, Role>
  tools: readonly Tool[]
  policy: Policy
  /** The definitions that an older task began with. */
  older?(
    definitions: string,
  ): Promise<{ config: ResolvedConfig; roles: ReadonlyMap<string, Role>; tools: readonly Tool[] } | undefined>
  /** True: wait for a person where one must decide. False: park. */
  wait: boolean
  answer?: Runtime['answer']
  by: string
}

/** What a band acts on the world with. */
export interface BandPorts {
  workspaces: Workspaces
  sandbox: Sandbox
  clock: Clock
}

/** Those of this machine. CB_SANDBOX_MISSING, CB_SANDBOX_LEAKS, CB_NOT_A_REPO, CB_GIT_VERSION. */
export async function machinePorts({ root, home, config }: BandParts): Promise<BandPorts> {
  const sandbox = await openSandbox(config.sandbox, config.limits)
  return { sandbox, workspaces: await gitWorkspaces({ root, home, limits: config.limits }), clock: systemClock }
}

/** CB_BAND_BUSY, CB_OPPOSITION_IMPOSSIBLE, CB_REPO_EMPTY, CB_REF_UNKNOWN, and what opening the ports throws. */
export async function openBand(parts: BandParts, openPorts = machinePorts): Promise<Band> {
  const { root, home, host, store, config, roles, policy, by } = parts
  provePairing(config, roles)
  const { sandbox, workspaces, clock } = await openPorts(parts)
  await workspaces.tip(policy.target)
  const lead = await store.lead()
  if (lead === undefined) throw new CodebandError('CB_BAND_BUSY', { process: store.leader() ?? 'unknown', repo: root })
  const log = await openLog({ store, now: clock.now, lead, redact: redactor(host.env) })
  await log.must({ type: 'TakeLead', epoch: lead.epoch, process: `${host.user}@${host.machine} pid ${process.pid}` })

  const logs = openLogs(home)
  const families = [...new Set(Object.values(config.frameworks).map(({ family }) => family))]
  for (const remark of store.remarks) logs.note('the log', { remark })
  logs.note('band opened', { version, epoch: lead.epoch, root, sandbox: sandbox.kind, families })
  const stop = new AbortController()
  const emitter = new EventEmitter<{ event: [Recorded] }>()
  log.on((event) => {
    logs.event(event)
    emitter.emit('event', event)
  })
  const runtime: Runtime = {
    log,
    workspaces,
    sandbox,
    config,
    roles,
    home,
    clock,
    roster: openRoster(config, roles),
    tools: parts.tools,
    baseEnv: baseEnv(host),
    hostEnv: host.env,
    fetch: outsideFetch(wayOut({ env: host.env })),
    checking: openSlots(1),
    settingUp: openSlots(Number.POSITIVE_INFINITY),
    toolServers: mcpServers,
    stopping: stop.signal,
    wait: parts.wait,
    answer: parts.answer,
  }
  /** A task keeps the definitions it began with; edits serve later tasks. */
  async function runtimeFor(definitions: string): Promise<Runtime> {
    if (definitions === policy.definitions) return runtime
    const kept = await parts.older?.(definitions)
    if (kept === undefined) throw new CodebandError('CB_DEFINITIONS_GONE', { hash: definitions.slice(0, 12), home })
    return { ...runtime, ...kept, roster: openRoster(kept.config, kept.roles) }
  }
  const leading = openLeadingBand(runtime, runtimeFor, policy)

  /** What drives tasks now; `close` waits for it. */
  const busy = new Set<Promise<unknown>>()
  async function tracked<T>(begin: () => Promise<T>): Promise<T> {
    if (stop.signal.aborted) throw new CodebandError('CB_BAND_CLOSED')
    const result = begin()
    const settled = result.catch((error: unknown) => logs.note('failed', { error: String(error) }))
    busy.add(settled)
    void settled.then(() => busy.delete(settled))
    return result
  }

  async function answered(approval: string, word: Promise<void>): Promise<TaskResult | undefined> {
    await word
    const task = taskOfApproval(log.state, approval)
    // A task that is being driven sees the word by itself; a parked one is taken up.
    if (task?.status !== 'parked') return undefined
    return (await tracked(() => leading.resume(task.id)))[0]
  }

  /** A person's words whose consequences are not done: `close` lets them finish. */
  const answers = new Set<Promise<void>>()
  let closing: Promise<void> | undefined
  return {
    get state() {
      return log.state
    },
    run: (text) => tracked(() => leading.run(text, { by })),
    resume: (task) => tracked(() => leading.resume(task)),
    cancel: (task, why) => tracked(() => leading.cancel(task, why, by)),
    nextTask: () =>
      log.until(
        (state) =>
          tasksOf(state).find((task) => (task.status === 'queued' && !leading.drives(task.id)) || isAnswered(task))?.id,
        stop.signal,
      ),
    approve: (approval) => inFlight(() => answered(approval, leading.approve(approval, by))),
    reject: (approval, why) => inFlight(() => answered(approval, leading.reject(approval, why, by))),
    on: (name, listener) => void emitter.on(name, listener),
    off: (name, listener) => void emitter.off(name, listener),
    close: () =>
      (closing ??= (async () => {
        await Promise.allSettled([...answers])
        stop.abort()
        await Promise.all(busy)
        log.close()
        await workspaces.close()
        await lead.release()
        await store.close()
        emitter.removeAllListeners()
        logs.note('band closed')
        logs.close()
      })()),
  }

  async function inFlight<T>(give: () => Promise<T>): Promise<T> {
    if (closing) throw new CodebandError('CB_BAND_CLOSED')
    const answer = give()
    const settled = answer.then(
      () => undefined,
      () => undefined,
    )
    answers.add(settled)
    void settled.then(() => answers.delete(settled))
    return answer
  }
}
