import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { place } from '../scene/place.ts'

const keepers: ChildProcess[] = []
afterEach(() => {
  for (const one of keepers.splice(0)) one.kill('SIGKILL')
})

let names = 0

/** A process that keeps children the given way; they sleep for a number of seconds by which they are known. */
async function keep(way: string): Promise<{ keeper: ChildProcess; name: string }> {
  const name = `${100_000 + process.pid}.${++names}`
  const at = place()
  const program = fileURLToPath(new URL('keeper.ts', import.meta.url))
  const keeper = spawn(process.execPath, [program, way, at, name], { stdio: ['ignore', 'ignore', 'pipe'] })
  keepers.push(keeper)
  let complaint = ''
  keeper.stderr?.on('data', (text) => {
    complaint += text
  })
  while (!existsSync(join(at, 'tree/begun.txt'))) {
    if (keeper.exitCode !== null) throw new Error(complaint)
    await sleep(20)
  }
  return { keeper, name }
}

function living(name: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`\0${name}\0`) && !/\) [ZX] /.test(stat)
    } catch {
      return false
    }
  })
}

/** Until none lives; gives those that still do after a time that is long even where two hundred others want the processor. */
async function leftOf(name: string): Promise<string[]> {
  for (let look = 0; look < 200 && living(name).length > 0; look++) await sleep(50)
  return living(name)
}

describe.skipIf(process.platform !== 'linux')(
  'no process outlives a band that was killed (F-PR-03, F-PR-08, I-27)',
  () => {
    test.for([
      ['of a command in its sandbox, whatever session it is in', 'walled'],
      ['of a command without a sandbox, whatever session it is in', 'bare'],
      ["of a model's client that minds neither signals nor the end of its input", 'client'],
      ['of a tool server that does not mind the end of its input', 'server'],
    ])('%s', { timeout: 60_000 }, async ([, way]) => {
      const { keeper, name } = await keep(way!)
      expect(living(name).length).toBeGreaterThan(way === 'server' ? 0 : 3)
      keeper.kill('SIGKILL')
      expect(await leftOf(name)).toEqual([])
    })

    test('nor what ends it, once nothing is left to do', { timeout: 60_000 }, async () => {
      const { keeper, name } = await keep('bare')
      const executors = () =>
        readdirSync('/proc').filter((pid) => {
          try {
            const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
            return (
              /^\d+$/.test(pid) &&
              readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('codeband-last-will') &&
              Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === keeper.pid
            )
          } catch {
            return false
          }
        })
      const [executor] = executors()
      expect(executor).toBeDefined()
      keeper.kill('SIGKILL')
      expect(await leftOf(name)).toEqual([])
      for (let look = 0; look < 200 && existsSync(`/proc/${executor}`); look++) await sleep(50)
      expect(existsSync(`/proc/${executor}`)).toBe(false)
    })
  },
)
