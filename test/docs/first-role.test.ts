import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { cli, cliEnv } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'

const house = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(house, 'docs/first-role.md'), 'utf8')

/** Words of a line of the page: blanks divide, single quotes hold together. */
const words = (line: string): string[] => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, held, bare]) => held ?? bare!)

test('every step of docs/first-role.md does what the page says', { timeout: 120_000 }, async () => {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { 'README.md': '# a band\n', 'package.json': '{"type":"module"}' })
  const ran: string[] = []
  for (const [, language, exit, file, text] of page.matchAll(
    /^```(ts|json|sh)(?: exit=(\d+))?(?: file=(\S+))?\n([\s\S]*?)^```$/gm,
  )) {
    if (language === 'sh') {
      for (const line of text!.trim().split('\n')) {
        const argv = words(line)
        expect(argv.slice(0, 2)).toEqual(['npx', 'codeband'])
        const { code, stdout, stderr } = await cli(repo, argv.slice(2), cliEnv(at))
        expect({ line, code, stderr: code === Number(exit ?? 0) ? '' : stdout + stderr }).toEqual({
          line,
          code: Number(exit ?? 0),
          stderr: '',
        })
        ran.push(`${argv[2]}: ${stdout}${stderr}`)
      }
    } else {
      const [, path, content] = file ? [text, file, text] : /^\/\/ (\S+)\n([\s\S]*)$/.exec(text!)!
      mkdirSync(dirname(join(repo, path!)), { recursive: true })
      writeFileSync(join(repo, path!), content!)
    }
  }
  expect(ran.map((one) => one.split(':')[0])).toEqual(['init', 'trust', 'roles', 'can', 'can', 'run'])
  expect(ran[2]).toContain('glossary')
  expect(ran[4]).toContain('tool-not-in-role')
  expect(ran[5]).toContain('tool-not-in-role')
  expect(ran[5]).toContain('A group of agents.')

  // The test on the page, by a runner of its own, beside the role that the steps made.
  symlinkSync(join(house, 'node_modules'), join(repo, 'node_modules'))
  const alias = { 'codeband/testing': join(house, 'adapters/testing.ts'), codeband: join(house, 'adapters/index.ts') }
  writeFileSync(join(repo, 'vitest.config.mjs'), `export default { resolve: { alias: ${JSON.stringify(alias)} } }\n`)
  const vitest = [
    join(house, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--testTimeout=60000',
    '.agents/glossary.test.ts',
  ]
  const result = spawnSync(join(house, 'node_modules/.bin/node'), vitest, {
    cwd: repo,
    env: cliEnv(at),
    encoding: 'utf8',
  })
  expect(result.status, result.stdout + result.stderr).toBe(0)
})
