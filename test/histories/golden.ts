import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Recorded } from '../../core/protocol/events.ts'
import { fold } from '../../core/protocol/evolve.ts'
import { initialState, type State } from '../../core/protocol/state.ts'
import { type Stored, upcast } from '../../core/protocol/upcast.ts'
import { hashOf } from '../../core/runtime/hash.ts'

const folder = fileURLToPath(new URL('../fixtures/histories/', import.meta.url))
const index = join(folder, 'folded.json')

/** What each history folds to, under the name of the fold that said so. */
export interface Folded {
  readonly fold: string
  readonly states: Readonly<Record<string, string>>
}

export function names(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => basename(file, '.jsonl'))
    .sort()
}

/** The history as it was recorded. */
export function history(name: string): Stored[] {
  const lines = readFileSync(join(folder, `${name}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as Stored)
}

/** The history in today's shapes. */
export function eventsOf(stored: readonly Stored[]): Recorded[] {
  return stored.map((one) => {
    const event = upcast(one)
    if (!event) throw new Error(`event ${one.seq} is of an unknown kind: ${one.type}`)
    return event
  })
}

export const stateOf = (stored: readonly Stored[]): State => fold(initialState, eventsOf(stored))

/** The same for equal states, whatever the order of keys; a key without a value counts as none. */
export const stateHash = (state: State): string => hashOf(state)

export function readFolded(): Folded {
  return JSON.parse(readFileSync(index, 'utf8')) as Folded
}

export function writeFolded(folded: Folded): void {
  writeFileSync(index, `${JSON.stringify(folded, null, 2)}\n`)
}

export function writeHistory(name: string, events: readonly object[]): void {
  writeFileSync(join(folder, `${name}.jsonl`), `${events.map((one) => JSON.stringify(one)).join('\n')}\n`)
}
