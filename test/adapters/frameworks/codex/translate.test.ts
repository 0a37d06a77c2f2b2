import { describe, expect, test } from 'vitest'
import {
  failureOf,
  type Notification,
  outcomeOf,
  translator,
  usageMeter,
} from '../../../../adapters/frameworks/codex/translate.ts'

const delta = (itemId: string, text: string): [string, Notification] => [
  'item/agentMessage/delta',
  { itemId, delta: text },
]
const whole = (id: string, text: string): [string, Notification] => [
  'item/completed',
  { item: { type: 'agentMessage', id, text } },
]
const retry: [string, Notification] = ['error', { willRetry: true }]
const said = (...heard: [string, Notification][]) => {
  const translate = translator()
  return heard
    .flatMap(([method, params]) => translate(method, params))
    .map((event) => (event.type === 'text' ? event.delta : event))
}

describe('text', () => {
  test('of a message that comes whole is told once, with or without deltas before', () => {
    expect(said(whole('a', 'all of it'))).toEqual(['all of it'])
    expect(said(delta('a', 'all '), delta('a', 'of it'), whole('a', 'all of it'))).toEqual(['all ', 'of it'])
    expect(said(delta('a', 'all '), whole('a', 'all of it'))).toEqual(['all ', 'of it'])
  })

  test('of a repeated message is told from where it was cut', () => {
    expect(said(delta('a', 'one tw'), retry, delta('b', 'one '), delta('b', 'two'), whole('b', 'one two'))).toEqual([
      'one tw',
      'o',
    ])
  })

  test('of a repeated message that says something else is told in full', () => {
    expect(said(delta('a', 'one two'), retry, delta('b', 'one '), delta('b', 'three'))).toEqual([
      'one two',
      '\n\none three',
    ])
  })

  test('of a repeated message that stays shorter is not told again', () => {
    const heard = said(delta('a', 'one two'), retry, delta('b', 'one'), whole('b', 'one'), delta('c', 'next'))
    expect(heard).toEqual(['one two', '\n\nnext'])
  })

  test('of several messages is told in paragraphs', () => {
    expect(said(delta('a', 'one'), whole('a', 'one'), delta('b', 'two'))).toEqual(['one', '\n\ntwo'])
  })
})

test('usage is that of each response, told once however often the client repeats it', () => {
  const measure = usageMeter()
  const tokens = (total: number, inputTokens: number, outputTokens: number) => ({
    tokenUsage: { total: { totalTokens: total }, last: { inputTokens, outputTokens, cachedInputTokens: 4 } },
  })
  const heard = [tokens(0, 0, 0), tokens(11, 10, 1), tokens(11, 10, 1), tokens(31, 19, 1), tokens(9999, 0, 0)]
  expect(heard.flatMap(measure)).toEqual([
    { type: 'usage', usage: { inputTokens: 10, outputTokens: 1, cachedTokens: 4 } },
    { type: 'usage', usage: { inputTokens: 19, outputTokens: 1, cachedTokens: 4 } },
  ])
})

describe('the outcome', () => {
  test('is what the client says, whatever it says', () => {
    expect(outcomeOf({ status: 'completed' })).toBe('done')
    expect(outcomeOf({ status: 'interrupted' })).toBe('cancelled')
    expect(outcomeOf({ status: 'failed', error: null })).toEqual({ kind: 'malformed', detail: 'the turn failed' })
    expect(outcomeOf({ status: 'something new' })).toEqual({ kind: 'malformed', detail: 'the turn failed' })
  })

  test.each([
    ['usageLimitExceeded', 'quota'],
    ['serverOverloaded', 'overloaded'],
    ['unauthorized', 'auth'],
    [{ responseStreamDisconnected: { httpStatusCode: 503 } }, 'overloaded'],
    [{ httpConnectionFailed: { httpStatusCode: 403 } }, 'auth'],
    [{ httpConnectionFailed: { httpStatusCode: null } }, 'malformed'],
    [{ activeTurnNotSteerable: null }, 'malformed'],
    [{}, 'malformed'],
    ['a word of a later version', 'malformed'],
    [null, 'malformed'],
  ] as const)('of %o is %s', (codexErrorInfo, kind) => {
    expect(failureOf({ message: 'm', codexErrorInfo })).toEqual({ kind, detail: 'm' })
  })

  test.each([
    ['try again in 250ms', 250],
    ['Please try again in 1.5s.', 1_500],
    ['try again in 2 m', 120_000],
    ['try again in .', undefined],
    ['try again later', undefined],
  ])('of "%s" says when to come back: %o ms', (message, retryAfter) => {
    expect(failureOf({ message, codexErrorInfo: 'rateLimitExceeded' }).retryAfter).toBe(retryAfter)
  })
})
