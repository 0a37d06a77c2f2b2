import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { errors } from '../core/errors.ts'
import { version } from '../core/version.ts'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8')

describe('the README', () => {
  test('has every error code with its sentence, and no other', () => {
    const rows = [...read('README.md').matchAll(/^\| `(CB_\w+)` \| (.*) \|$/gm)].map(([, code, sentence]) => [
      code,
      sentence?.replaceAll('\\|', '|'),
    ])
    const table = Object.entries(errors).map(([code, sentence]) => [code, sentence.replaceAll('\n', ' ')])
    expect(rows).toEqual(table)
  })

  test('every code of the table is used, and every code that is used is in the table', async () => {
    const { globSync } = await import('node:fs')
    const root = fileURLToPath(new URL('..', import.meta.url))
    const sources = globSync(['core/**/*.ts', 'adapters/**/*.ts'], { cwd: root }).filter(
      (file) => file !== 'core/errors.ts',
    )
    const used = new Set(sources.flatMap((file) => read(file).match(/\bCB_[A-Z_]+\b/g) ?? []))
    expect([...used].sort()).toEqual(Object.keys(errors).sort())
  })

  test('the version in the code is that of the package', () => {
    expect(version).toBe(JSON.parse(read('package.json')).version)
  })
})
