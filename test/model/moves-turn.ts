import type { Command } from '../../core/protocol/commands.ts'
import type { Task, Turn } from '../../core/protocol/state.ts'
import { entries, get } from '../../core/protocol/table.ts'
import type { Verdict } from '../../core/protocol/verdict.ts'
import type { Asking } from './moves.ts'
import type { Scope, World } from './world.ts'

type End = Pick<Extract<Command, { type: 'EndTurn' }>, 'outcome' | 'failure'>

/** `coder-anthropic-0` is anthropic's. */
export const familyOf = (worker: string): string => worker.split('-').at(-2)!

const reviewers = ['judge-anthropic-0', 'judge-openai-0']

const ends: readonly End[] = [
  { outcome: 'done' },
  { outcome: 'void', failure: { kind: 'malformed', detail: '' } },
  { outcome: 'failed', failure: { kind: 'overloaded', detail: '' } },
  { outcome: 'cancelled' },
]

/** Turns that begin, speak and end. */
export function turnMoves(asking: Asking, scope: Scope, task: Task): void {
  const { may, subjects, coders } = scope
  const { id: taskId } = task
  const turn = `${taskId}#${task.usage.turns}`
  for (const subject of subjects) {
    const now = task.subjects[subject]
    const round = now?.rounds ?? 0
    if (may.has('produce')) {
      for (const worker of coders)
        begin(asking, scope, task, { turn, worker, purpose: 'produce', subject, place: `make ${subject} ${round}` })
    }
    if (may.has('review') && now) {
      for (const worker of reviewers) {
        for (const on of new Set([now.on, `${subject}1`]))
          begin(asking, scope, task, {
            turn,
            worker,
            purpose: 'review',
            subject,
            on,
            place: `judge ${subject} ${round}`,
          })
      }
    }
  }
  for (const one of spoken(task)) {
    const cost = one.reserved.tokens ?? 1
    for (const end of may.has('fail') ? ends : ends.slice(0, 1)) {
      for (const inputTokens of may.has('budget') ? new Set([Math.min(1, cost), cost]) : [0])
        asking.leader({
          type: 'EndTurn',
          task: taskId,
          turn: one.id,
          ...end,
          usage: { inputTokens, outputTokens: 0 },
          ms: 0,
        })
    }
    if (may.has('budget')) asking.leader({ type: 'ReserveMore', task: taskId, turn: one.id, kinds: ['tokens'] })
    if (may.has('talk')) {
      const violation = { tool: 'run_command', code: 'tool-not-in-role', reason: '', inputHash: 'h' } as const
      const violates = { type: 'RecordViolation', task: taskId, role: one.role, ...violation } as const
      asking.leader({ ...violates, worker: one.worker })
      asking.leader({ ...violates, worker: one.worker, turn: one.id })
      asking.leader({ ...violates, worker: one.worker, turn: 'nothing' })
      asking.leader({ ...violates, worker: 'nobody', turn: one.id })
      const strays = { type: 'ReportStrays', task: taskId, turn: one.id, count: 1, paths: ['x'] } as const
      for (const worker of [one.worker, 'nobody']) asking.leader({ ...strays, worker, role: one.role })
      asking.leader({ type: 'RecordText', task: taskId, turn: one.id, text: 'approved' })
      asking.leader({ type: 'RecordCall', task: taskId, turn: one.id, call: 'x', tool: 'read_files', input: {} })
      asking.leader({
        type: 'RecordReturn',
        task: taskId,
        turn: one.id,
        call: 'x',
        tool: 'read_files',
        ok: true,
        output: '',
      })
      asking.leader({ type: 'NoticeStall', task: taskId, turn: one.id, kind: 'silent', detail: '' })
    }
  }
}

