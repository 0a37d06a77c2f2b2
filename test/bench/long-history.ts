import type { Event, Policy } from '../../core/protocol/events.ts'

const policy: Policy = {
  definitions: 'd0',
  target: 'main',
  opposition: 'required',
  autoMerge: 'low',
  rounds: 3,
  retries: 3,
  sandbox: 'required',
}
const oid = (n: number): string => n.toString(16).padStart(40, '0')

/** Calls a turn makes. */
const CALLS = 8
/** Changes a task makes, each by its own coder and reviewed once. */
const CHANGES = 6

/** The first `count` events of a band at work: one task after another, 298 events each, in the proportions of a real run. */
export function* longHistory(count: number): Generator<Event> {
  let left = count
  for (let task = 1; left > 0; task++) {
    for (const event of oneTask(`t${task}`)) {
      if (left-- === 0) return
      yield event
    }
  }
}

function* oneTask(task: string): Generator<Event> {
  let at = 1_763_719_000_000
  let n = 0
  const stamp = () => ({ at: at++, task })
  yield { type: 'TaskSubmitted', ...stamp(), text: 'Add JWT authentication with tests', policy, by: 'ada' }
  yield { type: 'TaskStarted', ...stamp(), base: oid(1) }
  for (let change = 0; change < CHANGES; change++) {
    const subject = `change/s${change}`
    const place = `conductor/2/${change}`
    const commit = oid(++n)
    yield {
      type: 'EffectStarted',
      ...stamp(),
      place: `${place}.0`,
      effect: { kind: 'spawn', role: 'coder', hash: oid(n) },
    }
    const coder = { worker: `coder-codex-${change % 2}`, role: 'coder', framework: 'codex', family: 'openai' }
    yield* turn({ turn: `${task}.${place}.0`, place: `${place}.0`, subject, ...coder }, stamp)
    yield {
      type: 'ChangeSubmitted',
      ...stamp(),
      subject,
      turn: `${task}.${place}.0`,
      worker: coder.worker,
      family: coder.family,
      role: 'coder',
      commit,
      tree: oid(n),
      base: oid(1),
      files: ['src/auth/middleware.ts'],
      message: 'middleware: tokens are checked',
      input: { subtask: { id: `s${change}`, title: 'check tokens' } },
    }
    yield { type: 'EffectEnded', ...stamp(), place: `${place}.0`, result: { commit } }
    yield {
      type: 'EffectStarted',
      ...stamp(),
      place: `${place}.1`,
      effect: { kind: 'review', role: 'code-reviewer', hash: oid(n) },
    }
    const reviewer = {
      worker: 'code-reviewer-claude-0',
      role: 'code-reviewer',
      framework: 'claude',
      family: 'anthropic',
    }
    yield* turn({ turn: `${task}.${place}.1`, place: `${place}.1`, subject, on: commit, ...reviewer }, stamp)
    yield {
      type: 'VerdictGiven',
      ...stamp(),
      subject,
      on: commit,
      turn: `${task}.${place}.1`,
      worker: reviewer.worker,
      family: reviewer.family,
      verdict: { decision: 'approve', findings: [], risk: 'low', summary: 'It checks every token.' },
    }
    yield { type: 'EffectEnded', ...stamp(), place: `${place}.1`, result: { decision: 'approve' } }
  }
  yield { type: 'EffectStarted', ...stamp(), place: 'conductor/3', effect: { kind: 'merge', hash: oid(n) } }
  const candidate = { candidate: `${task}.k1`, tree: oid(n + 1) }
  const changes = Array.from({ length: CHANGES }, (_, i) => ({ subject: `change/s${i}`, commit: oid(i + 1) }))
  yield { type: 'CandidateBuilt', ...stamp(), ...candidate, base: oid(1), commit: oid(n + 2), changes }
  yield { type: 'ChecksRecorded', ...stamp(), ...candidate, passed: true, checks: [], sandbox: 'bubblewrap' }
  yield { type: 'RiskAssessed', ...stamp(), candidate: candidate.candidate, risk: 'low', reasons: [] }
  const move = { target: 'main', from: oid(1), to: oid(n + 2) }
  yield { type: 'LandingStarted', ...stamp(), ...candidate, ...move }
  yield { type: 'Landed', ...stamp(), ...candidate, ...move, sandbox: 'bubblewrap', waived: false }
  yield { type: 'EffectEnded', ...stamp(), place: 'conductor/3', result: { landed: true } }
  yield { type: 'TaskEnded', ...stamp(), outcome: 'success', reason: 'the program ended' }
}

interface Played {
  turn: string
  place: string
  worker: string
  role: string
  framework: string
  family: string
  subject: string
  on?: string
}

function* turn(played: Played, stamp: () => { at: number; task: string }): Generator<Event> {
  const { turn: id, worker } = played
  const prompts = { systemPrompt: 'You implement exactly one subtask.', prompt: 'Subtask s1: check tokens' }
  yield { type: 'TurnStarted', ...stamp(), ...played, round: 1, retry: 0, ...prompts }
  for (let i = 0; i < CALLS; i++) {
    const call = { turn: id, worker, call: `call-${i}`, tool: 'read_files' }
    yield { type: 'ToolCalled', ...stamp(), ...call, input: { paths: ['src/auth/middleware.ts'] } }
    yield {
      type: 'ToolReturned',
      ...stamp(),
      ...call,
      ok: true,
      output: 'export const check = (token) => true'.repeat(3),
    }
  }
  for (let i = 0; i < 3; i++) yield { type: 'TextSaid', ...stamp(), turn: id, worker, text: 'I read the middleware.' }
  const usage = { inputTokens: 1200, outputTokens: 300, usd: 0.01 }
  yield { type: 'TurnEnded', ...stamp(), turn: id, worker, outcome: 'done', usage, session: `s-${id}`, ms: 900 }
}
