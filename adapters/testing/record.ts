import type { Recorded } from '../../core/protocol/events.ts'

export interface PromptSeen {
  role: string
  systemPrompt: string
  userPrompt: string
}

export interface ToolCallSeen {
  role: string
  tool: string
  input: unknown
  ok: boolean
  /** What the model read. */
  output: string
  /** Code of the denial, where the gate refused it. */
  denied?: string
}

export interface EffectSeen {
  /** `scribe/0`: the first effect of the steps of the role `scribe`. */
  place: string
  kind: string
  /** The role that is asked for. */
  role?: string
}

export interface Record {
  take(event: Recorded): void
  readonly prompts: readonly PromptSeen[]
  readonly calls: readonly ToolCallSeen[]
  readonly effects: readonly EffectSeen[]
  /** The worker that played the role last. */
  workerOf(role: string): string | undefined
}

/** What a test wants to know of a log. Effects are those below `within`. */
export function openRecord(within: string): Record {
  const prompts: PromptSeen[] = []
  const effects: EffectSeen[] = []
  const calls: (ToolCallSeen & { turn: string; call: string })[] = []
  const turns = new Map<string, { role: string; worker: string }>()
  return {
    prompts,
    effects,
    get calls() {
      return calls.map(({ turn: _turn, call: _call, ...seen }) => seen)
    },
    workerOf: (role) => [...turns.values()].findLast((turn) => turn.role === role)?.worker,
    take(event) {
      if (event.type === 'TurnStarted') {
        const { turn, role, worker, systemPrompt, prompt } = event
        turns.set(turn, { role, worker })
        prompts.push({ role, systemPrompt, userPrompt: prompt })
      } else if (event.type === 'EffectStarted' && event.place.startsWith(within)) {
        const { kind, role } = event.effect
        effects.push({ place: event.place.slice(within.length), kind, ...(role !== undefined && { role }) })
      } else if (event.type === 'ToolCalled') {
        const { turn, call, tool, input } = event
        calls.push({ turn, call, role: turns.get(turn)?.role ?? '', tool, input, ok: false, output: '' })
      } else if (event.type === 'ViolationRecorded' && event.code !== 'stale-epoch') {
        // It names no call: it is of the one that has no answer yet.
        const open = calls.findLast(({ turn, tool }) => turn === event.turn && tool === event.tool)
        if (open) open.denied = event.code
      } else if (event.type === 'ToolReturned') {
        const made = calls.find(({ turn, call }) => turn === event.turn && call === event.call)
        if (made) Object.assign(made, { ok: event.ok, output: event.output })
      }
    },
  }
}
