import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import { createBand, type Recorded, type Role } from '../../adapters/index.ts'
import { planning, scene, write } from '../scene/band.ts'
import { place, repositoryOf } from '../scene/place.ts'

const beats = (count: number) => Array.from({ length: count }, (_, n) => write(`.github/w${n}.yml`, 'on: push\n'))

/** A band of one helper that makes these calls in its only turn. */
async function helped(steps: readonly object[], violations?: number) {
  const at = place()
  const helper: Role = { id: 'helper', description: 'Helps.', tools: ['write_file'], produces: 'change' }
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['helper'],
    *steps({ band }) {
      yield* band.spawn(helper, {})
    },
  }
  const script = { turns: [{ role: 'helper', steps }] }
  const band = await createBand({
    repo: repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n' }),
    home: join(at, 'home'),
    frameworks: { a: scripted({ id: 'a', family: 'x', script }), b: scripted({ id: 'b', family: 'y', script }) },
    roles: [helper, conductor],
    sandbox: 'off',
    ...(violations !== undefined && { limits: { violations } }),
  })
  const events: Recorded[] = []
  band.on('event', (event) => events.push(event))
  const result = await band.run('beat').finally(() => band.close())
  return { result, events, count: (type: Recorded['type']) => events.filter((event) => event.type === type).length }
}

describe('a model that beats against the boundary', () => {
  test('is stopped at the count, within the turn, and the task ends as refused without another try', async () => {
    const { result, events, count } = await helped([...beats(30), write('a.txt', 'b\n')], 3)
    expect(result).toMatchObject({ outcome: 'refused', reason: expect.stringContaining("'limits.violations'") })
    expect(count('ViolationRecorded')).toBe(3)
    expect(count('ToolReturned')).toBe(3)
    expect(count('TurnStarted')).toBe(1)
    expect(events.find(({ type }) => type === 'TurnEnded')).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'violations' },
    })
    expect(count('ChangeSubmitted')).toBe(0)
  })

  test('twenty are enough where nothing is configured; nineteen end nothing', async () => {
    expect(await helped(beats(30)).then(({ count }) => count('ViolationRecorded'))).toBe(20)
    const { result, count } = await helped([...beats(19), write('a.txt', 'b\n')])
    expect(result.outcome).toBe('success')
    expect(count('ViolationRecorded')).toBe(19)
  })
})

test('the command line ends with 4 and tells each violation: who, as what, which tool, which rule, which input', {
  timeout: 120_000,
}, async () => {
  const band = await scene({
    config: 'limits: { violations: 2 },',
    turns: [
      ...planning({ id: 'one', title: 'Do it', files: ['a.txt'] }),
      {
        role: 'coder',
        steps: [write('a.txt', 'b\n'), write('.git/config', 'x'), write('../b.txt', 'x'), write('a.txt', 'c\n')],
      },
    ],
  })
  const before = band.git('rev-parse', 'main')
  const { code, stdout } = await band.cli('run', 'Do it')
  expect(code, stdout).toBe(4)
  expect(stdout).toContain('[boundary]')
  expect(stdout).toMatch(/coder-codex-0 write_file \.git\/config: denied, protected-path/)
  expect(stdout).toMatch(/coder-codex-0 write_file \.\.\/b\.txt: denied, path-outside-root/)
  expect(band.git('rev-parse', 'main')).toBe(before)

  expect((await band.cli('status')).stdout).toContain('2 denied at the boundary: codeband log --violations')
  const told = (await band.cli('log', '--violations')).stdout.trim().split('\n')
  expect(told).toEqual([
    expect.stringMatching(/^\d+ {2}coder-codex-0 \(coder\) write_file [0-9a-f]{8}: protected-path: .*\.git/),
    expect.stringMatching(/^\d+ {2}coder-codex-0 \(coder\) write_file [0-9a-f]{8}: path-outside-root: /),
  ])
  const [first] = await band.events('ViolationRecorded')
  expect(first).toMatchObject({
    worker: 'coder-codex-0',
    role: 'coder',
    tool: 'write_file',
    code: 'protected-path',
    turn: expect.stringMatching(/^t1\//),
    inputHash: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})
