import type { Failure, Session, Usage } from '../ports/framework.ts'
import { isRejection, type Rejection } from '../protocol/commands.ts'
import { type Door, lateCalls, recordInTurn, violationOf } from './door.ts'
import { graceMs, hearing } from './grace.ts'
import type { Request } from './log.ts'
import { openMeter } from './meter.ts'
import type { Runtime } from './runtime.ts'
import { recordable } from './tools/payload.ts'
import type { Toolbox } from './tools/toolbox.ts'
import { openWatchdog } from './watchdog.ts'

type Begin = Extract<Request, { type: 'BeginTurn' }>
type End = Extract<Request, { type: 'EndTurn' }>

export type TurnResult =
  | { status: 'refused'; rejection: Rejection }
  /** The prompt has run to its end. `end` is not in the log yet: it goes in together with what the turn hands over. */
  | { status: 'done'; end: End }
  | { status: 'cancelled'; end: End }
  | { status: 'failed'; failure: Failure; end: End }

/** Tools that change nothing, whatever they answer. */
const looksOnly: ReadonlySet<string> = new Set([
  'list_files',
  'search_codebase',
  'read_files',
  'git_status',
  'git_diff',
  'git_log',
  'send_message',
])

/** Characters of one turn: more would fill the disk before a budget ends it. */
const mostText = 4 * 1024 * 1024

/** What a client says it used is money of the task: it never gives any back. */
const isAmount = (usage: Usage): boolean =>
  Object.values(usage).every((count) => count === undefined || (Number.isFinite(count) && (count as number) >= 0))

/** What ends the work on the task, too: being deaf gives a client no other try. */
const isFinal = ({ kind }: Failure): boolean => kind === 'violations' || kind === 'budget'

const deafness = (ended: Failure | undefined): Failure => ({
  kind: 'crashed',
  detail: `the client did not stop within ${graceMs / 1000} seconds${ended ? ` when it was stopped: ${ended.detail}` : ''}`,
})

