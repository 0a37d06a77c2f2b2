// Starts processes in one of the ways a band does, and waits to be killed: `keeper.ts <way> <place> <seconds that name them>`.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { mcpServers } from '../../adapters/mcp-servers.ts'
import { start } from '../../adapters/processes/process.ts'
import { openSandbox } from '../../adapters/sandboxes/open.ts'
import { resolveConfig } from '../../core/config.ts'

const [way, place, name] = process.argv.slice(2) as [string, string, string]
const env = { PATH: process.env.PATH! }
const worktree = join(place, 'tree')
mkdirSync(worktree, { recursive: true })

/** Processes that hide in their own sessions, have no parent any more, and mind no signal that can be minded. */
const brood = `trap '' HUP INT TERM
setsid sleep ${name} &
(setsid sh -c "trap '' HUP TERM; sleep ${name} & sleep ${name}" &)
(sleep ${name} &)
sleep 0.2
echo > ${worktree}/begun.txt
exec sleep ${name}`

if (way === 'client') start(['sh', '-c', brood.replaceAll('setsid ', '')], { cwd: worktree, env })
else if (way === 'server') {
  const command = ['sh', '-c', `sleep 0.5; echo > ${worktree}/begun.txt; exec sleep ${name}`]
  await mcpServers.open({ name: 'deaf', command, headers: {}, env, cwd: worktree })
} else {
  const { limits } = resolveConfig({}, 'the test', () => undefined)
  const sandbox = await openSandbox(way === 'bare' ? 'off' : 'required', limits)
  await sandbox.run({
    argv: ['sh', '-c', brood],
    cwd: worktree,
    worktree,
    writable: true,
    protect: [],
    readable: [],
    home: join(place, 'home'),
    network: [],
    env,
    timeoutMs: 60_000,
    maxOutput: 1000,
  })
}
