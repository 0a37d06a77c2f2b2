import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { coder as shipped } from '../../adapters/roles.ts'
import { findSandbox } from '../../adapters/sandboxes/open.ts'
import { verdict, write } from '../scene/band.ts'
import { place, repositoryOf } from '../scene/place.ts'
import { answersOf, obedient } from './obedient.ts'

const subtask = { id: 's', title: 'S', description: '', files: ['a.txt'], dependsOn: [] }
const modes = ['works' in (await findSandbox()) ? 'required' : undefined, 'if-available', 'off'] as const

/** Processes of this machine that sleep for so long. */
function sleeping(mark: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(mark)
    } catch {
      // It has ended.
      return false
    }
  })
}

/** Forked twice, in sessions of their own, deaf to hang-ups and to TERM; at the end the command tells how many live; it
 *  finds itself, too. */
const brood = (mark: string): string => `{
  (sh -c "sleep ${mark} &" &)
  setsid sleep ${mark} &
  nohup sleep ${mark} &
  (setsid sh -c "trap '' TERM HUP; sleep ${mark} & sleep ${mark}" &)
} </dev/null >/dev/null 2>&1
sleep 0.3
echo "$(($(grep -lzx ${mark} /proc/[0-9]*/cmdline 2>/dev/null | wc -l) - 1)) live"`

describe.runIf(process.platform === 'linux')('one second after a turn', { timeout: 60_000 }, () => {
  test.each(modes.filter((mode) => mode !== undefined))(
    "none of its processes lives, with sandbox '%s' (NX-019)",
    async (mode) => {
      const at = place()
      const mark = `6000.${process.pid}${Math.floor(Math.random() * 1e6)}`
      const argv: [string, ...string[]] = ['sh', '-c', brood(mark)]
      const { band, of, run, events } = await obedient({
        repo: repositoryOf(join(at, 'repo'), { 'a.txt': 'a\n', 'check.sh': 'true\n' }),
        home: join(at, 'home'),
        async *script({ role }) {
          if (role === 'code-reviewer') yield verdict('approve') as never
          else {
            yield { call: 'run_command', input: { argv }, expect: 'ok' }
            yield write('a.txt', 'changed\n') as never
          }
        },
        roles: [{ ...shipped, tools: [...(shipped.tools ?? []), { name: 'run_command', allowedCommands: [argv] }] }],
        checks: [['sh', 'check.sh']],
        sandbox: mode,
        *steps({ band }) {
          yield* band.reviewed('coder' as never, { subtask, files: [] } as never)
        },
      })
      const left = new Promise<string[]>((resolve) => {
        band.on('event', async ({ type }) => {
          if (type !== 'TurnEnded') return
          for (let round = 0; round < 20 && sleeping(mark).length > 0; round++) await sleep(50)
          resolve(sleeping(mark))
        })
      })
      expect(await run().finally(() => band.close())).toMatchObject({ outcome: 'success' })
      const [command] = answersOf(events, 'coder')
      expect(command?.output).toMatch(/^5 live$/m)
      expect(await left).toEqual([])
      expect(of('ViolationRecorded')).toEqual([])
    },
  )
})
