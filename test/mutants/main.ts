import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openNursery, root } from './kill.ts'
import type { Mutant } from './mutant.ts'
import { mutants } from './planted.ts'

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })
const chosen = mutants.filter(({ name, file }) => `${name} ${file}`.includes(values.only))
const all = readdirSync(root)

/** Two at a time, each in a copy of its own. */
const queue = [...chosen]
const rows: { mutant: Mutant; by?: string; wrong?: string; seconds: number }[] = []
const contents = new Map<string, Promise<string | undefined>>()

async function worker(): Promise<void> {
  const nursery = openNursery(all)
  try {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const began = performance.now()
      const row = await attempt(mutant)
      rows.push({ mutant, ...row, seconds: (performance.now() - began) / 1000 })
      console.log(lineOf(rows.at(-1)!))
    }
  } finally {
    nursery.close()
  }

  async function attempt(mutant: Mutant): Promise<{ by?: string; wrong?: string }> {
    try {
      const by = await nursery.kill(mutant)
      if (by === undefined) return {}
      // A killer that fails by itself kills nothing.
      const killer = mutant.killers.find((one) => by.startsWith(one.split(' > ')[0]!)) ?? mutant.killers[0]!
      if (!contents.has(killer)) contents.set(killer, nursery.check(killer))
      const red = await contents.get(killer)
      return red === undefined ? { by } : { wrong: `${killer} fails without it, too: ${red}` }
    } catch (error) {
      return { wrong: error instanceof Error ? error.message : String(error) }
    }
  }
}

function lineOf({ mutant, by, wrong, seconds }: (typeof rows)[number]): string {
  const how = by ?? (wrong ? `ERROR ${wrong}` : 'LIVES')
  return `${mutant.name} | ${how} | ${seconds.toFixed(1)} s`
}

const began = performance.now()
console.log('mutant | killed by | seconds')
await Promise.all([worker(), worker()])
const killed = rows.filter(({ by }) => by !== undefined).length
console.log(`${killed} of ${rows.length} mutants killed in ${Math.round((performance.now() - began) / 1000)} s`)
for (const row of rows.filter(({ by }) => by === undefined)) console.log(lineOf(row))
process.exitCode = killed === rows.length && rows.length > 0 ? 0 : 1
