import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memoryEventStore } from '../../adapters/event-stores/memory.ts'
import { openLog } from '../../core/runtime/log.ts'
import { redactor } from '../../core/runtime/redact.ts'
import { policy } from '../protocol/given.ts'

const redact = redactor({
  API_KEY: 'sk-canary-1234',
  OTHER_TOKEN: 'sk-canary-1234-longer',
  PATH: '/usr/bin/long/enough',
  SHORT_KEY: 'abc',
  QUOTED_SECRET: 'a"b\\c\nd12345',
  DATABASE_URL: 'postgres://app:pass-of-the-database@db.example/app',
  HOMEPAGE: 'https://example.com/a:b@c',
})

test('a secret is taken out of every string of a value, keys too (I-33)', () => {
  const value = {
    text: 'x sk-canary-1234 y',
    list: ['sk-canary-1234-longer'],
    deep: { 'sk-canary-1234': 1 },
    quoted: 'say a"b\\c\nd12345',
  }
  expect(redact(value)).toEqual({
    text: 'x [redacted API_KEY] y',
    list: ['[redacted OTHER_TOKEN]'],
    deep: { '[redacted API_KEY]': 1 },
    quoted: 'say [redacted QUOTED_SECRET]',
  })
})

test('a value without a secret is the same value', () => {
  const value = { path: '/usr/bin/long/enough', short: 'abc', page: 'https://example.com/a:b@c' }
  expect(redact(value)).toBe(value)
})

test('the password in the URL of a variable is a secret, the rest of it is not', () => {
  expect(redact('psql postgres://app:pass-of-the-database@db.example/app')).toBe(
    'psql postgres://app:[redacted DATABASE_URL]@db.example/app',
  )
})

test('a log writes no secret, whoever says it (I-33)', async () => {
  const store = memoryEventStore()
  const log = await openLog({ store, now: () => 1, redact })
  await log.must({ type: 'SubmitTask', task: 't1', text: 'use sk-canary-1234', policy, by: 'ada' })
  await log.must({ type: 'SendMessage', task: 't1', from: 'ada', to: '@coder', text: 'it is sk-canary-1234-longer' })
  const written: unknown[] = []
  for await (const event of store.read()) written.push(event)
  expect(JSON.stringify(written)).not.toContain('canary')
  expect(JSON.stringify([written, log.state])).toContain('use [redacted API_KEY]')
})

describe('a secret is found', () => {
  const key = 'sk-ant-api03-C4n4ry+/=?&%"_-0123456789abcdefghijklmnopqrstuvwxyz-and-more-until-it-is-longer-than-a-line'
  const one = redactor({ ANTHROPIC_API_KEY: key })
  const hex = Buffer.from(key).toString('hex')
  const lines = (text: string, width: number, end = '\n') => text.match(new RegExp(`.{1,${width}}`, 'g'))!.join(end)

  test.each([
    ['inside JSON inside a string', JSON.stringify({ env: { KEY: key } })],
    ['inside JSON inside JSON', JSON.stringify(JSON.stringify({ key }))],
    ['in a URL', `https://x.example/?key=${encodeURIComponent(key)}&z=1`],
    ['in hex', hex],
    ['in capital hex', hex.toUpperCase()],
    ['in hex that is wrapped', lines(hex, 60)],
    ['in base64', Buffer.from(key).toString('base64')],
    ['in base64 that is wrapped', lines(Buffer.from(`KEY=${key}\n`).toString('base64'), 76)],
    ['in base64 that is wrapped as in mail', lines(Buffer.from(key).toString('base64'), 64, '\r\n')],
    ['in a header of a user and a password', `Basic ${Buffer.from(`:${key}`).toString('base64')}`],
    ['in base64url', Buffer.from(key).toString('base64url')],
    ['twice', `${key}${key}`],
  ])('%s', (_how, text) => {
    const cleaned = one({ text: `before ${text} after` }).text
    expect(cleaned).toContain('[redacted ANTHROPIC_API_KEY]')
    expect(cleaned).toMatch(/^before .* after$/s)
    // Of base64 a character at either end may stay: it holds a few bits of the key.
    const left = cleaned.replaceAll('[redacted ANTHROPIC_API_KEY]', '')
    for (let at = 0; at + 12 < key.length; at += 4) expect(left).not.toContain(key.slice(at, at + 12))
    expect(left.length).toBeLessThan(80)
  })

  test('in base64 at any place of any text, and of any value', () => {
    const secret = fc
      .string({ minLength: 8, maxLength: 120, unit: 'grapheme' })
      .filter((text) => text.trim().length >= 8)
    const around = fc.uint8Array({ maxLength: 20 })
    fc.assert(
      fc.property(
        secret,
        around,
        around,
        fc.constantFrom('base64', 'base64url', 'hex'),
        (value, before, after, way) => {
          const text = Buffer.concat([before, Buffer.from(value), after]).toString(way)
          expect(redactor({ A_SECRET: value })(text)).toContain('[redacted A_SECRET]')
        },
      ),
      { numRuns: 300 },
    )
  })

  test('whatever characters it has: none of them means anything', () => {
    const secret = fc.string({ minLength: 8, maxLength: 40, unit: fc.constantFrom(...'.*+?^{}()|[]\\/-"\n\tab$&') })
    fc.assert(
      fc.property(secret, (value) => {
        expect(redactor({ A_SECRET: value })({ a: [`x${value}y`] })).toEqual({ a: ['x[redacted A_SECRET]y'] })
      }),
      { numRuns: 300 },
    )
  })
})
