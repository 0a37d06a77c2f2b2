// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are sources
import { describe, expect, test } from 'vitest'
import { isClosed } from '../../../adapters/loaders/esbuild/closed.ts'
import { banner } from '../../../adapters/loaders/esbuild/shim.ts'

const closed = (code: string): boolean => isClosed(`${banner}\n${code}`)

describe('whether a bundle gives the same on every run', () => {
  test.each([
    'var a = { id: "a", tools: ["read_files"] }',
    'var text = "process.env and the Date are words here"; // process',
    'var prompt = `You process the text of ${["a", "b"].map((one) => { return `(${one})` }).join()}, Date by hand.`',
    'var names = new Set(Object.keys({ a: 1 })); var top = Math.max(1, 2)',
    'var match = /process|Date/.exec("x")',
    'var $z = __codeband_take("codeband", "z")',
  ])('it does: %s', (code) => {
    expect(closed(code)).toBe(true)
  })

  test.each([
    'var a = process.env.HOME',
    'var a = globalThis["process"]',
    'import { readFileSync } from "node:fs"',
    'var a = require("fs")',
    'var a = new Date().getFullYear()',
    'var a = Math.random()',
    'var a = await fetch("https://localhost")',
    'var a = performance.now()',
    'var a = `at ${Date.now()}`',
    'var a = `a ${`b ${process.pid}`}`',
    'var a = `a ${{ b: 1 }.b} ${process.pid}`',
    'var a = [2, 1].toLocaleString()',
    'var a = eval("1")',
    'var a = Function("return 1")()',
    'var a = __codeband_url',
    'var $a = __codeband_take("codeband/testing", "playRole")',
  ])('it may not: %s', (code) => {
    expect(closed(code)).toBe(false)
  })

  test('what begins with other words than a bundle is not taken for one', () => {
    expect(isClosed('var a = 1')).toBe(false)
  })
})
