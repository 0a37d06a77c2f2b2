import { expect, test } from 'vitest'
import { none } from '../../../adapters/sandboxes/none.ts'
import { defaultCommandLimits } from '../../../core/config.ts'
import { sandboxContract } from '../../contracts/sandbox.ts'
import { place } from '../../scene/place.ts'

sandboxContract('none', async (limits) => none(limits), { walls: false })

test('without walls a command that has hosts is told the proxies of the machine, and nothing else of its environment', async () => {
  const at = place()
  const sandbox = none(defaultCommandLimits, { HTTPS_PROXY: 'http://127.0.0.1:9', no_proxy: 'a.test', SECRET: 's' })
  const run = async (network: readonly string[]) => {
    const place = { cwd: at, worktree: at, writable: true, protect: [], readable: [], home: at }
    const limits = { timeoutMs: 10_000, maxOutput: 10_000 }
    const { output } = await sandbox.run({
      argv: ['env'],
      ...place,
      network,
      env: { PATH: '/usr/bin:/bin' },
      ...limits,
    })
    const names = output.match(/^\w+(?==)/gm) ?? []
    return names.filter((name) => !['PATH', 'HOME', 'PWD', 'CODEBAND_COMMAND'].includes(name)).sort()
  }
  expect(await run(['example.com'])).toEqual(['HTTPS_PROXY', 'no_proxy'])
  expect(await run([])).toEqual([])
})
