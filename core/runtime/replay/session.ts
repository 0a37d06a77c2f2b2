import type { Failure, Framework, Session, SessionOptions, ToolResult, TurnEvent } from '../../ports/framework.ts'
import type { Recorded } from '../../protocol/events.ts'
import { builtinTools } from '../../role/tool.ts'
import type { Recording } from './recording.ts'

/** What a turn is closed with by core when it ended without its product; the model itself had ended well. */
const withoutProduct = /^(no (plan|verdict) was submitted|no output was set|the worktree holds no change)$/

/** A framework of the same name and family whose model says and calls what is recorded, turn by turn. Nothing is started. */
export function recordedFramework(
  { id, family }: Pick<Framework, 'id' | 'family'>,
  recording: Recording,
  customTools: ReadonlySet<string>,
): Framework {
  return { id, family, start: async (options) => openSession(recording, options, customTools) }
}

function openSession(recording: Recording, options: SessionOptions, customTools: ReadonlySet<string>): Session {
  let token = options.resume ?? ''
  return {
    get token() {
      return token
    },
    async *prompt(_, { signal = new AbortController().signal } = {}) {
      const started = recording.behind(['TurnStarted'], ({ worker }) => worker === options.worker)!
      const events = recording.turn(started.turn)
      const over = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)))
      const calls = new Map<string, Promise<ToolResult | undefined>>()
      /** Calls whose effect says something itself. */
      const saying = new Set<string>()
      for (const event of events) {
        if (event.type === 'TextSaid') {
          if (saying.size === 0) yield { type: 'text', delta: event.text }
        } else if (event.type === 'ToolCalled') {
          const { call, tool, input } = event
          if (neverReachedUs(recording, event, customTools)) yield { type: 'tool-call', id: call, name: tool, input }
          else {
            if (tool === 'send_message') saying.add(call)
            const running = options.call(tool, input, { id: call, signal })
            // It fails only where this life of the program has ended.
            calls.set(
              call,
              running.catch(() => undefined),
            )
          }
        } else if (event.type === 'ToolReturned') {
          const { call: id, ok, output } = event
          saying.delete(id)
          const running = calls.get(id)
          if (running) await Promise.race([running, over])
          else yield { type: 'tool-result', id, ok, output }
        } else if (event.type === 'TurnEnded') {
          // Closed by the process that came after.
          if (event.outcome === 'cancelled' && event.failure !== undefined) break
          token = event.session ?? token
          yield { type: 'usage', usage: event.usage }
          yield { type: 'turn-end', outcome: outcomeOf(event) }
          return
        }
      }
      // The process ended in this turn. What was said last was written for the sake of a call that was not.
      if (events.findLast(({ type }) => type !== 'TurnEnded')?.type === 'TextSaid') {
        void options.call('', {}, { id: '', signal }).catch(() => undefined)
      }
      await over
      yield { type: 'turn-end', outcome: 'cancelled' }
    },
    close: async () => undefined,
  }
}

function outcomeOf({
  outcome,
  failure,
}: Extract<Recorded, { type: 'TurnEnded' }>): Extract<TurnEvent, { type: 'turn-end' }>['outcome'] {
  if (outcome === 'cancelled') return 'cancelled'
  if (outcome !== 'failed' || failure === undefined || withoutProduct.test(failure.detail)) return 'done'
  return { kind: failure.kind as Failure['kind'], detail: failure.detail }
}

/** A call that the client answered by itself: it does not know the tool, or refused it. */
function neverReachedUs(
  recording: Recording,
  { turn, call, tool }: Extract<Recorded, { type: 'ToolCalled' }>,
  customTools: ReadonlySet<string>,
): boolean {
  const answer = recording.returned(turn, call)
  if (answer?.denied) return answer.denied.reason === answer.returned.output
  const known = (builtinTools as readonly string[]).includes(tool) || tool.startsWith('mcp/') || customTools.has(tool)
  return answer?.returned.ok === true && !known
}
