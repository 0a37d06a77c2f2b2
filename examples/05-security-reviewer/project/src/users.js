import { DatabaseSync } from 'node:sqlite'

/** In memory: what the tests and the demonstration need. */
export function openUsers() {
  const db = new DatabaseSync(':memory:')
  db.exec('CREATE TABLE users (name TEXT NOT NULL, secret TEXT NOT NULL)')
  return db
}

export const addUser = (db, name, secret) => db.prepare('INSERT INTO users VALUES (?, ?)').run(name, secret)
