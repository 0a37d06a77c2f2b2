import { parseArgs } from 'node:util'
import { linesOf } from './describe.ts'
import { explore, type Found } from './explore.ts'
import { scopes } from './scopes.ts'

const { values } = parseArgs({ options: { states: { type: 'string' }, scope: { type: 'string' } } })
const chosen = scopes.filter(({ name }) => values.scope === undefined || name === values.scope)
let left = Number(values.states ?? 1_000_000)
const found: Found[] = []
for (const [at, scope] of chosen.entries()) {
  // What a whole scope leaves over goes to those after it.
  const one = explore(scope, Math.max(1, Math.ceil(left / (chosen.length - at))))
  left -= one.states
  found.push(one)
  for (const line of linesOf(one)) console.log(line)
}
const sum = (of: (one: Found) => number): number => found.reduce((total, one) => total + of(one), 0)
const broken = found.filter((one) => one.broken).length
const seconds = sum((one) => one.seconds)
const states = sum((one) => one.states)
console.log(
  `${states} states, ${sum((one) => one.transitions)} transitions, ${found.filter((one) => one.whole).length} of ${found.length} scopes whole, ${Math.round(states / seconds)} states/s: ${broken === 0 ? 'every rule holds' : `${broken} rules are broken`}`,
)
process.exitCode = broken === 0 ? 0 : 1