/** What turns hand over, and who makes it. */
export function productMoves(asking: Asking, scope: Scope, task: Task, { git }: World): void {
  const { may, subjects, coders } = scope
  const { id: taskId } = task
  for (const subject of subjects) {
    const now = task.subjects[subject]
    if (may.has('produce')) {
      for (const worker of coders) {
        const family = familyOf(worker)
        for (const start of may.has('reassign') ? (['goes-on', 'afresh'] as const) : (['goes-on'] as const))
          asking.leader({ type: 'AssignWorker', task: taskId, subject, worker, family, start, reason: '' })
      }
    }
    if (may.has('reassign')) asking.leader({ type: 'AbandonSubject', task: taskId, subject, reason: '' })
    if (now && may.has('land')) {
      for (const commit of new Set([now.on, `${subject}1`]))
        asking.leader({ type: 'ReturnChange', task: taskId, subject, commit, reason: 'checks', detail: '' })
    }
    for (const { id: turn, purpose } of handers(task, subject)) {
      // Each also says, once, what only the other may say.
      const judges = purpose === 'review'
      for (const verdict of judges ? verdicts : verdicts.slice(0, 1))
        asking.leader({ type: 'SubmitVerdict', task: taskId, turn, verdict })
      if (may.has('plan')) handPlan(asking, task, subject, turn)
      else handChange(asking, task, subject, turn, judges ? [] : [git.tip])
    }
  }
}

function handPlan(asking: Asking, task: Task, subject: string, turn: string): void {
  const hash = `${subject}${(task.subjects[subject]?.rounds ?? 0) + 1}`
  for (const plan of plans) asking.leader({ type: 'SubmitPlan', task: task.id, subject, turn, plan, hash, input: {} })
}

function handChange(asking: Asking, task: Task, subject: string, turn: string, elsewhere: readonly string[]): void {
  const now = task.subjects[subject]
  const commit = `${subject}${(now?.rounds ?? 0) + 1}`
  const base = now?.base ?? task.base ?? 'm0'
  const change = { type: 'SubmitChange', task: task.id, subject, turn, tree: 't', message: 'm', input: {} } as const
  asking.leader({ ...change, commit, base, files: ['a'] })
  for (const other of elsewhere) {
    if (other !== base) asking.leader({ ...change, commit, base: other, files: ['a'] })
    asking.leader({ ...change, commit, base, files: [] })
    // The commit it has already, and one it had before.
    for (const old of now ? new Set([now.on, `${subject}1`]) : [])
      asking.leader({ ...change, commit: old, base, files: ['a'] })
  }
}

const verdicts: readonly Verdict[] = (
  [
    ['approve', 'low'],
    ['approve', 'high'],
    ['request_changes', 'low'],
    ['escalate', 'low'],
  ] as const
).map(([decision, risk]) => ({ decision, risk, findings: [], summary: '' }))

const subtask = (id: string, dependsOn: string[]) => ({ id, title: id, description: '', files: [id], dependsOn })
const plans = [
  { summary: '', subtasks: [subtask('a', [])] },
  { summary: '', subtasks: [subtask('a', ['b']), subtask('b', ['a'])] },
]

type Beginning = Pick<
  Extract<Command, { type: 'BeginTurn' }>,
  'turn' | 'worker' | 'purpose' | 'subject' | 'place' | 'on'
>

function begin(asking: Asking, { may, caps }: Scope, { id: task }: Task, what: Beginning): void {
  const family = familyOf(what.worker)
  const role = what.purpose === 'produce' ? 'coder' : 'judge'
  const turn = {
    type: 'BeginTurn',
    task,
    role,
    framework: family,
    family,
    systemPrompt: '',
    prompt: '',
    ...what,
  } as const
  asking.leader(turn)
  if (may.has('budget') && caps) asking.leader({ ...turn, budget: 'below' })
}

/** Turns in whose name something is said: those that run, and one that ended long ago. */
function spoken(task: Task): Turn[] {
  const running = task.running.map((id) => get(task.turns, id)!)
  const late = entries(task.turns).find(
    ([id, { status }]) => status !== 'running' && !Object.values(task.latest).includes(id),
  )
  return late ? [...running, late[1]] : running
}

/** Turns in whose name this product, or a verdict on it, is handed over: those that run, the last one, and one of long ago. */
function handers(task: Task, subject: string): Turn[] {
  const last = task.latest[subject]
  const one = last === undefined ? undefined : get(task.turns, last)
  const all = spoken(task)
  return one && !all.includes(one) ? [...all, one] : all
}
