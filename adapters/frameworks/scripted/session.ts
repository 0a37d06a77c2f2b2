import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CodebandError } from '../../../core/errors.ts'
import type { Failure, Session, SessionOptions, ToolResult, TurnEvent, Usage } from '../../../core/ports/framework.ts'
import { chooseTurn, playedIn, roleOf, tokenOf } from './choose-turn.ts'
import { readStep, type Script, type ScriptFunction, type ScriptStep } from './script.ts'

const defaultUsage: Usage = { inputTokens: 100, outputTokens: 10 }
/** How long an aborted call may take to give its result. */
const graceMs = 1_000

type Part = { turn: number; steps: Steps } | { problem: string }
type Steps = readonly ScriptStep[] | AsyncGenerator<ScriptStep, void, ToolResult | undefined>
type Outcome = Extract<TurnEvent, { type: 'turn-end' }>['outcome']

export function openSession(id: string, script: Script | ScriptFunction, options: SessionOptions): Session {
  const { worker, systemPrompt, tools } = options
  const role = roleOf(worker, id)
  const played = playedIn(options.resume)
  const closing = new AbortController()
  let playing = false

  /** What this prompt plays. A function's turns are numbered as they come. */
  function part(prompt: string): Part {
    if (typeof script !== 'function') return chooseTurn(script, { role, prompt, played })
    const turn = played.length
    return { turn, steps: script({ role, worker, prompt, systemPrompt, played: turn, tools }) }
  }

  async function* play(text: string, signal: AbortSignal): AsyncGenerator<TurnEvent> {
    let counted = false
    let outcome: Outcome = 'done'
    try {
      const found = part(text)
      if ('problem' in found) outcome = malformed(found.problem)
      else {
        let result: ToolResult | undefined
        const steps = inOrder(found.steps, () => result, signal)
        for await (const given of steps) {
          const step = readStep(given)
          if ('problem' in step) outcome = malformed(step.problem)
          else if ('fail' in step) {
            const { fail: kind, detail = `the script fails this turn (${kind})`, retryAfter } = step
            outcome = { kind, detail, ...(retryAfter !== undefined && { retryAfter }) }
            played.push(found.turn)
          } else if ('call' in step) {
            result = await call(step, options, signal)
            const problem = unmet(step, result)
            if (problem && !signal.aborted) outcome = malformed(problem)
          } else {
            result = undefined
            if ('usage' in step) counted = true
            if ('wait' in step) await untilAborted(sleep(step.wait, undefined, { signal }), signal)
            else yield eventOf(step)
          }
          if (signal.aborted) outcome = 'cancelled'
          if (outcome !== 'done') break
        }
        if (signal.aborted) outcome = 'cancelled'
        // A turn that was cancelled or that did not go as the script says is played again.
        if (outcome === 'done') played.push(found.turn)
      }
    } catch (error) {
      // A script in code is not ours.
      outcome = { kind: 'crashed', detail: `the script threw: ${error instanceof Error ? error.message : error}` }
    }
    if (!counted) yield { type: 'usage', usage: defaultUsage }
    yield { type: 'turn-end', outcome }
  }

  return {
    get token() {
      return tokenOf(played)
    },
    async *prompt(text, { signal } = {}) {
      if (playing) throw new CodebandError('CB_INTERNAL', { detail: `'${worker}' was prompted during its turn` })
      const ends = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal
      if (ends.aborted) return yield { type: 'turn-end', outcome: 'cancelled' }
      playing = true
      try {
        yield* play(text, ends)
      } finally {
        playing = false
      }
    },
    async close() {
      closing.abort()
    },
  }
}

/** The steps, one after the other; a generator is handed the result of the step before and is given up at once on an abort. */
async function* inOrder(
  steps: Steps,
  result: () => ToolResult | undefined,
  signal: AbortSignal,
): AsyncGenerator<unknown, void, void> {
  if (!(Symbol.asyncIterator in steps)) return yield* steps
  try {
    for (let first = true; ; first = false) {
      const next = await untilAborted(first ? steps.next() : steps.next(result()), signal)
      if (!next || next.done) return
      yield next.value
    }
  } finally {
    // It may hang where it is, or throw on its way out; the turn has ended either way.
    void Promise.resolve(steps.return(undefined)).catch(() => undefined)
  }
}

async function call(
  step: Extract<ScriptStep, { call: string }>,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<ToolResult> {
  // Also a tool that was not given: a hostile script must meet the gate, not a check of ours.
  const running = options.call(step.call, step.input ?? {}, { id: randomUUID(), signal })
  const late = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => setTimeout(resolve, graceMs, undefined), { once: true })
  })
  return (await Promise.race([running, late])) ?? { ok: false, output: 'cancelled' }
}

function unmet({ call, expect }: Extract<ScriptStep, { call: string }>, { ok, output }: ToolResult): string {
  const met =
    expect === undefined || (typeof expect === 'object' ? output.includes(expect.contains) : (expect === 'ok') === ok)
  if (met) return ''
  const wanted = typeof expect === 'object' ? `a result that contains '${expect.contains}'` : `'${expect}'`
  return `the call of '${call}' was expected to give ${wanted}; it gave ${ok ? 'ok' : 'an error'}: ${output.slice(0, 1_000).replace(/\s*\n\s*/g, ' ')}`
}

function eventOf(step: Exclude<ScriptStep, { call: string } | { wait: number } | { fail: string }>): TurnEvent {
  if ('say' in step) return { type: 'text', delta: step.say }
  if ('think' in step) return { type: 'thinking', delta: step.think }
  const { inputTokens, outputTokens, cachedTokens, usd } = step.usage
  const more = { ...(cachedTokens !== undefined && { cachedTokens }), ...(usd !== undefined && { usd }) }
  return { type: 'usage', usage: { inputTokens, outputTokens, ...more } }
}

/** The promise's value, or undefined as soon as the signal aborts. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) {
    promise.catch(() => undefined)
    return undefined
  }
  let stop: () => void = () => undefined
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const malformed = (detail: string): Failure => ({ kind: 'malformed', detail })
