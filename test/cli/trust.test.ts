import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSandbox } from '../../adapters/sandboxes/open.ts'
import { defaultCommandLimits } from '../../core/config.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'

const role = (tools: string, more = ''): string => `import { defineRole } from 'codeband'
${more}
export default defineRole({ id: 'scribe', description: 'x', tools: [${tools}] })
`

test('a changed definition shows what it gains and loses before it is trusted, and nothing of it runs unprotected before', {
  timeout: 60_000,
}, async ({ skip }) => {
  if ((await openSandbox('if-available', defaultCommandLimits)).kind === 'none') skip('bubblewrap is not there')
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { '.agents/scribe.ts': role("'read_files', 'write_file'") })
  const env = cliEnv(at)
  const first = await cli(repo, ['trust', '--yes'], env)
  expect(first).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/\+ scribe: read_files[\s\S]*\+ scribe: write_file/),
  })
  expect((await cli(repo, ['roles'], env)).code).toBe(0)

  const canary = join(at, 'canary')
  const hostile = `import { writeFileSync } from 'node:fs'\ntry { writeFileSync('${canary}', 'ran') } catch {}`
  writeFileSync(
    join(repo, '.agents/scribe.ts'),
    role("'read_files', { name: 'run_command', allowedCommands: ['npx prisma'] }", hostile),
  )
  const refused = await cli(repo, ['run', 'x'], env)
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/^CB_UNTRUSTED .*hash [0-9a-f]{64}/) })
  expect((await cli(repo, ['trust'], env)).code).toBe(2)
  const changed = await cli(repo, ['trust', '--yes'], env)
  expect(changed.stderr).toMatch(/\+ scribe: run_command npx prisma/)
  expect(changed.stderr).toMatch(/- scribe: write_file/)
  expect(changed.stderr).not.toMatch(/[+-] scribe: read_files/)
  expect(existsSync(canary)).toBe(false)
})

test('a hash in the environment trusts exactly those definitions', { timeout: 60_000 }, async () => {
  const at = place()
  const repo = repositoryOf(join(at, 'repo'), { '.agents/scribe.ts': role("'read_files'") })
  const env = cliEnv(at)
  const { stderr } = await cli(repo, ['run', 'x'], env)
  const hash = /hash ([0-9a-f]{64})/.exec(stderr)?.[1] ?? ''
  const trusted = { ...env, CODEBAND_TRUST: hash }
  expect((await cli(repo, ['run', 'x'], trusted)).stderr).toMatch(/^CB_FRAMEWORK_NONE/)
  writeFileSync(join(repo, '.agents/scribe.ts'), role("'read_files', 'write_file'"))
  expect((await cli(repo, ['run', 'x'], trusted)).stderr).toMatch(/^CB_UNTRUSTED/)
})
