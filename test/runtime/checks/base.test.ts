import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keptNames } from '../../../core/runtime/checks/kept-names.ts'
import type { Runtime } from '../../../core/runtime/runtime.ts'
import { planning, verdict, write } from '../../scene/band.ts'
import { place } from '../../scene/place.ts'
import { type Options, recordedBand } from '../replay/band.ts'

const report = 'reports/junit.xml'
const check = { command: ['sh', '-c', `cp says.txt ${report}`], report }
const says = (...names: readonly string[]): string =>
  `<testsuite>${names.map((name) => `<testcase name="${name}"/>`).join('')}</testsuite>`

test('a band that is killed between the checks and the landing finds the same tests missing', async () => {
  const turns = [
    ...planning({ id: 'one', title: 'One', files: ['says.txt'] }),
    { role: 'coder', steps: [write('says.txt', says('a'))] },
    { role: 'code-reviewer', steps: [verdict('approve')] },
  ]
  const band = recordedBand({
    config: { checks: [check] },
    files: { 'says.txt': says('a', 'b') },
    turns: turns as never as NonNullable<Options['turns']>,
  })
  expect(await band.run()).toMatchObject({ outcome: 'parked', parked: 'approval' })
  const assessed = () => band.events().find((event) => event.type === 'RiskAssessed')
  const { risk, reasons } = assessed()!
  expect({ risk, reasons }).toEqual({
    risk: 'high',
    reasons: [expect.stringContaining("1 of the tests that passed on the base did not run: 'b'")],
  })

  const home = join(band.repo, '../home')
  for (const last of ['ChecksRecorded', 'CandidateBuilt']) {
    band.cut(band.events().findIndex(({ type }) => type === last) + 1)
    expect(assessed()).toBeUndefined()
    // Before the risk the log is enough; before the checks all of it is found out again.
    for (const lost of ['reports', 'worktrees/mergemaster', 'worktrees/mergemaster-base', 'agents'])
      rmSync(join(home, lost), { recursive: true, force: true })
    await band.life((one) => one.resume('t1'))
    expect(assessed()).toMatchObject({ risk, reasons })
  }
})

test('kept names are those of exactly the tree, the checks up to it and the setup; what is damaged is not there', async () => {
  const home = place()
  const runtime = (config: object, kind = 'bubblewrap') =>
    ({ home, config: { checks: [check, check], setup: [], ...config }, sandbox: { kind } }) as unknown as Runtime
  const kept = keptNames(runtime({}))
  await kept.put('t1', 0, ['a'])
  expect(await kept.get('t1', 0)).toEqual(['a'])
  expect(await kept.get('t2', 0)).toBeUndefined()
  expect(await kept.get('t1', 1)).toBeUndefined()
  expect(await keptNames(runtime({ setup: [['npm', 'ci']] })).get('t1', 0)).toBeUndefined()
  expect(await keptNames(runtime({ checks: [{ ...check, report: 'b.xml' }] })).get('t1', 0)).toBeUndefined()
  expect(await keptNames(runtime({}, 'none')).get('t1', 0)).toBeUndefined()
  // A check that comes after it has no say in it.
  expect(await keptNames(runtime({ checks: [check] })).get('t1', 0)).toEqual(['a'])
  const folder = join(home, 'reports')
  const [file] = readdirSync(folder)
  for (const text of ['', '{"format":1', '{"format":2,"names":["x"]}', '{"format":1,"names":[1]}']) {
    writeFileSync(join(folder, file!), text)
    expect(await kept.get('t1', 0), text).toBeUndefined()
  }
  mkdirSync(folder, { recursive: true })
  utimesSync(join(folder, file!), 1, 1)
  for (let at = 0; at < 40; at++) await kept.put(`tree ${at}`, 0, [`${at}`])
  expect(readdirSync(folder)).toHaveLength(32)
  expect(readdirSync(folder)).not.toContain(file)
  expect(await kept.get('tree 39', 0)).toEqual(['39'])
  expect(readdirSync(folder).every((name) => readFileSync(join(folder, name), 'utf8').startsWith('{"format":1'))).toBe(
    true,
  )
})
