// One life of a band in a process of its own: `child.ts '<Life as JSON>'`. Prints what came of it, unless it is killed.
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../adapters/clock.ts'
import { sqliteEventStore } from '../../adapters/event-stores/sqlite.ts'
import { host } from '../../adapters/host.ts'
import { machinePorts, openBand } from '../../adapters/open-band.ts'
import { gitWorkspaces } from '../../adapters/workspaces/git.ts'
import { tasksOf, waitingApprovals } from '../../core/protocol/state.ts'
import { openLog } from '../../core/runtime/log.ts'
import { deadlyGit, type Kill, openKiller } from './killer.ts'
import { configOf, policy, roles, task, toolsOf } from './scenario.ts'

export interface Life {
  /** Holds `repo`, `home` and the ledger. */
  place: string
  /** 'go on': does the task, from wherever it is. 'approve': a person says yes, then leads until it is done, as the command does. 'word':
   *  a person says yes, no more. */
  does: 'go on' | 'approve' | 'word'
  /** A person must approve the landing. */
  person: boolean
  /** Waits for the person's word instead of parking. */
  wait?: boolean
  kill?: Kill
}

/** What a life that came to its end prints. */
export interface LifeEnd {
  outcome: string
  passes: Readonly<Record<string, number>>
}

const life = JSON.parse(process.argv[2]!) as Life
const { place, kill } = life
const root = join(place, 'repo')
const home = join(place, 'home')
const killer = openKiller(kill)
const open = () => killer.store(sqliteEventStore({ file: join(home, 'band.db') }))

async function say(): Promise<void> {
  const store = open()
  const log = await openLog({ store, now: systemClock.now })
  for (const { id } of waitingApprovals(log.state)) await log.must({ type: 'Approve', approval: id, by: 'ada' })
  log.close()
  await store.close()
}

async function goOn(): Promise<string> {
  const config = killer.config(configOf(life.person))
  const band = await openBand(
    {
      root,
      home,
      host: { ...host(), env: {} },
      store: open(),
      config,
      roles,
      tools: toolsOf(place, { after: (tool) => killer.pass(`in ${tool}`) }),
      policy,
      wait: life.wait ?? false,
      by: 'ada',
    },
    async (parts) => {
      const bin = deadlyGit(place, kill)
      // First: what is made the first time is made with that git.
      const workspaces = bin && (await gitWorkspaces({ root, home, bin }))
      const ports = await machinePorts(parts)
      return killer.ports(workspaces ? { ...ports, workspaces } : ports, config)
    },
  )
  band.on('event', ({ type }) => writeSync(1, `${type}\n`))
  // Nothing was acknowledged before the task was in the log: whoever gave it gives it again.
  const begun = tasksOf(band.state).length > 0
  const results = begun ? await band.resume() : [await band.run(task)]
  await band.close()
  return results.map(({ outcome }) => outcome).join() || 'nothing to do'
}

if (life.does !== 'go on') await say()
const outcome = life.does === 'word' ? 'said' : await goOn()
writeSync(1, `${JSON.stringify({ outcome, passes: killer.passes } satisfies LifeEnd)}\n`)
