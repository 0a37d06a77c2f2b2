import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { playRole } from 'codeband/testing'
import { expect, test } from 'vitest'
import { firstFiles } from '../../adapters/cli/scaffold.ts'
import { place } from '../scene/place.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The role and the tool that init writes, in a project that has everything installed. */
function project(): string {
  const at = place()
  symlinkSync(join(root, 'node_modules'), join(at, 'node_modules'))
  for (const [file, text] of Object.entries(firstFiles)) {
    const path = join(at, file.replace('.agents/', 'test/'))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  return at
}

test('every example of docs/testing-roles.md passes, on the role and the tool that init writes', {
  timeout: 60_000,
}, async () => {
  const page = readFileSync(join(root, 'docs/testing-roles.md'), 'utf8')
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text]) => text!)
  const at = project()
  for (const [index, text] of blocks.entries()) writeFileSync(join(at, `test/page-${index}.test.ts`), text)
  const argv = ['run', '--root', at, '--config', join(root, 'vitest.config.ts'), '--reporter', 'json']
  const report = join(at, 'report.json')
  await promisify(execFile)(
    join(root, 'node_modules/.bin/node'),
    [join(root, 'node_modules/vitest/vitest.mjs'), ...argv, '--outputFile', report],
    { cwd: at },
  )
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'))
  expect({ numPassedTests, numTotalTests }).toEqual({ numPassedTests: blocks.length, numTotalTests: 2 })
})

test('the tool that init writes lists what is open', async () => {
  const at = project()
  const { default: scribe } = await import(join(at, 'test/scribe.ts'))
  const { default: listTodos } = await import(join(at, 'test/tools/list-todos.ts'))
  const { calls } = await playRole(scribe, {
    input: { topic: 'x' },
    tools: [listTodos],
    files: { 'a.js': '// TODO later\n' },
    script: [
      {
        steps: [
          { call: 'list_todos', input: {} },
          { call: 'list_todos', input: { word: 'FIXME' } },
          { call: 'set_output', input: { text: 'x' } },
        ],
      },
    ],
  })
  expect(calls.map(({ ok, output }) => [ok, output.trim()]).slice(0, 2)).toEqual([
    [true, './a.js:1:// TODO later'],
    [true, 'There are none.'],
  ])
})
