import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Recorded } from '../../core/protocol/events.ts'
import { evolve, fold } from '../../core/protocol/evolve.ts'
import { FOLD } from '../../core/protocol/fold-version.ts'
import { initialState, type State } from '../../core/protocol/state.ts'
import { eventsOf, history, names, readFolded, stateHash, stateOf } from './golden.ts'
import { runs } from './runs.ts'

const all = new Map(names().map((name) => [name, eventsOf(history(name))]))
const folded = readFolded()

test.each(names())(
  'the recorded history "%s" folds to the state it folded to when it was recorded (I-01, F-DE-11)',
  (name) => {
    expect(stateHash(stateOf(history(name)))).toBe(folded.states[name])
  },
)

test('every run has its history, every history its state, and all were folded as this codeband folds', () => {
  expect(Object.keys(folded.states)).toEqual(names())
  expect(names()).toEqual(expect.arrayContaining(Object.keys(runs)))
  expect(folded.fold).toBe(FOLD)
})

test('the histories fold alike in another time zone, locale and process (F-DE-10)', () => {
  const program = fileURLToPath(new URL('fold-all.ts', import.meta.url))
  for (const [TZ, LANG] of [
    ['Asia/Kathmandu', 'tr_TR.UTF-8'],
    ['America/St_Johns', 'C'],
    ['UTC', 'ar_EG.UTF-8'],
  ]) {
    const told = execFileSync(process.execPath, [program], {
      env: { TZ, LANG, LC_ALL: LANG } as never,
      encoding: 'utf8',
    })
    expect(JSON.parse(told)).toEqual(folded.states)
  }
})

/** What a snapshot keeps of a state. */
const kept = (state: State): State => JSON.parse(JSON.stringify(state)) as State

test('going on from a kept fold gives the state of folding everything, wherever it was cut (I-01)', () => {
  for (const events of all.values()) {
    const whole = stateHash(fold(initialState, events))
    let state = initialState
    for (const [at, event] of events.entries()) {
      state = evolve(state, event)
      expect(stateHash(kept(state)), `event ${event.seq}`).toBe(stateHash(state))
      if (at % 7 === 0) expect(stateHash(fold(kept(state), events.slice(at + 1)))).toBe(whole)
    }
  }
})

/** The histories as tasks of one band that take turns at random, as tasks of a real one do. */
const interleaved = fc
  .tuple(fc.shuffledSubarray([...all.keys()], { minLength: 2, maxLength: 5 }), fc.infiniteStream(fc.nat(997)))
  .map(([chosen, picks]) => {
    const lines = chosen.map((name, i) => all.get(name)!.map((event) => renamed(event, `t${i + 1}`)))
    const events: Recorded[] = []
    for (let open = lines; open.length > 0; open = open.filter((line) => line.length > 0)) {
      events.push({ ...open[picks.next().value! % open.length]!.shift()!, seq: events.length + 1 })
    }
    return events
  })

function renamed(event: Recorded, task: string): Recorded {
  return JSON.parse(JSON.stringify(event).replaceAll('"t1', `"${task}`)) as Recorded
}

test('going on from kept folds of random histories, kept again and again, gives the state of folding everything (I-01)', () => {
  fc.assert(
    fc.property(interleaved, fc.array(fc.nat(500), { maxLength: 6 }), (events, cuts) => {
      const wanted = stateHash(fold(initialState, events))
      const at = [...new Set(cuts.map((cut) => cut % events.length))].sort((a, b) => a - b)
      let state = initialState
      for (const [i, event] of events.entries()) state = evolve(at.includes(i) ? kept(state) : state, event)
      expect(stateHash(state)).toBe(wanted)
    }),
    { numRuns: 60 },
  )
})
