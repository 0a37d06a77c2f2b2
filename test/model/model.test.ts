import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { linesOf } from './describe.ts'
import { explore, type Found } from './explore.ts'
import { scopes } from './scopes.ts'

const protocol = new URL('../../core/protocol/', import.meta.url)
const found: Found[] = []

describe('the law, in every order of what can happen', () => {
  for (const scope of scopes) {
    test(`${scope.name}: ${scope.says}`, { timeout: 900_000 }, () => {
      const one = explore(scope, scope.short)
      found.push(one)
      expect(one.broken && linesOf(one).join('\n')).toBeUndefined()
    })
  }

  test('more than 300 000 worlds were looked at, and every event of the protocol happened in one of them', () => {
    expect(found.reduce((sum, { states }) => sum + states, 0)).toBeGreaterThan(300_000)
    const events = [...readFileSync(new URL('events.ts', protocol), 'utf8').matchAll(/^ {2}(\w+): true,$/gm)]
    expect(events.length).toBeGreaterThan(30)
    expect(events.map(([, type]) => type!).filter((type) => !seen(type))).toEqual([])
  })

  test('every no of the law was said', () => {
    const source = readdirSync(protocol).map((file) => readFileSync(new URL(file, protocol), 'utf8'))
    const codes = source.flatMap((text) => [...text.matchAll(/\brejection\(\s*'([a-z-]+)'/g)].map(([, code]) => code!))
    const unsaid = [...new Set(codes)].filter((code) => !seen(`no: ${code}`)).sort()
    expect(unsaid).toEqual([])
  })
})

const seen = (name: string): boolean => found.some(({ tally }) => tally.has(name))

afterAll(() => {
  for (const one of found) for (const line of linesOf(one)) console.log(line)
})
