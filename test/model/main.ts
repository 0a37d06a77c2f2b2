import { parseArgs } from 'node:util'
import { linesOf } from './describe.ts'
import { explore, type Found } from './explore.ts'
import { scopes } from './scopes.ts'

const { values } = parseArgs({
  options: {
    /** How many worlds in all. */
    states: { type: 'string', default: '1000000' },
    scope: { type: 'string' },
    /** As many as `npm test` looks at. */
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const chosen = scopes.filter(({ name }) => values.scope === undefined || name === values.scope)
let left = Number(values.states)
const found: Found[] = []
for (const [at, scope] of chosen.entries()) {
  // What a whole scope leaves over goes to those after it.
  const one = explore(scope, values.short ? scope.short : Math.max(1, Math.ceil(left / (chosen.length - at))))
  left -= one.states
  found.push(one)
  if (values.json) console.log(JSON.stringify({ ...one, tally: [...one.tally] }))
  else for (const line of linesOf(one)) console.log(line)
}
const sum = (of: (one: Found) => number): number => found.reduce((total, one) => total + of(one), 0)
const broken = found.filter((one) => one.broken).length
const states = sum((one) => one.states)
const speed = Math.round(states / sum((one) => one.seconds))
const whole = `${found.filter((one) => one.whole).length} of ${found.length} scopes whole`
const verdict = broken === 0 ? 'every rule holds' : `${broken} rules are broken`
if (!values.json)
  console.log(`${states} states, ${sum((one) => one.transitions)} transitions, ${whole}, ${speed} states/s: ${verdict}`)
process.exitCode = broken === 0 ? 0 : 1
