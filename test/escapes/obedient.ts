import { join } from 'node:path'
import { type ScriptFunction, type ScriptTurn, scripted } from '../../adapters/frameworks/scripted.ts'
import {
  type Band,
  type Config,
  createBand,
  type Framework,
  type Recorded,
  type Role,
  type TaskResult,
} from '../../adapters/index.ts'
import { hashOf } from '../../core/runtime/hash.ts'
import { replayedBand } from '../scene/replayed.ts'

export type OfType<T extends Recorded['type']> = Extract<Recorded, { type: T }>

export interface Played {
  band: Band
  events: Recorded[]
  of<T extends Recorded['type']>(type: T): OfType<T>[]
  run(text?: string): Promise<TaskResult>
  /** The folder that a worker works in. */
  worktree(worker: string): string
  /** Core's own repository. */
  store: string
}

export interface Playing extends Omit<Config, 'frameworks'> {
  repo: string
  home: string
  script: readonly ScriptTurn[] | ScriptFunction
  roles?: readonly Role[]
  /** Of the conductor; default: the shipped one's. */
  steps?: Role['steps']
  /** What a hostile client does beside what its model says. */
  client?: (framework: Framework) => Framework
  /** Whether all of it has to come again when it is replayed. */
  replays?: boolean
}

/** The real band whose models do whatever the script says: `x` (family x) makes, `y` (family y) reviews. */
export async function obedient({
  repo,
  home,
  script,
  roles = [],
  steps,
  client = (one) => one,
  replays = false,
  ...config
}: Playing): Promise<Played> {
  const conductor: Role = {
    id: 'conductor',
    description: 'Has everything played that the test asks for.',
    spawnableRoles: [
      ...new Set(['coder', 'planner', 'code-reviewer', 'file-picker', 'mergemaster', ...roles.map(({ id }) => id)]),
    ],
    ...(steps && { steps }),
  }
  const source = typeof script === 'function' ? script : { turns: script }
  const band = await (replays ? replayedBand : createBand)({
    repo,
    home,
    frameworks: {
      x: client(scripted({ id: 'x', family: 'x', script: source })),
      y: client(scripted({ id: 'y', family: 'y', script: source })),
    },
    workers: { coder: { x: 1 }, 'code-reviewer': { y: 1 } },
    roles: [...roles, ...(steps ? [conductor] : [])],
    sandbox: 'if-available',
    ...config,
  })
  const events: Recorded[] = []
  band.on('event', (event) => events.push(event))
  return {
    band,
    events,
    of: <T extends Recorded['type']>(type: T) => events.filter((event): event is OfType<T> => event.type === type),
    run: (text = 'obey') => band.run(text),
    worktree: (worker) => join(home, 'worktrees', worker),
    store: join(home, 'repo.git'),
  }
}

export interface Answer {
  tool: string
  input: unknown
  ok: boolean
  output: string
  /** What was recorded between the call and its answer. */
  violations: OfType<'ViolationRecorded'>[]
}

/** Every call of a role, in order; a script makes them one after the other. */
export function answersOf(events: readonly Recorded[], role: string): Answer[] {
  const turns = new Set(
    events.flatMap((event) => (event.type === 'TurnStarted' && event.role === role ? [event.turn] : [])),
  )
  const answers: Answer[] = []
  let open: OfType<'ToolCalled'> | undefined
  let violations: OfType<'ViolationRecorded'>[] = []
  for (const event of events) {
    if (!('turn' in event) || event.turn === undefined || !turns.has(event.turn)) continue
    if (event.type === 'ToolCalled') {
      open = event
      violations = []
    } else if (event.type === 'ViolationRecorded') violations.push(event)
    else if (event.type === 'ToolReturned') {
      answers.push({ tool: event.tool, input: open!.input, ok: event.ok, output: event.output, violations })
      violations = []
    }
  }
  return answers
}

/** What a violation of that call says of it. */
export const inputHashOf = (input: unknown): string => hashOf(input)
