import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { linesOf } from './describe.ts'
import type { Found } from './explore.ts'
import { scopes } from './scopes.ts'

const protocol = new URL('../../core/protocol/', import.meta.url)
const found = new Map<string, Found>()

/** In a process of its own: what a test runner makes of the imports costs half of the speed. */
beforeAll(async () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, '--short', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface(child.stdout)) {
    const one = JSON.parse(line) as Found & { tally: [string, number][] }
    found.set(one.scope, { ...one, tally: new Map(one.tally) })
  }
}, 900_000)

describe('the law, in every order of what can happen', () => {
  for (const { name, says } of scopes) {
    test(`${name}: ${says}`, () => {
      const one = found.get(name)
      expect(one).toBeDefined()
      expect(one?.broken && linesOf(one).join('\n')).toBeUndefined()
    })
  }

  test('more than 300 000 worlds were looked at, and every event of the protocol happened in one of them', () => {
    expect([...found.values()].reduce((sum, { states }) => sum + states, 0)).toBeGreaterThan(300_000)
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

const seen = (name: string): boolean => [...found.values()].some(({ tally }) => tally.has(name))

afterAll(() => {
  for (const one of found.values()) for (const line of linesOf(one)) console.log(line)
})
