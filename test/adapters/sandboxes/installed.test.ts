import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { findSandbox } from '../../../adapters/sandboxes/open.ts'

/** Whether this machine can have a sandbox at all, asked without any code of ours. */
const can =
  process.platform === 'linux' &&
  spawnSync('bwrap', ['--unshare-all', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', 'true']).status === 0

// The suites of the sandbox are skipped where it does not hold; without this one a wall that fell would leave them silent.
test.runIf(can)('where a plain bwrap can start a command, ours does too, and every wall of it holds', async () => {
  const found = await findSandbox()
  expect('walls' in found ? found.walls.filter(({ holds }) => !holds) : found).toEqual([])
  expect(found).toHaveProperty('works')
})
