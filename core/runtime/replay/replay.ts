import type { ResolvedConfig } from '../../config.ts'
import type { KeptCommits } from '../../ports/workspace.ts'
import type { Role } from '../../role/role.ts'
import type { Tool } from '../../role/tool.ts'
import { openLeadingBand } from '../band.ts'
import type { Redact } from '../redact.ts'
import type { Runtime } from '../runtime.ts'
import { openSlots } from '../slots.ts'
import { recordedAnswers } from './answers.ts'
import { recordedChecks } from './checks.ts'
import { type Fork, openOrderedLog } from './ordered-log.ts'
import type { Recording } from './recording.ts'
import { recordedRoster } from './roster.ts'
import { recordedFramework } from './session.ts'
import { recordedToolbox, recordedToolServers } from './tools.ts'
import { type RecordedWorktree, recordedWorkspaces } from './workspaces.ts'

export interface ReplayParts {
  recording: Recording
  /** What is played now. */
  config: ResolvedConfig
  roles: ReadonlyMap<string, Role>
  tools: readonly Tool[]
  /** The commits of the recorded run. */
  kept: KeptCommits
  /** The repository's top folder. */
  root: string
  /** $CODEBAND_HOME of the recorded run; paths of its worktrees stand in calls. */
  home: string
  redact?: Redact
}

/** Plays what is recorded of a task once more: the real program, turns, gate and law, on a log in memory, with every part of the world
 *  answering what it answered then. Nothing outside memory is written. Gives the first place that asks for something else; the head of
 *  the recording is then there, else at its end. */
export async function replay({
  recording,
  config,
  roles,
  tools,
  kept,
  root,
  home,
  redact,
}: ReplayParts): Promise<Fork | undefined> {
  const log = openOrderedLog(recording, redact)
  const checks = recordedChecks(recording, log)
  const workspaces = recordedWorkspaces(recording, log, kept, { root, home, checks })
  const custom = new Set(tools.map(({ name }) => name))
  const frameworks = Object.fromEntries(
    Object.entries(config.frameworks).map(([name, one]) => [name, recordedFramework(one, recording, custom)]),
  )
  // What `setup` did is not recorded, and nothing is asked of it.
  const played = { ...config, frameworks, setup: [] }
  const { answer, waits } = recordedAnswers(recording, log)
  const lifeOf = (stopping: AbortSignal): Runtime => ({
    log: log.open(),
    stopping,
    roster: recordedRoster(played, roles, recording),
    workspaces,
    sandbox: checks.sandbox,
    clock: {
      now: () => (recording.events[recording.head - 1] ?? recording.submitted).at,
      sleep: async () => undefined,
    },
    config: played,
    roles,
    tools,
    home,
    baseEnv: {},
    hostEnv: variablesOf(roles),
    checking: openSlots(1),
    settingUp: openSlots(Number.POSITIVE_INFINITY),
    toolServers: recordedToolServers(roles),
    fetch: () => Promise.reject(new Error('a replay reaches no network')),
    wait: waits(),
    answer,
    standIns: {
      toolbox: recordedToolbox(recording, log),
      judged: checks.judged,
      read: (worktree, path) => log.busy((worktree as RecordedWorktree).after(path)),
    },
  })
  while (recording.head < recording.events.length) {
    if (!log.begin()) continue
    const stop = new AbortController()
    const runtime = lifeOf(stop.signal)
    const band = openLeadingBand(runtime, async () => runtime, recording.submitted.policy)
    const fork = await log.play(band.resume(recording.task))
    stop.abort()
    if (fork) return fork
  }
  return undefined
}

/** Every variable that a tool server of these roles may ask for; none of their values matters. */
function variablesOf(roles: ReadonlyMap<string, Role>): Record<string, string> {
  const names = [...roles.values()].flatMap(({ mcp }) =>
    Object.values(mcp ?? {}).flatMap(({ env = [], headers = {} }) => [...env, ...Object.values(headers)]),
  )
  return Object.fromEntries(names.map((name) => [name, '']))
}
