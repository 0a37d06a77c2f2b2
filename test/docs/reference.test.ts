import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { resolveConfig } from '../../core/config.ts'
import { builtinTools } from '../../core/role/tool.ts'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const page = read('docs/reference.md')

/** The rows of the table under a heading, cell by cell. */
function rows(heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map(([, name, rest]) => [name!, ...rest!.split(' | ')])
}
const names = (heading: string): string[] => rows(heading).map(([name]) => name!)
const among = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name]) => name!)

test('the reference has every field that a role may have', () => {
  const known = /^const keys:[^=]*= \{\n([\s\S]*?)^\}/m.exec(read('core/role/lint-shape.ts'))![1]!
  expect(names('Fields of a role')).toEqual(among(known, /^ {2}(\w+):/gm))
  const limits = /^const limitKeys = \[(.*)\]/m.exec(read('core/role/lint-shape.ts'))![1]!
  const row = rows('Fields of a role').find(([name]) => name === 'limits')!
  expect(among(row[1]!, /`(\w+)`/g)).toEqual(among(limits, /'(\w+)'/g))
})

test('the reference has every tool of the catalogue', () => {
  expect(names('Tools')).toEqual([...builtinTools])
})

test('the reference has every effect', () => {
  const union = /^export type Effect =\n([\s\S]*?)^\/\*\*/m.exec(read('core/role/steps.ts'))![1]!
  expect(names('Effects of `steps`')).toEqual(among(union, /readonly kind: '(\w+)'/g))
})

test('the reference has every configuration key with its default', () => {
  const defaults = Object.entries(resolveConfig({}, 'a test', () => undefined)).flatMap(([key, value]) =>
    ['merge', 'review', 'limits'].includes(key)
      ? Object.entries(value as object).map(([inner, one]) => [`${key}.${inner}`, `\`${JSON.stringify(one)}\``])
      : [[key, `\`${JSON.stringify(value)}\``]],
  )
  const shown = rows('Configuration').map(([key, value]) => [key, value])
  const without = ['merge.into', 'limits.tokens', 'limits.usd', 'limits.minutes']
  expect(shown.filter(([key]) => !without.includes(key!))).toEqual(defaults)
  const schema = /^const schema = ([\s\S]*?)^\}\)/m.exec(read('core/config.ts'))![1]!
  const limits = among(read('core/config.ts'), /^const (?:command|change)Limits = (\{[\s\S]*?\})$/gm).join('\n')
  const written = among(schema + limits, /(\w+): (?:z|count)\b/g).filter(
    (key) => !['merge', 'review', 'limits'].includes(key),
  )
  const leaves = names('Configuration').map((key) => key.split('.').at(-1)!)
  expect(leaves.filter((key) => key !== 'limits')).toEqual(written)
})

test('the reference has every denial code, and its tools name no other', () => {
  const codes = among(
    read('core/boundary/denial.ts')
      .split('\n\n')
      .find((part) => part.includes('export type DenialCode'))!,
    /\| '([\w-]+)'/g,
  )
  expect(names('Denial codes')).toEqual(codes)
  for (const [tool, , , denied = ''] of rows('Tools')) {
    for (const code of among(denied, /`([a-z]+(?:-[a-z]+)*)`/g)) expect(codes, tool).toContain(code)
  }
})
