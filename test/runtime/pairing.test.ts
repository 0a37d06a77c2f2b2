import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scripted } from '../../adapters/frameworks/scripted.ts'
import type { Config, Recorded, Role } from '../../adapters/index.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { replayedBand } from '../scene/replayed.ts'

type Script = Parameters<typeof scripted>[0]['script']
type Of<T extends Recorded['type']> = Extract<Recorded, { type: T }>

/** Three families, and a conductor that has these files changed side by side. */
async function changed(files: readonly string[], script: Script, config: Partial<Config>) {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' })
  const subtasks = files.map((file) => ({ id: file[0]!, title: file, description: '', files: [file], dependsOn: [] }))
  const conductor: Role = {
    id: 'conductor',
    description: 'Begins.',
    spawnableRoles: ['coder'],
    *steps({ band }) {
      yield* band.each(subtasks, function* (subtask: (typeof subtasks)[number]) {
        yield* band.reviewed('coder', { subtask, files: [] })
      })
    },
  }
  const framework = (id: string, family: string) => [id, scripted({ id, family, script })] as const
  const band = await replayedBand({
    repo,
    home: join(at, 'home'),
    frameworks: Object.fromEntries([framework('a', 'x'), framework('b', 'y'), framework('c', 'z')]),
    roles: [conductor],
    sandbox: 'off',
    ...config,
  })
  const events: Recorded[] = []
  band.on('event', (event) => events.push(event))
  const result = await band.run('change them')
  await band.close()
  return {
    result,
    of: <T extends Recorded['type']>(type: T): Of<T>[] => events.filter((event): event is Of<T> => event.type === type),
  }
}

const verdict = (decision: string) => ({
  call: 'submit_verdict',
  input: { decision, findings: [], risk: 'low', summary: 'Said.' },
})

/** Each coder writes its file; each reviewer sends the first version back. */
const twoRounds: Script = async function* ({ role, prompt, played }) {
  if (role === 'code-reviewer') yield verdict(played === 0 ? 'request_changes' : 'approve')
  else yield { call: 'write_file', input: { path: /\b[abc]\.txt/.exec(prompt)![0], content: `${played}\n` } }
}

test('of three families each is judged by another one, and who asked for changes judges them again', async () => {
  const { result, of } = await changed(['a.txt', 'b.txt', 'c.txt'], twoRounds, {
    workers: { coder: { a: 1, b: 1, c: 1 }, 'code-reviewer': { a: 1, b: 1, c: 1 } },
  })
  expect(result).toMatchObject({ outcome: 'success' })
  const authors = new Map(of('ChangeSubmitted').map(({ subject, family }) => [subject, family]))
  expect(new Set(authors.values())).toEqual(new Set(['x', 'y', 'z']))
  const verdicts = of('VerdictGiven')
  expect(verdicts).toHaveLength(6)
  for (const subject of authors.keys()) {
    const [first, second] = verdicts.filter((one) => one.subject === subject)
    expect(first!.family).not.toBe(authors.get(subject))
    expect(second!.worker).toBe(first!.worker)
    expect(first!.sameFamily).toBeUndefined()
  }
})

test('who finds every reviewer busy waits, and nobody waits for ever', async () => {
  const { result, of } = await changed(['a.txt', 'b.txt', 'c.txt'], twoRounds, {
    workers: { coder: { a: 3 }, 'code-reviewer': { b: 1 } },
  })
  expect(result).toMatchObject({ outcome: 'success' })
  expect(new Set(of('VerdictGiven').map(({ worker }) => worker))).toEqual(new Set(['code-reviewer-b-0']))
  expect(of('VerdictGiven').filter(({ verdict: { decision } }) => decision === 'approve')).toHaveLength(3)
})

test('a band with one family works under the waiver: every verdict is marked, and a person decides', async () => {
  const { result, of } = await changed(['a.txt'], twoRounds, {
    frameworks: { a: scripted({ id: 'a', family: 'x', script: twoRounds }) },
    review: { opposition: 'waived' },
  })
  expect(result).toMatchObject({ outcome: 'success' })
  expect(of('VerdictGiven').map(({ sameFamily }) => sameFamily)).toEqual([true, true])
})
