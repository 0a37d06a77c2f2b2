import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from '../src/duration.ts'

test('reads one unit', () => {
  assert.equal(parseDuration('45s'), 45_000)
  assert.equal(parseDuration('30m'), 1_800_000)
})

test('adds several units', () => {
  assert.equal(parseDuration('1h30m'), 5_400_000)
})

test('refuses what is no duration', () => {
  for (const text of ['', 'soon', '5', '1h soon']) assert.throws(() => parseDuration(text), RangeError)
})
