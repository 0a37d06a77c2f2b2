import { expect, test } from 'vitest'
import { planning, scene, verdict, write } from '../scene/band.ts'
import { startCli } from '../scene/cli.ts'

const band = () =>
  scene({
    turns: [
      ...planning({ id: 'one', title: 'Write one', files: ['one.txt'] }),
      { role: 'coder', steps: [write('one.txt', '1\n')] },
      { role: 'code-reviewer', steps: [verdict('approve')] },
    ],
  })

/** The command line with a reader that goes away after the first words, as `| head -1` does. */
async function cutShort(repo: string, env: Record<string, string>, ...argv: string[]) {
  const child = startCli(repo, argv, env)
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr += text
  })
  child.stdout?.once('data', () => child.stdout?.destroy())
  const [code, signal] = await new Promise<[number | null, string | null]>((done) =>
    child.on('exit', (...how) => done(how)),
  )
  return { stderr, ended: code ?? signal }
}

test('a band whose trace nobody reads any more winds down as with Ctrl-C, and resume goes on', async () => {
  const { repo, env, cli, git } = await band()
  expect(await cutShort(repo, env, 'run', 'Write one')).toEqual({ stderr: '', ended: 130 })
  const resumed = await cli('resume')
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
  expect(git('show', 'main:one.txt')).toBe('1')
})

test('`log | head` ends without a word', async () => {
  const { repo, env, cli } = await band()
  expect((await cli('run', 'Write one')).code).toBe(0)
  const { stderr, ended } = await cutShort(repo, env, 'log', '--json')
  expect(stderr).toBe('')
  // All of a short log fits into the pipe before the reader has gone.
  expect(ended).toBeOneOf([0, 'SIGINT'])
})
