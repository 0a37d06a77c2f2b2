import { describe, expect, test } from 'vitest'
import {
  type Hints,
  type Message,
  outcomeOf,
  type ResultMessage,
  translator,
  usageOf,
} from '../../../../adapters/frameworks/claude/translate.ts'

const events = (messages: readonly Message[], reached: readonly string[] = []) => {
  const { events } = translator((id) => reached.includes(id))
  return messages.flatMap(events)
}
const start = (id: string, usage = {}): Message => ({
  type: 'stream_event',
  event: { type: 'message_start', message: { id, usage } },
})
const block: Message = { type: 'stream_event', event: { type: 'content_block_start' } }
const delta = (text: string): Message => ({
  type: 'stream_event',
  event: { type: 'content_block_delta', delta: { type: 'text_delta', text } },
})
const whole = (id: string, text: string): Message => ({
  type: 'assistant',
  message: { id, content: [{ type: 'text', text }] },
})

describe('the messages of a turn', () => {
  test('give their text once, a paragraph for each block', () => {
    const messages = [
      start('m1'),
      block,
      delta('Hel'),
      delta('lo'),
      whole('m1', 'Hello'),
      start('m2'),
      block,
      delta('Bye'),
      whole('m2', 'Bye'),
    ]
    expect(events(messages)).toEqual([
      { type: 'text', delta: 'Hel' },
      { type: 'text', delta: 'lo' },
      { type: 'text', delta: '\n\nBye' },
    ])
  })

  test('give the text of a response that was not streamed', () => {
    expect(events([start('m1'), whole('m2', 'From the second try.')])).toEqual([
      { type: 'text', delta: 'From the second try.' },
    ])
  })

  test('give no words to an error of the client, or to a subagent', () => {
    const error = { ...whole('m1', 'API Error: 500'), error: 'server_error' }
    const subagent = { ...whole('m2', 'psst'), parent_tool_use_id: 'toolu_1' }
    expect(events([error, subagent, { ...delta('psst'), parent_tool_use_id: 'toolu_1' }])).toEqual([])
  })

  test('tell of calls that never came to us, and of no others', () => {
    const messages: Message[] = [
      {
        type: 'assistant',
        message: {
          id: 'm1',
          content: [
            { type: 'tool_use', id: 'a', name: 'Bash', input: { command: 'id' } },
            { type: 'tool_use', id: 'b', name: 'mcp__codeband__read_files', input: {} },
          ],
        },
      },
      {
        type: 'user',
        message: {
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'a',
              is_error: true,
              content: '<tool_use_error>Error: No such tool available: Bash.</tool_use_error>',
            },
            { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'read' }] },
          ],
        },
      },
    ]
    expect(events(messages, ['b'])).toEqual([
      { type: 'tool-call', id: 'a', name: 'Bash', input: { command: 'id' } },
      { type: 'tool-result', id: 'a', ok: false, output: 'No such tool available: Bash.' },
    ])
  })

  test('add up what a turn used that never came to its result', () => {
    const { events, used } = translator(() => false)
    expect(used()).toBe(undefined)
    const end: Message = { type: 'stream_event', event: { type: 'message_delta', usage: { output_tokens: 20 } } }
    const first = start('m1', {
      input_tokens: 5,
      output_tokens: 1,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 10,
    })
    for (const message of [first, end, start('m2', { input_tokens: 7, output_tokens: 1 })]) events(message)
    expect(used()).toEqual({ inputTokens: 122, outputTokens: 21, cachedTokens: 100 })
  })
})

test('usage is the difference of a cost that the client counts on and on, and of tokens with what the cache held', () => {
  const usage = { input_tokens: 5, output_tokens: 2, cache_read_input_tokens: 100, cache_creation_input_tokens: 10 }
  const result: ResultMessage = { type: 'result', total_cost_usd: 0.75, usage }
  expect(usageOf(result, 0.5)).toEqual({ inputTokens: 115, outputTokens: 2, cachedTokens: 100, usd: 0.25 })
  expect(usageOf({ type: 'result' }, 0.5)).toEqual({ inputTokens: 0, outputTokens: 0 })
})

describe('the end of a turn', () => {
  const ended = (result: Partial<ResultMessage>, hints: Hints = {}) =>
    outcomeOf(
      { type: 'result', subtype: 'success', is_error: true, terminal_reason: 'api_error', ...result },
      hints,
      1_000_000,
    )

  test('is done only for a success that is no error', () => {
    expect(ended({ is_error: false, terminal_reason: 'completed' })).toBe('done')
    expect(ended({ is_error: false, subtype: 'error_max_turns', terminal_reason: 'max_turns' })).toMatchObject({
      kind: 'malformed',
    })
  })

  test.each([
    ['auth', { api_error_status: 401 }, {}],
    ['auth', { result: 'Not logged in · Please run /login' }, {}],
    ['auth', {}, { error: 'oauth_org_not_allowed' }],
    ['quota', {}, { error: 'billing_error' }],
    ['quota', { result: 'Your credit balance is too low', api_error_status: 400 }, { error: 'invalid_request' }],
    ['rate-limit', { api_error_status: 429 }, { error: 'rate_limit' }],
    // What it says to the login of a subscription.
    [
      'rate-limit',
      { result: 'Server is temporarily limiting requests (not your usage limit)', api_error_status: 429 },
      { error: 'rate_limit' },
    ],
    ['overloaded', { api_error_status: 529 }, {}],
    ['overloaded', { result: 'API Error: Connection refused (ECONNREFUSED)' }, { error: 'unknown' }],
    ['context', { result: 'x', terminal_reason: 'prompt_too_long' }, { error: 'invalid_request' }],
    ['context', { api_error_status: 413 }, { error: 'invalid_request' }],
    ['refusal', { stop_reason: 'refusal' }, { error: 'unknown' }],
    ['malformed', { api_error_status: 404 }, { error: 'model_not_found' }],
    ['crashed', { subtype: 'error_during_execution', terminal_reason: 'model_error', errors: ['boom'] }, {}],
  ] satisfies [string, Partial<ResultMessage>, Hints][])('is %s for %o', (kind, result, hints) => {
    expect(ended(result, hints)).toMatchObject({ kind, detail: expect.stringMatching(/./) })
  })

  test('tells when to try again: after the last wait of the client, or when a plan has room', () => {
    expect(ended({ api_error_status: 429 }, { retryDelayMs: 2_036.4 })).toMatchObject({
      kind: 'rate-limit',
      retryAfter: 2_036,
    })
    expect(ended({ api_error_status: 429 }, { error: 'rate_limit', resetsAt: 1_060_000 })).toMatchObject({
      kind: 'quota',
      retryAfter: 60_000,
    })
    expect(ended({ api_error_status: 401 }, { retryDelayMs: 500 })).not.toHaveProperty('retryAfter')
  })
})
