import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { rigClient } from '../adapters/frameworks/claude/rigged-client.ts'
import { cli, cliEnv } from '../scene/cli.ts'
import { place, repositoryOf } from '../scene/place.ts'

/** A program that answers as the next version of Codex would. */
function nextCodex(file: string): string {
  const answer = 'case "$1" in debug) echo \'{"models":[{"slug":"gpt-5.5"}]}\';; *) echo codex-cli 0.170.0;; esac'
  writeFileSync(file, `#!/bin/sh\n${answer}\n`)
  chmodSync(file, 0o755)
  return file
}

const cases = [
  {
    name: 'claude',
    install: 'npm install --save-dev @anthropic-ai/claude-agent-sdk@0.3.329',
    found: /2\.1\.330/,
    program: (file: string) => rigClient(file, { version: '2.1.330' }),
  },
  {
    name: 'codex',
    install: 'npm install --save-dev @openai/codex@0.169.0',
    found: /0\.170\.0/,
    program: async (file: string) => nextCodex(file),
  },
]

describe.each(cases)('a $name of a version that is not known', ({ name, install, found, program }) => {
  test('is told by doctor and refused by run, both with the command that installs the right one', {
    timeout: 120_000,
  }, async () => {
    const at = place()
    const executable = await program(join(at, 'client'))
    const other = name === 'claude' ? 'openai' : 'anthropic'
    const repo = repositoryOf(join(at, 'repo'), {
      'a.txt': 'a\n',
      'codeband.config.ts': `import { defineConfig } from 'codeband'
import { ${name} } from 'codeband/${name}'
import { scripted } from 'codeband/scripted'
export default defineConfig({
  frameworks: { ${name}: ${name}({ executable: '${executable}' }), other: scripted({ id: 'other', family: '${other}', script: { turns: [] } }) },
  checks: [['true']],
  sandbox: 'if-available',
})
`,
    })
    const env = cliEnv(at, { ANTHROPIC_API_KEY: 'sk-test', OPENAI_API_KEY: 'sk-test' })
    expect((await cli(repo, ['trust', '--yes'], env)).code).toBe(0)

    const doctor = await cli(repo, ['doctor', '--json'], env)
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; status: string }[] }
    const check = checks.find((one) => one.name === `framework ${name}`)
    expect(check).toMatchObject({ status: 'fail', found: expect.stringMatching(found), cure: install })
    expect(doctor.code).toBe(2)

    const run = await cli(repo, ['run', 'Do it'], env)
    expect(run.stderr).toMatch(/^CB_CLIENT_VERSION /)
    expect(run.stderr).toMatch(found)
    expect(run.stderr).toContain(`Run: ${install}\n`)
    expect(run.code).toBe(2)
  })
})
