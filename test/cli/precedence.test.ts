import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cli, cliEnv } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'

const role = (id: string, description: string): string =>
  `import { defineRole } from 'codeband'\nexport default defineRole({ id: '${id}', description: '${description}', tools: ['read_files'] })\n`

test("the repository's role goes before the person's own, and that before the built-in; twice in one place is an error", {
  timeout: 60_000,
}, async () => {
  const at = place()
  const env = cliEnv(at)
  const own = join(at, '.agents')
  mkdirSync(own)
  writeFileSync(join(own, 'scribe.ts'), role('scribe', 'of the person'))
  writeFileSync(join(own, 'writer.ts'), role('writer', 'of the person'))
  const repo = repositoryOf(join(at, 'repo'), { '.agents/scribe.ts': role('scribe', 'of the repository') })
  // The person's own files are code too: they are trusted with the repository's.
  expect((await cli(repo, ['run', 'x'], env)).stderr).toMatch(/^CB_UNTRUSTED/)
  expect((await cli(repo, ['trust', '--yes'], env)).stdout).toMatch(
    /\.agents\/scribe\.ts, .*\.agents\/scribe\.ts, .*\.agents\/writer\.ts/,
  )
  const listed = await cli(repo, ['roles', '--json'], env)
  const { roles, diagnostics } = JSON.parse(listed.stdout)
  expect(diagnostics).toEqual([])
  const shown = Object.fromEntries(
    roles.map((one: { id: string; description: string; source: string }) => [
      one.id,
      `${one.description}: ${one.source}`,
    ]),
  )
  expect(shown).toMatchObject({
    scribe: 'of the repository: .agents/scribe.ts',
    writer: `of the person: ${join(own, 'writer.ts')}`,
    coder: expect.stringMatching(/: roles\/coder\.[jt]s$/),
  })

  writeFileSync(join(own, 'again.ts'), role('writer', 'twice'))
  await cli(repo, ['trust', '--yes'], env)
  const twice = JSON.parse((await cli(repo, ['roles', '--json'], env)).stdout)
  expect(twice.diagnostics).toMatchObject([
    { severity: 'error', code: 'duplicate-id', file: join(own, 'writer.ts'), line: 2 },
  ])
})
