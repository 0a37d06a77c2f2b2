import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import { eventsOf, history } from '../histories/golden.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { withoutReplay } from '../scene/replayed.ts'

const events = eventsOf(history('landed'))
const elsewhere = 'the history was recorded in another repository'

interface Line {
  seq: number
  to?: number
  damage?: string
  text?: string
}

test('--export writes a whole log, and of a damaged, a shortened or a rolled-back one every event that can still be read and where the damage is; every command names this way out', {
  timeout: 120_000,
}, async () => {
  withoutReplay(elsewhere)
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const home = join(at, 'band-home')
  const env = { ...cliEnv(at), CODEBAND_HOME: home }
  const file = join(home, 'band.db')
  const out = join(at, 'out.jsonl')
  const exported = async (): Promise<{ code: number | null; stderr: string; lines: Line[] }> => {
    rmSync(out, { force: true })
    const { code, stderr } = await cli(repo, ['log', '--export', out], env)
    const lines = readFileSync(out, 'utf8').split('\n').filter(Boolean)
    return { code, stderr, lines: lines.map((line) => JSON.parse(line) as Line) }
  }
  const none = await cli(repo, ['log', '--export'], env)
  expect({ code: none.code, stderr: none.stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/^CB_LOG_OPEN .*does not exist/),
  })

  const store = sqliteEventStore({ file })
  await store.append(events.slice(0, 40), 0)
  await store.close()
  copyFileSync(file, join(at, 'older.db'))
  const again = sqliteEventStore({ file })
  await again.append(events.slice(40), 40)
  await again.close()

  const whole = await exported()
  expect(whole).toMatchObject({ code: 0, stderr: `${events.length} event(s) exported; the log is whole.\n` })
  expect(whole.lines).toEqual(events)
  expect(statSync(out).mode & 0o777).toBe(0o600)
  const twice = await cli(repo, ['log', '--export', out], env)
  expect({ code: twice.code, stderr: twice.stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/CB_USAGE .*does not exist yet/),
  })
  const piped = await cli(repo, ['log', '--export'], env)
  expect(piped.stdout).toBe(readFileSync(out, 'utf8'))

  const db = new DatabaseSync(file)
  db.exec(
    `UPDATE events SET data = replace(data, 'task', 'tusk') WHERE seq = 20; DELETE FROM events WHERE seq IN (30, 31)`,
  )
  db.close()
  const refused = await cli(repo, ['status'], env)
  expect({ code: refused.code, stderr: refused.stderr }).toEqual({
    code: 6,
    stderr: expect.stringMatching(
      /^CB_LOG_DAMAGED .*damaged at event 20: its content does not fit the chain.*`codeband log --export FILE`/,
    ),
  })
  const damaged = await exported()
  expect(damaged.code).toBe(6)
  expect(damaged.stderr).toBe(
    `Event 20: its content does not fit the chain\nEvents 30 to 31: it is missing\n${events.length - 3} event(s) exported; the log is damaged at 2 place(s).\n`,
  )
  expect(damaged.lines.filter(({ damage }) => damage === undefined)).toEqual(
    events.filter(({ seq }) => ![20, 30, 31].includes(seq)),
  )
  expect(damaged.lines.filter(({ damage }) => damage !== undefined)).toEqual([
    { seq: 20, to: 20, damage: 'its content does not fit the chain', text: expect.stringContaining('tusk') },
    { seq: 30, to: 31, damage: 'it is missing' },
  ])

  copyFileSync(join(at, 'older.db'), file)
  const back = await cli(repo, ['log'], env)
  expect({ code: back.code, stderr: back.stderr }).toEqual({
    code: 6,
    stderr: expect.stringMatching(
      new RegExp(`damaged at event 41: the log ends before it, but had reached event ${events.length}\\..*--export`),
    ),
  })
  const older = await exported()
  expect(older.lines.slice(0, 40)).toEqual(events.slice(0, 40))
  expect(older.lines.slice(40)).toEqual([
    { seq: 41, to: events.length, damage: `the log ends before it, but had reached event ${events.length}` },
  ])
  const doctor = JSON.parse((await cli(repo, ['doctor', '--json'], env)).stdout)
  expect(doctor.checks.find(({ name }: { name: string }) => name === 'log')).toMatchObject({
    status: 'fail',
    found: 'CB_LOG_DAMAGED',
    cure: expect.stringContaining('damaged at event 41'),
  })

  const bytes = readFileSync(file)
  writeFileSync(file, bytes.subarray(0, Math.floor(bytes.length * 0.7)))
  const short = await exported()
  expect(short.code).toBe(6)
  for (const line of short.lines) if (line.damage === undefined) expect(line).toEqual(events[line.seq - 1])
  expect(short.stderr).toMatch(/the log is damaged at \d+ place/)
  expect(readFileSync(file).equals(bytes.subarray(0, Math.floor(bytes.length * 0.7)))).toBe(true)
})

test('doctor checks every event and body, and tells of a kept fold that was not used', {
  timeout: 60_000,
}, async () => {
  withoutReplay(elsewhere)
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' })
  const home = join(at, 'band-home')
  const env = { ...cliEnv(at), CODEBAND_HOME: home }
  const store = sqliteEventStore({ file: join(home, 'band.db') })
  await store.append(events, 0)
  await store.close()
  const log = async () => {
    const { stdout } = await cli(repo, ['doctor', '--json'], env)
    return JSON.parse(stdout).checks.find(({ name }: { name: string }) => name === 'log')
  }
  expect(await log()).toMatchObject({
    found: expect.stringMatching(new RegExp(`^${events.length} events, chain and bodies unbroken`)),
  })
  writeFileSync(join(home, 'band.db.snapshot'), 'something else')
  expect(await log()).toMatchObject({ status: 'warn', found: expect.stringMatching(/its snapshot is unreadable/) })
})
