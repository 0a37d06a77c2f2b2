import { readFileSync } from 'node:fs'
import { capabilitiesOf } from '../../core/role/capabilities.ts'
import { lintTools } from '../../core/role/lint-tools.ts'
import type { Role } from '../../core/role/role.ts'
import { loaderFor } from './bundle.ts'

// Runs inside a sandbox, on definitions that nobody has trusted: what it prints is read as data, and it can reach nothing.
const { root, own, builtin, configData } = JSON.parse(readFileSync(0, 'utf8')) as {
  root: string
  own: { code: string; hash: string }
  builtin: { code: string; hash: string }
  configData?: object
}
const whole = { inputs: [], diagnostics: [] }
const shipped = await (await loaderFor(root, new Map())).run({ ...builtin, ...whole })
const { values } = await (await loaderFor(root, shipped.values)).run({ ...own, ...whole })
const named = (kind: string): unknown[] =>
  [...values].flatMap(([name, value]) => (name.startsWith(kind) ? [value] : []))
const roles = named('role:').filter((one): one is Role => typeof (one as Role | null)?.id === 'string')
const { tools } = lintTools(
  named('tool:').map((value) => ({ value, source: '' })),
  [],
)
const config = (configData ?? values.get('config')) as object | undefined
process.stdout.write(`\u0000${JSON.stringify(capabilitiesOf(roles, tools, config))}\u0000`)
