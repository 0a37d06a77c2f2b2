// Prints what each history folds to, as JSON.
import { writeSync } from 'node:fs'
import { history, names, stateHash, stateOf } from './golden.ts'

writeSync(1, JSON.stringify(Object.fromEntries(names().map((name) => [name, stateHash(stateOf(history(name)))]))))
