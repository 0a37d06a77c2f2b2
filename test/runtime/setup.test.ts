import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import type { Recorded } from '../../core/protocol/events.ts'
import { type CliResult, cli, cliEnv } from '../scene/cli.ts'
import { personsGit, place, sampleRepository } from '../scene/place.ts'

const walled = 'works' in (await findSandbox())
const registry = 'http://127.0.0.1:9/'

/** Runs the first band with this as its `setup`, in the environment of a machine with a registry and certificates of its own. */
async function runWithSetup(
  setup: readonly string[],
  ...options: string[]
): Promise<CliResult & { worktrees: string }> {
  const at = place()
  const repo = sampleRepository(join(at, 'durations'))
  const file = join(repo, 'codeband.config.ts')
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('  checks:', `  setup: ${JSON.stringify([setup])},\n  checks:`),
  )
  personsGit(repo, 'commit', '-qam', 'setup')
  writeFileSync(join(at, 'real.pem'), 'certificates')
  symlinkSync('real.pem', join(at, 'ca.pem'))
  const env = cliEnv(at, {
    NPM_CONFIG_REGISTRY: registry,
    SSL_CERT_FILE: join(at, 'ca.pem'),
    npm_config_cafile: '/nowhere/ca.pem',
    SECRET: 's3cret',
    HTTPS_PROXY: 'http://me:proxy-password@127.0.0.1:9',
    CODEBAND_HOME: join(at, 'band'),
  })
  await cli(repo, ['trust', '--yes'], env)
  const result = await cli(repo, ['run', "Fix the failing test: durations such as '1h30m'", ...options], env)
  return { ...result, worktrees: join(at, 'band/worktrees') }
}

test('setup knows the registry of this machine and can read its certificates, also through a link, and nothing else of its environment; a host that it wants is told with the cure', {
  timeout: 120_000,
}, async () => {
  const look = `
    const { NPM_CONFIG_REGISTRY, SSL_CERT_FILE, npm_config_cafile, SECRET, HTTPS_PROXY } = process.env
    const read = require('node:fs').readFileSync(SSL_CERT_FILE, 'utf8')
    console.log(JSON.stringify({ NPM_CONFIG_REGISTRY, read, npm_config_cafile, SECRET }))
    console.log(Object.values(process.env).join().includes('proxy-password'), HTTPS_PROXY)
    require('node:http').request({ ...require('node:url').urlToHttpOptions(new URL(HTTPS_PROXY)), method: 'CONNECT', path: 'example.com:443' })
      .on('connect', () => process.exit(9)).end()`
  const { code, stderr } = await runWithSetup(['node', '-e', look])
  expect(code).toBe(6)
  if (walled) {
    expect(stderr).toContain('false http://127.0.0.1:3128')
    expect(stderr).toContain(
      "`setup` wanted example.com; add it to `network` in codeband.config.ts if you trust it (`network: [...packageRegistries, 'example.com']`).",
    )
  }
  expect(stderr).toMatch(/CB_SETUP_FAILED/)
  expect(stderr).toContain(
    JSON.stringify({ NPM_CONFIG_REGISTRY: registry, read: 'certificates', npm_config_cafile: '/nowhere/ca.pem' }),
  )
})

test('what setup leaves in a worktree without an ignore rule stays there and is part of no change', {
  timeout: 120_000,
}, async () => {
  const { code, stdout, worktrees } = await runWithSetup(
    ['node', '-e', "require('node:fs').cpSync('src', 'installed/left', { recursive: true })"],
    '--json',
  )
  expect(code).toBe(0)
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
  const changes = events.flatMap((event) => (event.type === 'ChangeSubmitted' ? [event.files] : []))
  expect(existsSync(join(worktrees, 'coder-codex-0/installed/left/duration.ts'))).toBe(true)
  expect(changes).toHaveLength(2)
  for (const files of changes) expect(files.filter((path) => !/^(src|test)\//.test(path))).toEqual([])
})
