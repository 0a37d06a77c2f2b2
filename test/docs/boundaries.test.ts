import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { cliEnv } from '../scene/cli.ts'
import { place } from '../scene/place.ts'
import { commandsOf, runCommands } from '../scene/shell.ts'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const page = read('docs/boundaries.md')

/** Places in a file move when it is edited. */
const blurred = (line: string): string => line.replace(/\.ts:\d+:\d+\)/, '.ts:N:N)')

test('the commands of docs/boundaries.md print what it shows', { timeout: 240_000 }, async () => {
  const stdout = (await runCommands(commandsOf('docs/boundaries.md'), cliEnv(place()))).split('\n').map(blurred)
  const shown = [...page.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text]) => text!.trimEnd().split('\n'))
  expect(shown.length).toBeGreaterThan(2)
  let from = 0
  for (const line of shown.flat()) {
    const at = stdout.indexOf(blurred(line), from)
    expect(at, `${line}\n--- in:\n${stdout.slice(from).join('\n')}`).toBeGreaterThanOrEqual(from)
    from = at + 1
  }
  const recorded = stdout.map((line) => (line.startsWith('{"type"') ? JSON.parse(line) : undefined)).filter(Boolean)
  expect(recorded).toMatchObject([{ type: 'ViolationRecorded', tool: 'write_file', code: 'tool-not-in-role' }])
  expect(stdout.some((line) => /^(ok|!!) +sandbox /.test(line))).toBe(true)
})

test('docs/boundaries.md has every denial code, each once', () => {
  const codes = [...page.matchAll(/\[`([a-z-]+)`\]\(reference\.md#denial-codes\)/g)].map(([, code]) => code!)
  const known = [
    ...read('core/boundary/denial.ts')
      .split('\n\n')
      .find((part) => part.includes('export type DenialCode'))!
      .matchAll(/\| '([\w-]+)'/g),
  ].map(([, code]) => code!)
  expect(codes.toSorted()).toEqual(known.toSorted())
})

test('docs/boundaries.md and SECURITY.md name only scripts that are there', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const [, name] of `${page}${read('SECURITY.md')}`.matchAll(/npm run ([\w:]+)/g)) {
    expect(Object.keys(scripts)).toContain(name)
  }
})
