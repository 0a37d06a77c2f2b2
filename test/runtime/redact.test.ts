import { expect, test } from 'vitest'
import { redactor } from '../../core/runtime/redact.ts'

const redact = redactor({
  API_KEY: 'sk-canary-1234',
  OTHER_TOKEN: 'sk-canary-1234-longer',
  PATH: '/usr/bin/long/enough',
  SHORT_KEY: 'abc',
  QUOTED_SECRET: 'a"b\\c\nd12345',
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
  const value = { path: '/usr/bin/long/enough', short: 'abc' }
  expect(redact(value)).toBe(value)
})
