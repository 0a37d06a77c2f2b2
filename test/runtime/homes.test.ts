import { expect, test } from 'vitest'
import { planning, scene, verdict, write } from '../scene/band.ts'

test('what a command leaves in its home is not there for the next turn, nor for the checks of the next candidate', {
  timeout: 90_000,
}, async () => {
  const band = await scene({
    files: { 'check.sh': 'test ! -e "$HOME/left" && touch "$HOME/left"\n' },
    turns: [
      ...planning({ id: 'one', title: 'Write one', files: ['one.txt'] }),
      { role: 'coder', steps: [write('one.txt', '1\n'), { call: 'run_tests', input: {}, expect: 'ok' }] },
      // In one turn it is one home.
      {
        role: 'code-reviewer',
        steps: [
          { call: 'run_tests', input: {}, expect: 'ok' },
          { call: 'run_tests', input: {}, expect: 'error' },
          verdict('approve'),
        ],
      },
    ],
  })
  const first = await band.cli('run', 'Write one')
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' })
  band.script([
    ...planning({ id: 'two', title: 'Write two', files: ['two.txt'] }),
    { role: 'coder', steps: [write('two.txt', '2\n'), { call: 'run_tests', input: {}, expect: 'ok' }] },
    { role: 'code-reviewer', steps: [{ call: 'run_tests', input: {}, expect: 'ok' }, verdict('approve')] },
  ])
  const second = await band.cli('run', 'Write two')
  expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' })
  expect(await band.events('Landed')).toHaveLength(2)
})

test('commands have what setup has put into its home, not its download cache; what setup does with a change under review stays with that change; a temporary folder that it broke is mended', {
  timeout: 120_000,
}, async () => {
  const band = await scene({
    files: {
      'word.txt': 'base\n',
      'package.json': '{}\n',
      'setup.sh':
        'rm "$(mktemp)" && mkdir -p "$HOME/deps" "$HOME/.npm" && cp word.txt "$HOME/deps/word" && touch "$HOME/.npm/x" && rm -r "$TMPDIR" && ln -s /nonexistent "$TMPDIR"\n',
      'check.sh': 'test ! -e "$HOME/.npm/x" && grep -qx base "$HOME/deps/word"\n',
    },
    config: `setup: [['sh', 'setup.sh']], limits: { rounds: 1 },`,
    turns: [
      ...planning({ id: 'one', title: 'Write one', files: ['word.txt', 'package.json'] }),
      { role: 'coder', steps: [write('word.txt', 'other\n'), write('package.json', '{ "private": true }\n')] },
      {
        role: 'code-reviewer',
        steps: [{ call: 'run_tests', input: {}, expect: 'error' }, verdict('request_changes')],
      },
    ],
  })
  expect((await band.cli('run', 'Write one')).code).toBe(1)
  band.script([
    ...planning({ id: 'two', title: 'Write two', files: ['two.txt'] }),
    { role: 'coder', steps: [write('two.txt', '2\n'), { call: 'run_tests', input: {}, expect: 'ok' }] },
    { role: 'code-reviewer', steps: [{ call: 'run_tests', input: {}, expect: 'ok' }, verdict('approve')] },
  ])
  const second = await band.cli('run', 'Write two')
  expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' })
})
