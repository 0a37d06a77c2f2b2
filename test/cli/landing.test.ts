import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { planning, scene, type Turn, verdict, write } from '../scene/band.ts'

const approves: Turn = { role: 'code-reviewer', steps: [verdict('approve')] }
const one = { id: 'one', title: 'Write one', files: ['one.txt', 'a.txt'] }
const two = { id: 'two', title: 'Write two', files: ['two.txt'] }
const three = { id: 'three', title: 'Write three', files: ['three.txt'], dependsOn: ['one'] }
const coder = (id: string, ...steps: object[]): Turn => ({ role: 'coder', when: `Subtask ${id}:`, steps })

describe('from approved changes to the moved branch', () => {
  test('two subtasks in parallel and one on top land together without any remote; a dirty checkout parks first and is left alone', {
    timeout: 120_000,
  }, async () => {
    const band = await scene({
      turns: [
        ...planning(one, two, three),
        coder('one', write('one.txt', '1\n')),
        coder('two', write('two.txt', '2\n')),
        coder(
          'three',
          { call: 'read_files', input: { paths: ['one.txt'] }, expect: { contains: '1' } },
          { call: 'list_files', input: {}, expect: { contains: 'one.txt' } },
          write('three.txt', '3\n'),
        ),
        approves,
      ],
    })
    const start = band.git('rev-parse', 'main')
    writeFileSync(join(band.repo, 'a.txt'), 'mine, not committed\n')
    const run = await band.cli('run', 'Write three files')
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 3, stderr: '' })
    expect(run.stdout).toMatch(/t1 is parked \(dirty\).*a\.txt.*commit or stash them, then `codeband resume`/)
    expect(band.git('rev-parse', 'main')).toBe(start)
    expect(band.git('status', '--porcelain')).toBe('M a.txt')
    // Still dirty: it says so again.
    expect((await band.cli('resume')).code).toBe(3)

    band.git('stash', '-q')
    const resumed = await band.cli('resume')
    expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
    band.git('stash', 'pop', '-q')
    expect(band.git('status', '--porcelain')).toBe('M a.txt')
    expect(band.git('ls-tree', '--name-only', 'main').split('\n')).toEqual(
      expect.arrayContaining(['one.txt', 'three.txt', 'two.txt']),
    )
    expect(await band.events('Landed')).toMatchObject([{ from: start, to: band.git('rev-parse', 'main') }])
    expect(band.git('rev-list', '--count', '--first-parent', `${start}..main`)).toBe('3')
    const started = (await band.events('TurnStarted')).filter(({ role }) => role === 'coder')
    const submitted = await band.events('ChangeSubmitted')
    const first = submitted.find(({ subject }) => subject === 'change/one')!
    const last = submitted.find(({ subject }) => subject === 'change/three')!
    expect(
      started
        .map(({ subject }) => subject)
        .sort()
        .at(-1),
    ).toBe('change/two')
    expect(started[2]).toMatchObject({ subject: 'change/three' })
    expect(last.seq).toBeGreaterThan(first.seq)
    expect(last.files).toEqual(['three.txt'])
  })

  test('into a branch that is not checked out, and from a detached HEAD only with such a branch named', {
    timeout: 120_000,
  }, async () => {
    const turns = [...planning(one), coder('one', write('one.txt', '1\n')), approves]
    const band = await scene({ config: "merge: { into: 'release' },", turns })
    band.git('branch', 'release')
    band.git('checkout', '-q', '--detach')
    const main = band.git('rev-parse', 'main')
    const run = await band.cli('run', 'Write one')
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' })
    expect(run.stdout).toMatch(/Landed on release/)
    expect(band.git('show', 'release:one.txt')).toBe('1')
    expect(band.git('rev-parse', 'main', 'HEAD').split('\n')).toEqual([main, main])
    expect(band.git('status', '--porcelain')).toBe('')

    const detached = await scene({ turns })
    detached.git('checkout', '-q', '--detach')
    const refused = await detached.cli('run', 'Write one')
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/^CB_REF_UNKNOWN .*detached.*merge\.into/)
    const { checks } = JSON.parse((await detached.cli('doctor', '--json')).stdout)
    expect(checks).toContainEqual(expect.objectContaining({ name: 'landing', status: 'fail', found: 'CB_REF_UNKNOWN' }))
  })

  test('a commit of the person meanwhile: built again on the new tip; where it conflicts, the author makes the change again on top of it', {
    timeout: 120_000,
  }, async () => {
    const band = await scene({
      turns: [
        ...planning(one),
        coder('one', write('a.txt', 'from the band\n')),
        {
          role: 'coder',
          when: 'It conflicts with the branch',
          steps: [
            { call: 'read_files', input: { paths: ['a.txt'] }, expect: { contains: 'from the person' } },
            write('a.txt', 'from the person\nand from the band\n'),
          ],
        },
        approves,
        approves,
      ],
    })
    let commits = 0
    const run = await band.watch(['run', 'Write one'], (event) => {
      if (event.type === 'ChangeSubmitted' && commits++ === 0) {
        writeFileSync(join(band.repo, 'a.txt'), 'from the person\n')
        band.git('commit', '-qam', 'mine')
      }
      // The candidate is there; the branch moves under it.
      if (event.type === 'ChecksRecorded' && commits++ === 2)
        band.git('commit', '-q', '--allow-empty', '-m', 'mine again')
    })
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' })
    expect(await band.events('ChangeReturned')).toMatchObject([{ reason: 'conflict' }])
    expect(band.git('show', 'main:a.txt')).toBe('from the person\nand from the band')
    const landed = await band.events('Landed')
    expect(landed).toMatchObject([{ from: band.git('rev-parse', 'main^1'), to: band.git('rev-parse', 'main') }])
    expect(band.git('log', '-1', '--format=%s', landed[0]!.from)).toBe('mine again')
    expect(await band.events('CandidateBuilt')).toHaveLength(2)
    expect(band.git('status', '--porcelain')).toBe('')
  })

  test('checks that are red on the merged tree though each change alone is green send the later change back, and the other lands', {
    timeout: 120_000,
  }, async () => {
    const band = await scene({
      files: {
        'check.sh':
          'n=$(cat one.txt two.txt 2>/dev/null | grep -c leader)\n[ "$n" -le 1 ] || { echo "$n leaders in one tree"; exit 1; }\n',
      },
      turns: [
        ...planning(one, two),
        coder('one', write('one.txt', 'leader\n'), { call: 'run_tests', input: {}, expect: 'ok' }),
        coder('two', write('two.txt', 'leader\n'), { call: 'run_tests', input: {}, expect: 'ok' }),
        { role: 'coder', when: '2 leaders in one tree', steps: [write('two.txt', 'follower\n')] },
        approves,
        approves,
      ],
    })
    const run = await band.cli('run', 'Write two files')
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' })
    const returned = await band.events('ChangeReturned')
    expect(returned).toMatchObject([{ reason: 'checks' }])
    expect(returned[0]!.detail).toContain('2 leaders in one tree')
    expect(band.git('show', 'main:check.sh')).toContain('leaders')
    const trees = ['one', 'two'].map((name) => band.git('show', `main:${name}.txt`))
    expect(trees.sort()).toEqual(['follower', 'leader'])
    expect(await band.events('Landed')).toHaveLength(2)
  })
})
