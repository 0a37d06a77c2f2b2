// npm run histories: records every run of runs.ts that has no history yet, and what all of them fold to.
// npm run histories NAME FILE: adds a history that `codeband log --export FILE` wrote.
import { readFileSync } from 'node:fs'
import { FOLD } from '../../core/protocol/fold-version.ts'
import { type Folded, history, names, readFolded, stateHash, stateOf, writeFolded, writeHistory } from './golden.ts'
import { historyOf, runs } from './runs.ts'

const [name, file] = process.argv.slice(2)
if (name !== undefined && file !== undefined) {
  writeHistory(
    name,
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  )
} else {
  const there = names()
  for (const [one, run] of Object.entries(runs)) {
    if (there.includes(one)) continue
    const events = await historyOf(run)
    writeHistory(one, events)
    console.log(`${one}: ${events.length} events, ${events.at(-1)?.type}`)
  }
}

const before = known()
const states = Object.fromEntries(names().map((one) => [one, stateHash(stateOf(history(one)))]))
const changed = Object.keys(states).filter((one) => (before.states[one] ?? states[one]) !== states[one])
if (changed.length > 0 && before.fold === FOLD) {
  console.error(
    `${changed.join(', ')} fold(s) to another state than before. Kept folds of people's logs must not be taken for today's: give FOLD in core/protocol/fold-version.ts a new name, then run this again.`,
  )
  process.exitCode = 1
} else writeFolded({ fold: FOLD, states })

function known(): Folded {
  try {
    return readFolded()
  } catch {
    return { fold: FOLD, states: {} }
  }
}
