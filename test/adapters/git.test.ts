import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { git } from '../../adapters/git.ts'
import { place } from '../scene/place.ts'

test('a git that was killed has answered nothing: neither no branch nor a conflict follows from it', async () => {
  const at = place()
  const bin = join(at, 'git')
  writeFileSync(bin, '#!/bin/sh\nkill -INT $$\n', { mode: 0o755 })
  const killed = git({ gitDir: at, bin })
  for (const asked of ['run', 'succeeds', 'text'] as const)
    await expect(killed[asked](['show-ref'])).rejects.toThrow(/`git show-ref` failed in '.*': it was killed/)
  // One that we stop ourselves has said what we wanted of it.
  writeFileSync(bin, '#!/bin/sh\nexec yes\n')
  const { truncated, stdout } = await killed.run(['show-ref'], { limit: 10 })
  expect({ truncated, stdout: stdout.toString() }).toEqual({ truncated: true, stdout: 'y\ny\ny\ny\ny\n' })
})
