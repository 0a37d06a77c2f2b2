import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { planning, scene, verdict, write } from '../scene/band.ts'

const house = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(house, 'docs/roles.md'), 'utf8')
const files = Object.fromEntries(
  [...page.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, path, text]) => [path!, text!]),
)

test('the roles and the tool of docs/roles.md are whole, typed, and play together', { timeout: 120_000 }, async () => {
  expect(Object.keys(files)).toHaveLength(4)
  const band = await scene({
    files: { ...files, 'package.json': '{"type":"module"}' },
    turns: [
      ...planning({ id: 'one', title: 'One', files: ['a.txt'] }),
      { role: 'coder', steps: [write('a.txt', 'one\n')] },
      { role: 'code-reviewer', steps: [verdict('approve')] },
      { role: 'changelog', when: 'The change: One', steps: [{ call: 'set_output', input: { line: 'There is one.' } }] },
    ],
  })
  const roles = JSON.parse((await band.cli('roles', '--json')).stdout)
  expect(roles.diagnostics).toEqual([])
  const run = await band.cli('run', 'One')
  expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' })
  expect((await band.events('TurnEnded')).at(-1)).toMatchObject({ outcome: 'done' })
  expect((await band.events('TurnStarted')).map(({ role }) => role)).toContain('changelog')
  const review = (await band.events('TurnStarted')).find(({ role }) => role === 'code-reviewer')
  expect(review?.systemPrompt).toContain('CHANGELOG.md is a Gap.')

  const path = (file: string): string[] => [join(house, file)]
  const compilerOptions = {
    paths: { codeband: path('adapters/index.ts'), 'codeband/roles': path('adapters/roles.ts') },
    typeRoots: [join(house, 'node_modules/@types')],
  }
  const config = join(band.repo, 'tsconfig.json')
  const include = ['.agents/**/*.ts']
  writeFileSync(config, JSON.stringify({ extends: join(house, 'tsconfig.json'), compilerOptions, include }))
  const { stdout } = spawnSync(join(house, 'node_modules/.bin/tsc'), ['-p', config, '--noEmit'], { encoding: 'utf8' })
  expect(stdout.split('\n').filter((line) => line.includes('.agents/'))).toEqual([])
})