/** One prompt to a session, run to its end and recorded: every text, call, refusal and the usage. */
export async function runTurn(
  { log, clock, stopping, config, standIns }: Pick<Runtime, 'log' | 'clock' | 'stopping' | 'config' | 'standIns'>,
  session: Session,
  door: Door,
  toolbox: Toolbox,
  begin: Begin,
): Promise<TurnResult> {
  const { task, turn, worker, role } = begin
  const started = await log.dispatch(begin)
  if (isRejection(started)) return { status: 'refused', rejection: started }
  const startedAt = clock.now()
  const { turnMinutes, silentMinutes, repeats, violations } = config.limits
  const limit = new AbortController()
  const signal = AbortSignal.any([stopping, limit.signal])
  /** Why core ended it, where it did. */
  let ended: Failure | undefined
  function interrupt(failure: Failure): void {
    ended ??= failure
    limit.abort()
  }
  const timer = setTimeout(
    () => interrupt({ kind: 'stalled', detail: `the turn took longer than ${turnMinutes} minutes` }),
    turnMinutes * 60_000,
  )
  const meter = openMeter(log, { task, turn }, (detail) => interrupt({ kind: 'budget', detail }))
  const limits = { silentMs: silentMinutes * 60_000, repeats, writes: (tool: string) => !looksOnly.has(tool) }
  const watchdog = openWatchdog(limits, ({ kind, detail }) => {
    // What is refused here has ended meanwhile.
    void log.dispatch({ type: 'NoticeStall', task, turn, kind, detail }).catch(() => undefined)
    interrupt({ kind: kind === 'loop' ? 'loop' : 'stalled', detail })
  })
  const usage: Required<Usage> = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, usd: 0 }
  let text = ''
  let spoken = 0
  const lies = (what: string): void =>
    interrupt({ kind: 'malformed', detail: `the client broke its contract: ${what}` })

  async function flushText(): Promise<void> {
    const whole = text.trim()
    text = ''
    if (whole) await recordInTurn(log, { type: 'RecordText', task, turn, text: whole })
  }

  let refused = 0
  const caller = { task, turn, worker, role }

  /** After what was refused is in the log: a model that goes on beating against the boundary is stopped. */
  function count(denied: boolean): void {
    if (!denied || ++refused < violations) return
    const detail = `${refused} calls of the turn were denied at the boundary; 'limits.violations' allows no more`
    interrupt({ kind: 'violations', detail })
  }

  const late = lateCalls(log, caller, violations)
  /** Core, a person or the client itself has ended what it belongs to. A replay plays only what came in time. */
  const isLate = (call: AbortSignal): boolean => standIns === undefined && (signal.aborted || call.aborted)

  door.lead(async (tool, given, { id: call, signal: callSignal }) => {
    if (isLate(callSignal)) return late(tool, given)
    const input = recordable(given)
    await flushText()
    // The call is in the log before anything of it happens.
    if (!(await recordInTurn(log, { type: 'RecordCall', task, turn, call, tool, input }))) return late(tool, given)
    watchdog.calling()
    const { ok, output, denied, sandbox } = await toolbox.call(tool, input, {
      id: `${turn}/${call}`,
      signal: AbortSignal.any([signal, callSignal]),
    })
    const returned: Request = { type: 'RecordReturn', task, turn, call, tool, ok, output, sandbox }
    const violation = denied ? [violationOf(caller, tool, input, denied)] : []
    // Where the turn has ended meanwhile nobody reads the answer; a refusal is told all the same.
    if (!(await recordInTurn(log, ...violation, returned)) && denied) await log.dispatch(...violation)
    watchdog.called(tool, input, { ok })
    count(denied !== undefined)
    return { ok, output }
  })

  let outcome: 'done' | 'cancelled' | Failure = { kind: 'crashed', detail: 'the session ended without a turn-end' }
  const strayCalls = new Map<string, { name: string; input: unknown }>()
  const said = session.prompt(begin.prompt, { signal })
  // A replay has no client, and no time.
  const client = standIns ? { events: said, deaf: false } : hearing(said, signal, clock)
  try {
    for await (const event of client.events) {
      watchdog.progress()
      if (event.type === 'text') {
        spoken += event.delta.length
        if (spoken <= mostText) text += event.delta
        else lies(`it said more than ${mostText / 1024 / 1024} Mi characters in one turn`)
      } else if (event.type === 'usage' && !isAmount(event.usage)) {
        lies(`it reported a usage that is none: ${Object.values(event.usage).join(', ')}`)
      } else if (event.type === 'usage') {
        usage.inputTokens += event.usage.inputTokens
        usage.outputTokens += event.usage.outputTokens
        usage.usd += event.usage.usd ?? 0
        await meter.spend(event.usage.inputTokens + event.usage.outputTokens, event.usage.usd ?? 0)
      } else if (event.type === 'tool-call') {
        // A call that never reached the door: the client does not know the tool, or refused it by itself.
        await flushText()
        const stray = { name: event.name, input: recordable(event.input) }
        strayCalls.set(event.id, stray)
        await log.must({ type: 'RecordCall', task, turn, call: event.id, tool: stray.name, input: stray.input })
      } else if (event.type === 'tool-result') {
        const { name, input } = strayCalls.get(event.id) ?? { name: 'unknown', input: undefined }
        const refusal = { code: 'tool-not-in-role', reason: event.output }
        const denied = event.ok ? [] : [violationOf(caller, name, input, refusal)]
        await log.must(...denied, {
          type: 'RecordReturn',
          task,
          turn,
          call: event.id,
          tool: name,
          ok: event.ok,
          output: event.output,
        })
        count(!event.ok)
      } else if (event.type === 'turn-end') outcome = event.outcome
    }
  } finally {
    clearTimeout(timer)
    meter.stop()
    watchdog.stop()
    door.lead(late)
  }
  await flushText()

  const end: Omit<End, 'outcome'> = {
    type: 'EndTurn',
    task,
    turn,
    usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, usd: usage.usd },
    session: session.token,
    ms: clock.now() - startedAt,
  }
  if (client.deaf) outcome = deafness(ended)
  // Whatever became of its client.
  if (!standIns && outcome !== 'done' && ended && isFinal(ended)) outcome = ended
  if (outcome === 'done') return { status: 'done', end: { ...end, outcome } }
  if (outcome === 'cancelled' && ended === undefined) return { status: 'cancelled', end: { ...end, outcome } }
  const failure: Failure = outcome === 'cancelled' ? ended! : outcome
  return {
    status: 'failed',
    failure,
    end: { ...end, outcome: 'failed', failure: { kind: failure.kind, detail: failure.detail } },
  }
}
