import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { schemaType } from '../../adapters/cli/scaffold/schema-type.ts'
import { builtinTools } from '../../core/role/tool.ts'
import { owning } from '../docs/every-denial.ts'
import { openBench, trappedWorktree } from '../runtime/tools/scene.ts'

const source = readFileSync(fileURLToPath(new URL('../../core/role/tool-inputs.ts', import.meta.url)), 'utf8')
const body = /interface ToolInputs \{\n([\s\S]*?)^\}/m.exec(source)![1]!
const flat = (type: string): string => type.replace(/\s+/g, ' ').replaceAll('readonly ', '')
const declared = new Map(
  body.split(/^ {2}(?=\w+: )/m).flatMap((entry) => {
    const [, name, type = ''] = /^(\w+): ([\s\S]*)$/.exec(entry) ?? []
    return name === undefined ? [] : [[name, flat(type.trim()).replace(/([\w\]>)]) (?=\w+\??: )/g, '$1; ')] as const]
  }),
)

/** A product, a spawn and a message are effects of their own. */
const effects = ['spawn_roles', 'send_message', 'submit_plan', 'submit_verdict', 'set_output']

test('what band.tool takes is what the schemas of the tools take', () => {
  const place = trappedWorktree()
  const schemas = builtinTools
    .filter((name) => !effects.includes(name))
    .map((name) => {
      const { schema } = openBench(owning(name), place).box.tools.find((one) => one.name === name)!
      return [name, flat(schemaType(schema, 'input'))]
    })
  expect([...declared]).toEqual(schemas)
})
