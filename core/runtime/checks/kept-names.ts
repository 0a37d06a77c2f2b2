import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { hashOf } from '../hash.ts'
import type { Runtime } from '../runtime.ts'

/** As many lists are kept, the latest ones. What is gone is found out again. */
const most = 32

const list = z.object({ format: z.literal(1), names: z.array(z.string()) })

/** The names of the tests that passed on trees, by what they follow from: tree, checks and setup. They lie in core's own home, where
 *  no command and no file tool reaches. */
export interface KeptNames {
  get(tree: string, check: number): Promise<readonly string[] | undefined>
  put(tree: string, check: number, names: readonly string[]): Promise<void>
}

export function keptNames({ home, config: { checks, setup }, sandbox }: Runtime): KeptNames {
  const folder = join(home, 'reports')
  const fileOf = (tree: string, check: number): string =>
    // What ran before a check may have built what it tests.
    join(folder, `${hashOf({ tree, checks: checks.slice(0, check + 1), setup, sandbox: sandbox.kind })}.json`)

  return {
    async get(tree, check) {
      const text = await readFile(fileOf(tree, check), 'utf8').catch(() => undefined)
      if (text === undefined) return undefined
      try {
        return list.parse(JSON.parse(text)).names
      } catch {
        // Damaged: it is found out again.
        return undefined
      }
    },
    async put(tree, check, names) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const file = fileOf(tree, check)
      const temporary = `${file}.${randomBytes(6).toString('hex')}`
      await writeFile(temporary, JSON.stringify({ format: 1, names }), { mode: 0o600 })
      await rename(temporary, file)
      await prune(folder)
    },
  }
}

async function prune(folder: string): Promise<void> {
  const files = await readdir(folder)
  if (files.length <= most) return
  const dated = await Promise.all(
    files.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => undefined)
      return { name, at: found?.mtimeMs ?? 0 }
    }),
  )
  dated.sort((a, b) => b.at - a.at)
  await Promise.all(dated.slice(most).map(({ name }) => rm(join(folder, name), { force: true })))
}
