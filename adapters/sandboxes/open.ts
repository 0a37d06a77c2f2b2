import { CodebandError } from '../../core/errors.ts'
import type { Sandbox } from '../../core/ports/sandbox.ts'
import { bubblewrap, findBubblewrap } from './bubblewrap.ts'
import { none } from './none.ts'
import { selfTest } from './self-test.ts'

export type SandboxMode = 'required' | 'if-available' | 'off'

/** The strongest sandbox this machine has, proved by trying to get out of it. CB_SANDBOX_MISSING when `required` and there is none. */
export async function openSandbox(mode: SandboxMode): Promise<Sandbox> {
  if (mode === 'off') return none()
  const found = await workingBubblewrap()
  if (typeof found !== 'string') return found
  if (mode === 'if-available') return none()
  throw new CodebandError('CB_SANDBOX_MISSING', { detail: found })
}

/** A sandbox whose walls hold, or why there is none. */
async function workingBubblewrap(): Promise<Sandbox | string> {
  if (process.platform !== 'linux') return `does not exist for ${process.platform}`
  const installed = await findBubblewrap()
  if (!installed) return 'was not found'
  let problem = ''
  for (const throwAway of [installed.throwAway, 'copy'] as const) {
    const sandbox = await bubblewrap({ ...installed, throwAway })
    problem = await selfTest(sandbox)
    if (problem === '') return sandbox
  }
  return problem
}
