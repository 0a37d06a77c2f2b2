import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { cliEnv } from '../scene/cli.ts'
import { place } from '../scene/place.ts'
import { commandsOf, runCommands } from '../scene/shell.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/replay.md', import.meta.url)), 'utf8')

test('the commands of docs/replay.md end as it says: the same, a difference, and a fork that lands nowhere', {
  timeout: 120_000,
}, async () => {
  const stdout = await runCommands(commandsOf('docs/replay.md'), cliEnv(place()))
  const count = /^t1: replayed (\d+) events, no difference$/m.exec(stdout)?.[1]
  const shown = /^```\n(t1: replayed [\s\S]*?)^```$/m.exec(page)![1]!
  const [head, ...rest] = shown.trimEnd().split('\n')
  expect(stdout).toContain(head)
  expect(head).toContain(` of ${count} events`)
  // The page leaves out what is long.
  for (const line of rest) expect(stdout).toContain(line.replace(/ \.\.\.$/, ''))
  expect(stdout).toContain('\nexit 1\n')
  expect(stdout).toMatch(
    /^Would have landed on main: [0-9a-f]{10} -> [0-9a-f]{10}\. Look at it:\ngit --git-dir=\S+ diff /m,
  )
  const log = stdout.trim().split('\n').slice(-2)
  expect(log[1]).toMatch(/^[0-9a-f]+ start$/)
  const example = JSON.parse(/^```json\n([\s\S]*?)^```$/m.exec(page)![1]!) as {
    events: number
    difference: { seq: number }
  }
  expect(head).toBe(
    `t1: replayed 62 of ${example.events} events; the first difference is at event ${example.difference.seq} of the log`,
  )
})
