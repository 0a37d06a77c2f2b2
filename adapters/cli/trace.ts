import type { Recorded } from '../../core/protocol/events.ts'
import type { Verdict } from '../../core/protocol/verdict.ts'
import { openSides } from './sides.ts'

/** One line a person reads. */
export interface TraceLine {
  who: string
  text: string
  tone: 'plain' | 'good' | 'bad' | 'quiet'
}

const short = (hash: string): string => hash.slice(0, 7)
const firstLine = (text: string): string => {
  const line = (text.split('\n').find((one) => one.trim()) ?? '').trim()
  return line.length > 160 ? `${line.slice(0, 160)}…` : line
}

/** The trace: what a person sees of each event in turn, often nothing. */
export function openTrace(): (event: Recorded) => readonly TraceLine[] {
  /** What the last call of each turn was about, since a violation holds only the hash of its input. */
  const about = new Map<string, string>()
  const sides = openSides()
  return (event) => {
    if (event.type === 'ToolCalled') about.set(event.turn, subjectOfCall(event.input))
    sides.hear(event)
    const line = traceLine(event, about)
    const views = event.type === 'TaskEnded' && halted.has(event.outcome) ? sides.of(event.task) : []
    return line ? [line, ...views] : views
  }
}

/** Ends after which a person decides, and wants to hear both sides. */
const halted: ReadonlySet<string> = new Set(['escalated', 'failed', 'refused', 'budget'])

function traceLine(event: Recorded, about: ReadonlyMap<string, string>): TraceLine | undefined {
  const say = (who: string, text: string, tone: TraceLine['tone'] = 'plain'): TraceLine => ({ who, text, tone })
  switch (event.type) {
    case 'TaskSubmitted':
      return say('task', `${event.task}: ${firstLine(event.text)}`)
    case 'TaskResumed':
      return say('task', `${event.task} goes on`, 'quiet')
    case 'CancelRequested':
      return say('task', `${event.by} cancels ${event.task}: ${firstLine(event.why)}`, 'bad')
    case 'WorkerAssigned':
      // The first assignment says nothing that the turn itself does not say.
      return event.epoch === 1
        ? undefined
        : say('watchdog', `${event.subject} goes to ${event.worker} (${event.start}): ${firstLine(event.reason)}`)
    case 'StallNoticed':
      return say('watchdog', `${event.worker} is interrupted (${event.kind}): ${firstLine(event.detail)}`, 'bad')
    case 'PersonReminded':
      return say('watchdog', `${event.approval} still waits for a person: codeband approve ${event.approval}`)
    case 'MessageSent':
      return say(event.from, `@${event.to} ${firstLine(event.text)}`)
    case 'TextSaid':
      return say(event.worker, firstLine(event.text))
    case 'ToolReturned':
      return event.ok || !/^denied/.test(event.output) ? toolLine(event) : undefined
    case 'ViolationRecorded':
      return say(
        'boundary',
        `${event.worker} ${event.tool}${isOfCall(event) ? (about.get(event.turn ?? '') ?? '') : ''}: denied, ${event.code}`,
        'bad',
      )
    case 'StraysRemoved': {
      const more = event.count > event.paths.length ? ', ...' : ''
      return say(event.worker, `removed ${count(event.count, 'stray file')}: ${event.paths.join(', ')}${more}`, 'quiet')
    }
    case 'PlanSubmitted':
      return say(
        event.worker,
        `Plan of ${count(event.plan.subtasks.length, 'subtask')}: ${event.plan.subtasks.map(({ title }) => title).join('; ')}`,
      )
    case 'ChangeSubmitted':
      return say(event.worker, `Change ${short(event.commit)}: ${firstLine(event.message)} (${event.files.join(', ')})`)
    case 'VerdictGiven':
      return verdictLine(event)
    case 'TurnEnded':
      return event.outcome === 'failed' || event.outcome === 'void'
        ? say(
            event.worker,
            `Turn ${event.outcome}: ${event.failure?.kind ?? ''} ${firstLine(event.failure?.detail ?? '')}`,
            'bad',
          )
        : undefined
    case 'EffectFailed':
      return say('task', `${event.place}: ${event.outcome}: ${firstLine(event.reason)}`, 'bad')
    case 'ChangeReturned':
      return say('mergemaster', `Sent ${event.subject} back (${event.reason}): ${firstLine(event.detail)}`, 'bad')
    case 'ChecksRecorded': {
      const names = event.checks.map(({ argv }) => argv.join(' ')).join(', ') || 'no checks'
      const why = event.checks.at(-1)?.inconclusive
      const result = event.passed
        ? `passed${testsOf(event.checks)}`
        : why === undefined
          ? 'failed'
          : `inconclusive: ${firstLine(why)}`
      return say(
        'mergemaster',
        `${names} on tree ${short(event.tree)}: ${result}${unsandboxed(event.sandbox)}`,
        event.passed ? 'plain' : 'bad',
      )
    }
    case 'RiskAssessed':
      return say(
        'mergemaster',
        `Risk ${event.risk}${event.reasons.length > 0 ? `: ${event.reasons.join('; ')}` : ''}`,
        'quiet',
      )
    case 'ApprovalRequested':
      return say(
        'mergemaster',
        `Waits for a person: codeband approve ${event.approval} (or reject ${event.approval} "why")`,
        'bad',
      )
    case 'ApprovalGiven':
      return say('person', `${event.by} approved ${event.approval} at ${short(event.commit)}`, 'good')
    case 'ApprovalRefused':
      return say('person', `${event.by} rejected ${event.approval}: ${firstLine(event.why)}`, 'bad')
    case 'LandingRefused':
      return say('mergemaster', `Not landed, ${event.reason}: ${firstLine(event.detail)}`, 'bad')
    case 'Landed': {
      const marks = `${unsandboxed(event.sandbox)}${event.waived ? ', same family' : ''}`
      return say(
        'mergemaster',
        `Tested tree ${short(event.tree)}, ${event.target} ${short(event.from)} -> ${short(event.to)}${marks}`,
        'good',
      )
    }
    case 'TaskParked':
      return say('task', `${event.task} is parked (${event.reason}): ${firstLine(event.detail)}`, 'bad')
    case 'TaskEnded':
      return say(
        'task',
        `${event.task} ended: ${event.outcome}${event.outcome === 'success' ? '' : `: ${firstLine(event.reason)}`}`,
        event.outcome === 'success' ? 'good' : 'bad',
      )
    case 'LeaderElected':
    case 'TaskStarted':
    case 'EffectStarted':
    case 'EffectEnded':
    case 'TurnStarted':
    case 'ToolCalled':
    case 'CandidateBuilt':
    case 'LandingStarted':
      return undefined
  }
}

