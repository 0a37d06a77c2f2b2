import { expect, test } from 'vitest'
import { bubblewrap } from '../../../adapters/sandboxes/bubblewrap.ts'
import { none } from '../../../adapters/sandboxes/none.ts'
import { openSandbox } from '../../../adapters/sandboxes/open.ts'
import { selfTest } from '../../../adapters/sandboxes/self-test.ts'
import { CodebandError } from '../../../core/errors.ts'

test('off is none, whatever is installed', async () => {
  expect((await openSandbox('off')).kind).toBe('none')
})

test('required gives walls or refuses, if-available gives whatever there is', async () => {
  const required = await openSandbox('required').catch((error: unknown) => error)
  const available = await openSandbox('if-available')
  if (required instanceof Error) {
    expect(CodebandError.is(required, 'CB_SANDBOX_MISSING')).toBe(true)
    expect(available.kind).toBe('none')
  } else {
    expect(required).toMatchObject({ kind: 'bubblewrap' })
    expect(available.kind).toBe('bubblewrap')
  }
})

test('the self-test sees a sandbox without walls', async () => {
  expect(await selfTest(none())).toMatch(/^let a command /)
})

test('the self-test sees a bwrap that cannot start anything (NX-023)', async () => {
  const broken = await bubblewrap({ program: '/bin/false', options: new Set(), throwAway: 'copy' })
  expect(await selfTest(broken)).toMatch(/^cannot run a command here/)
})
