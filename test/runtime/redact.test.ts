import { expect, test } from 'vitest'
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
