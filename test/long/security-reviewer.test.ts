import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { planning, type Scene, scene, type Turn, verdict, write } from '../scene/band.ts'
import { cliEnv } from '../scene/cli.ts'
import { place } from '../scene/place.ts'
import { commandsOf, runCommands } from '../scene/shell.ts'

const example = fileURLToPath(new URL('../../examples/05-security-reviewer/', import.meta.url))
const file = (name: string): string => readFileSync(`${example}project/.agents/${name}`, 'utf8')
const names = ['security-reviewer.ts', 'code-reviewer.ts']
const files = Object.fromEntries(names.map((name) => [`.agents/${name}`, file(name)]))
const title = 'Write the second line'
const coder: Turn = { role: 'coder', round: 1, steps: [write('a.txt', 'a\nsecond\n')] }
const approves: Turn = { role: 'code-reviewer', steps: [verdict('approve')] }
const start = (...turns: Turn[]): Promise<Scene> =>
  scene({ files, turns: [...planning({ id: 'second', title, files: ['a.txt'] }), coder, approves, ...turns] })

test('the commands of examples/05-security-reviewer/README.md end as it says: stopped, mended, landed', {
  timeout: 120_000,
}, async () => {
  const stdout = await runCommands(commandsOf('examples/05-security-reviewer/README.md'), cliEnv(place()))
  const lines = stdout.split('\n')
  const said = readFileSync(`${example}README.md`, 'utf8')
    .split('\n')
    .filter((line) => /^\[\S+\] /.test(line))
  const blurred = (line: string): string => line.replace(/ [0-9a-f]{7}\b/, ' COMMIT')
  const shown = lines.map(blurred)
  const places = said.map((line) => shown.indexOf(blurred(line)))
  expect(said).toHaveLength(7)
  expect(places).not.toContain(-1)
  expect(stdout).toMatch(/Changes requested: 1 critical[\s\S]*npm test: 3\/3 passed[\s\S]*Landed on main/)
})

test('a second reviewer that gives no verdict lets nothing land', { timeout: 120_000 }, async () => {
  const band = await start({ role: 'security-reviewer', steps: [{ fail: 'refusal' }] })
  const before = band.git('rev-parse', 'main')
  const run = await band.cli('run', title)
  expect(run.code).toBe(1)
  expect((await band.events('VerdictGiven')).map(({ subject }) => subject)).not.toContain('change/second')
  expect(band.git('rev-parse', 'main')).toBe(before)
})

test('killed between the two reviewers and resumed, the first is not asked again and the second still is', {
  timeout: 120_000,
}, async () => {
  const band = await start({ role: 'security-reviewer', steps: [verdict('approve')] })
  let killed = false
  const run = await band.watch(['run', title], (event, kill) => {
    if (killed || event.type !== 'TurnEnded' || !event.worker.startsWith('code-reviewer')) return
    killed = true
    kill()
  })
  expect({ killed, code: run.code }).toEqual({ killed: true, code: null })
  expect(await band.events('Landed')).toEqual([])
  const resumed = await band.cli('resume')
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
  const reviews = (await band.events('TurnEnded'))
    .filter(({ outcome }) => outcome === 'done')
    .map(({ worker }) => worker)
  expect(reviews.filter((worker) => worker.startsWith('code-reviewer'))).toHaveLength(1)
  expect(reviews.filter((worker) => worker.startsWith('security-reviewer'))).toHaveLength(1)
  expect(await band.events('Landed')).toHaveLength(1)
})

test('the README shows the role files as they are', () => {
  const page = readFileSync(`${example}README.md`, 'utf8')
  for (const name of names) expect(page, name).toContain(`\`\`\`ts\n${file(name)}\`\`\``)
})
