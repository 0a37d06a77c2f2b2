import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { price } from '../src/price.js'

test('a price has no needless zeros before the point', () => equal(price(1234), '12.34'))
