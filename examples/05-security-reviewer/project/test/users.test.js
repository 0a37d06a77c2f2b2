import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, openUsers } from '../src/users.js'

test('a user is kept', () => {
  const db = openUsers()
  addUser(db, 'ada', 's1')
  equal(db.prepare('SELECT count(*) AS n FROM users').get().n, 1)
})
