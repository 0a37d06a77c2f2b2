import type { Event } from '../../protocol/events.ts'
import { toolName } from '../../role/granted-tools.ts'
import type { Role } from '../../role/role.ts'
import { fieldsThatDiffer } from './compare.ts'
import type { Fork, Now } from './ordered-log.ts'
import type { Recording } from './recording.ts'
import { textDiff } from './text-diff.ts'

/** Where a replay asks for something else, and what. */
export interface Difference {
  /** Number of the recorded event in the log. */
  seq?: number
  kind: 'effect' | 'prompt' | 'worker' | 'gate' | 'checks' | 'merge' | 'landing' | 'event' | 'end'
  place?: string
  turn?: string
  worker?: string
  /** Whose definition asks. */
  role?: string
  before: string
  now: string
  /** Names of the fields that differ, where it is the same kind of event. */
  fields: readonly string[]
  /** Of texts of more than one line: unified. */
  diff?: string
  /** Tools that its definition names now and did not name then, and the other way round. */
  tools?: { added: readonly string[]; removed: readonly string[] }
}

interface Roles {
  now: ReadonlyMap<string, Role>
  /** Those of the recorded run, where they are kept. */
  before?: ReadonlyMap<string, Role> | undefined
}

export function differenceOf(recording: Recording, { recorded, now }: Fork, roles: Roles): Difference {
  const at = { ...placeOf(recording, recorded), ...(now.kind === 'ended' ? {} : placeOf(recording, about(now))) }
  const tools = at.role === undefined ? undefined : toolsOf(at.role, roles)
  const common = {
    ...(recorded && { seq: recorded.seq }),
    ...at,
    ...(tools && tools.added.length + tools.removed.length > 0 && { tools }),
  }
  if (now.kind === 'port') return { ...common, kind: now.what, before: now.before, now: now.now, fields: [] }
  const before = recorded ? inWords(recorded) : 'nothing more'
  if (now.kind === 'ended') return { ...common, kind: 'end', before, now: endInWords(now.error), fields: [] }
  const { event } = now
  if (event.type !== recorded?.type)
    return { ...common, kind: kindOf(event, []), before, now: inWords(event), fields: [] }
  const differing = fieldsThatDiffer(event, recorded)
  const fields = differing.map(({ field }) => field)
  const diff = differing
    .map(({ field, before: a, now: b }) => {
      const [was, is] = [text(a), text(b)]
      return was.includes('\n') || is.includes('\n') ? `--- ${field}\n${textDiff(was, is)}` : ''
    })
    .filter(Boolean)
    .join('\n')
  // What takes lines is in the diff.
  const said = (which: 'before' | 'now'): string =>
    differing
      .map(({ field, ...one }) =>
        [one.before, one.now].some((value) => text(value).includes('\n'))
          ? field
          : `${field}: ${oneLine(text(one[which]))}`,
      )
      .join('; ')
  return {
    ...common,
    kind: kindOf(event, fields),
    before: `${inWords(recorded)} (${said('before')})`,
    now: `${inWords(event)} (${said('now')})`,
    fields,
    ...(diff && { diff }),
  }
}

const about = (now: Exclude<Now, { kind: 'ended' }>): object => (now.kind === 'event' ? now.event : now)

function placeOf(
  recording: Recording,
  event: object | undefined,
): Pick<Difference, 'place' | 'turn' | 'worker' | 'role'> {
  const { turn, place, worker, role } = (event ?? {}) as {
    turn?: string
    place?: string
    worker?: string
    role?: string
  }
  const started = recording.turn(turn ?? '').find((one) => one.type === 'TurnStarted')
  const of = started?.type === 'TurnStarted' ? started : undefined
  const where = place ?? of?.place
  // A place ends with numbers below the role whose program it is.
  const asks = where
    ?.split('/')
    .findLast((part) => /^[a-z]/.test(part))
    ?.replace(/\.\d+$/, '')
  const found = { place: where, turn, worker: worker ?? of?.worker, role: role ?? of?.role ?? asks }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

function kindOf({ type }: Event, fields: readonly string[]): Difference['kind'] {
  if (type === 'TurnStarted' && fields.some((field) => field === 'prompt' || field === 'systemPrompt')) return 'prompt'
  if (type === 'TurnStarted' && fields.length > 0) return 'worker'
  if (type === 'WorkerAssigned') return 'worker'
  if (type === 'ViolationRecorded') return 'gate'
  if (type === 'EffectStarted' || type === 'TurnStarted') return 'effect'
  if (type === 'TaskEnded' || type === 'TaskParked') return 'end'
  return 'event'
}

/** One event for a person. */
function inWords(event: Event): string {
  switch (event.type) {
    case 'EffectStarted':
      return `asks for ${event.effect.kind}${event.effect.role === undefined ? '' : ` of '${event.effect.role}'`}`
    case 'EffectEnded':
      return 'the effect ends well'
    case 'EffectFailed':
      return `the effect ends: ${event.outcome}: ${oneLine(event.reason)}`
    case 'TurnStarted':
      return `${event.worker} is asked`
    case 'ToolCalled':
      return `${event.worker} calls ${event.tool}`
    case 'ToolReturned':
      return `${event.tool} gives ${event.ok ? 'its result' : oneLine(event.output)}`
    case 'ViolationRecorded':
      return `${event.tool} is denied (${event.code}): ${oneLine(event.reason)}`
    case 'StraysRemoved':
      return `${event.count} stray files are removed`
    case 'TurnEnded':
      return `the turn ends: ${event.outcome}${event.failure ? `: ${oneLine(event.failure.detail)}` : ''}`
    case 'TaskEnded':
      return `the task ends: ${event.outcome}: ${oneLine(event.reason)}`
    case 'TaskParked':
      return `the task is parked (${event.reason}): ${oneLine(event.detail)}`
    default:
      return event.type
  }
}

function endInWords(error: unknown): string {
  if (error === undefined) return 'nothing is asked any more'
  return `it throws ${oneLine(error instanceof Error ? `${error.name}: ${error.message}` : String(error))}`
}

const text = (value: unknown): string =>
  value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value, null, 2)

function oneLine(value: string): string {
  const line = value.replace(/\s+/g, ' ').trim()
  return line.length > 160 ? `${line.slice(0, 160)}…` : line
}

function toolsOf(id: string, { now, before }: Roles): Difference['tools'] {
  const names = (role: Role | undefined): string[] =>
    (role?.tools ?? []).map((tool) => (typeof tool === 'string' ? tool : `${toolName(tool)} ${JSON.stringify(tool)}`))
  if (before === undefined) return undefined
  const [then, today] = [names(before.get(id)), names(now.get(id))]
  return {
    added: today.filter((one) => !then.includes(one)),
    removed: then.filter((one) => !today.includes(one)),
  }
}