/** The audit is about no call, and a late one is recorded without what it was about. */
const isOfCall = ({ tool, code }: { tool: string; code: string }): boolean => tool !== 'audit' && code !== 'stale-epoch'

function toolLine({
  worker,
  tool,
  ok,
  output,
  sandbox,
}: Extract<Recorded, { type: 'ToolReturned' }>): TraceLine | undefined {
  if (tool === 'run_tests' || tool === 'run_command') {
    return { who: worker, text: `${tool} ${testSummary(output)}${unsandboxed(sandbox)}`, tone: ok ? 'plain' : 'bad' }
  }
  const edits = tool === 'write_file' || tool === 'apply_diff' || tool === 'delete_file'
  if (!edits && ok) return undefined
  return { who: worker, text: `${tool}: ${firstLine(output)}`, tone: ok ? 'quiet' : 'bad' }
}

/** `npm test: 11/12 passed` where the runner's counts are known, else the first line of what the tool says. */
export function testSummary(output: string): string {
  const head = firstLine(output)
  // What a command prints of itself is no test where nothing can be concluded from it.
  const inconclusive = /^.*, (inconclusive: .*)/.exec(output)?.[1]
  if (inconclusive !== undefined) return firstLine(inconclusive)
  const number = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(output)
    return found ? Number(found[1]) : undefined
  }
  const passed = number(/^\S*\s*pass (\d+)$/m) ?? number(/(\d+) passed/)
  const failed = number(/^\S*\s*fail (\d+)$/m) ?? number(/(\d+) failed/) ?? 0
  return passed === undefined
    ? head
    : `${head.replace(/: (exit|stopped|cancelled|ended) .*$/, '')}: ${passed}/${passed + failed} passed`
}

function verdictLine({ worker, on, verdict, sameFamily }: Extract<Recorded, { type: 'VerdictGiven' }>): TraceLine {
  const mark = sameFamily ? ', same family' : ''
  if (verdict.decision === 'approve')
    return { who: worker, text: `Approved ${short(on)} (risk ${verdict.risk}${mark})`, tone: 'good' }
  if (verdict.decision === 'escalate')
    return { who: worker, text: `Escalated: ${firstLine(verdict.summary)}`, tone: 'bad' }
  return {
    who: worker,
    text: `Changes requested: ${findings(verdict) || firstLine(verdict.summary)}${mark}`,
    tone: 'bad',
  }
}

function findings({ findings: all }: Verdict): string {
  const kinds = ['Critical', 'Risk', 'Gap', 'Suggestion'] as const
  return kinds
    .flatMap((kind) => {
      const n = all.filter(({ severity }) => severity === kind).length
      return n === 0 ? [] : [`${n} ${kind.toLowerCase()}`]
    })
    .join(', ')
}

/** ` src/x.ts`, the command, or '' where the input names neither. */
function subjectOfCall(input: unknown): string {
  const { path, paths, argv, command, role } = (typeof input === 'object' && input !== null ? input : {}) as Record<
    string,
    unknown
  >
  const named =
    path ??
    (Array.isArray(paths) ? paths[0] : undefined) ??
    (Array.isArray(argv) ? argv.join(' ') : undefined) ??
    command ??
    role
  return typeof named === 'string' ? ` ${firstLine(named).slice(0, 80)}` : ''
}

/** ` (12 tests)`, where reports name them. */
function testsOf(checks: Extract<Recorded, { type: 'ChecksRecorded' }>['checks']): string {
  const counts = checks.flatMap(({ tests }) => tests?.passed ?? [])
  return counts.length === 0
    ? ''
    : ` (${count(
        counts.reduce((sum, one) => sum + one, 0),
        'test',
      )})`
}

const unsandboxed = (sandbox: string | undefined): string => (sandbox === 'none' ? ', unsandboxed' : '')
const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
