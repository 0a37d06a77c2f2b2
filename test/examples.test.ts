import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { cliEnv } from './scene/cli.ts'
import { place } from './scene/place.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('examples/02-library is under 30 lines and lands a change', { timeout: 60_000 }, async () => {
  const file = join(root, 'examples/02-library/main.ts')
  expect(readFileSync(file, 'utf8').trim().split('\n').length).toBeLessThan(30)
  const at = place()
  const tsx = [join(root, 'node_modules/tsx/dist/cli.mjs'), '--tsconfig', join(root, 'tsconfig.json'), file]
  const { stdout, stderr } = await promisify(execFile)(join(root, 'node_modules/.bin/node'), tsx, {
    cwd: at,
    env: { ...cliEnv(at), TMPDIR: at },
  })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n').at(-1)).toMatch(/^success \[ '[0-9a-f]{40}' \]$/)
})
