import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type MemoryLog, memoryEventStore } from '../../../adapters/event-stores/memory.ts'
import { type ScriptFunction, type ScriptTurn, scripted } from '../../../adapters/frameworks/scripted.ts'
import { git } from '../../../adapters/git.ts'
import { host } from '../../../adapters/host.ts'
import type { Config, Framework, Recorded, Role, TaskResult, Tool } from '../../../adapters/index.ts'
import { type Band, type BandParts, machinePorts, openBand } from '../../../adapters/open-band.ts'
import * as shipped from '../../../adapters/roles.ts'
import { keptCommits } from '../../../adapters/workspaces/git/kept.ts'
import { resolveConfig } from '../../../core/config.ts'
import type { Clock } from '../../../core/ports/clock.ts'
import { type Difference, differenceOf } from '../../../core/runtime/replay/difference.ts'
import { openRecording } from '../../../core/runtime/replay/recording.ts'
import { replay } from '../../../core/runtime/replay/replay.ts'
import { place, repositoryOf } from '../../scene/place.ts'

interface Definitions {
  roles?: readonly Role[]
  tools?: readonly Tool[]
  config?: Omit<Config, 'frameworks'>
}

export interface Options extends Definitions {
  files?: Readonly<Record<string, string>>
  /** What the models say and call, or a function of the turn. */
  turns?: readonly ScriptTurn[] | ScriptFunction
  answer?: (person: string, question: string) => Promise<string | undefined>
  wait?: boolean
  /** What a hostile client does beside what its model says; in a replay there is no client. */
  client?: (framework: Framework) => Framework
  clock?: Clock
}

export interface RecordedBand {
  repo: string
  /** Opens the band, lets it work, and closes it: one life of the process. */
  life<T>(work: (band: Band) => Promise<T>, wait?: boolean): Promise<T>
  run(text?: string): Promise<TaskResult>
  events(): Recorded[]
  /** How many events there were after each commit. */
  commits: readonly number[]
  /** Forgets what came after this many events, as a process that was killed then had never written it. */
  cut(events: number): void
  /** Replays the first task, with these definitions in the place of those it had. */
  again(changes?: Definitions): Promise<{ equal: boolean; count: number; difference?: Difference | undefined }>
}

/** A band in this process with its log in memory: `claude` (anthropic) and `codex` (openai), both by the same script. */
export function recordedBand({
  files = {},
  turns = [],
  answer,
  wait = false,
  client = (one) => one,
  clock,
  ...given
}: Options): RecordedBand {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'b.txt': 'b\n', 'check.sh': 'true\n', ...files })
  const home = join(at, 'home')
  mkdirSync(home)
  const log: MemoryLog = { events: [], epoch: 0, leader: undefined, watchers: new Map() }
  const events = (): Recorded[] =>
    log.events.map((text, index) => ({ ...JSON.parse(text), seq: index + 1 }) as Recorded)

  const commits: number[] = []
  async function life<T>(work: (band: Band) => Promise<T>, waits = wait): Promise<T> {
    const { config: honest, roles, tools } = definitionsOf(given, turns)
    const clients = Object.entries(honest.frameworks).map(([name, one]) => [name, client(one)])
    const config = { ...honest, frameworks: Object.fromEntries(clients) as typeof honest.frameworks }
    const store = memoryEventStore({ log })
    const { append } = store
    store.append = async (...args) => {
      await append(...args)
      commits.push(log.events.length)
    }
    const { merge, review, limits, sandbox } = config
    const parts: BandParts = {
      root: repo,
      home,
      host: host(),
      store,
      config,
      roles,
      tools,
      policy: {
        definitions: 'test',
        target: 'main',
        opposition: review.opposition,
        autoMerge: merge.autoMerge,
        rounds: limits.rounds,
        retries: limits.retries,
        sandbox,
      },
      wait: waits,
      ...(answer && { answer }),
      by: 'ada',
    }
    const band = await openBand(parts, async (all) => ({ ...(await machinePorts(all)), ...(clock && { clock }) }))
    try {
      return await work(band)
    } finally {
      await band.close()
    }
  }

  return {
    repo,
    life,
    run: (text = 'do it') => life((band) => band.run(text)),
    events,
    commits,
    cut: (count) => void log.events.splice(count),
    async again(changes = {}) {
      const recording = (await openRecording(inOrder(events()), 't1'))!
      const before = definitionsOf(given, turns)
      const now = definitionsOf(
        { ...given, ...changes, roles: [...(given.roles ?? []), ...(changes.roles ?? [])] },
        turns,
      )
      const kept = keptCommits(git({ gitDir: join(home, 'repo.git') }))
      const fork = await replay({ ...now, recording, kept, root: repo, home })
      return {
        equal: fork === undefined && recording.head === recording.events.length,
        count: recording.head,
        difference: fork && differenceOf(recording, fork, { now: now.roles, before: before.roles }),
      }
    },
  }
}

function definitionsOf(
  { roles = [], tools = [], config = {} }: Definitions,
  turns: readonly ScriptTurn[] | ScriptFunction,
) {
  const script = typeof turns === 'function' ? turns : { turns: [...turns] }
  const frameworks = {
    claude: scripted({ id: 'claude', family: 'anthropic', script }),
    codex: scripted({ id: 'codex', family: 'openai', script }),
  }
  const all = [...(Object.values(shipped) as Role[]), ...roles]
  return {
    config: resolveConfig(
      { checks: [['sh', 'check.sh']], sandbox: 'off', ...config, frameworks },
      'a test',
      () => undefined,
    ),
    roles: new Map(all.map((role) => [role.id, role])),
    tools,
  }
}

async function* inOrder(events: readonly Recorded[]): AsyncGenerator<Recorded> {
  yield* events
}
