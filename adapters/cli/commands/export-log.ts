import { closeSync, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { CodebandError } from '../../../core/errors.ts'
import { type Damage, isDamage } from '../../event-stores/sqlite/salvage.ts'
import { salvageRepositoryLog } from '../../repository-log.ts'
import type { ExitCode } from '../exit.ts'
import type { Cli } from '../program.ts'

/** `codeband log --export [FILE]`: every event that can still be read, as JSON lines; a line with `damage` is a place where none can.
 *  Exit 6 when there is such a place. */
export async function exportLog({ screen, cwd }: Cli, file: string | undefined): Promise<ExitCode> {
  const lines = await salvageRepositoryLog({ cwd })
  const out = file === undefined ? process.stdout.fd : createFile(resolve(cwd, file))
  const damages: Damage[] = []
  let events = 0
  try {
    for (const one of lines) {
      if (isDamage(one)) damages.push(one)
      else events++
      writeWhole(out, Buffer.from(`${JSON.stringify(one)}\n`))
    }
  } finally {
    if (file !== undefined) closeSync(out)
  }
  for (const { seq, to, damage } of damages) {
    const place = seq === 0 ? 'The file' : to > seq ? `Events ${seq} to ${to}` : `Event ${seq}`
    screen.note(`${place}: ${damage}`)
  }
  const found = damages.length === 0 ? 'the log is whole' : `the log is damaged at ${damages.length} place(s)`
  screen.note(`${events} event(s) exported; ${found}.`)
  return damages.length === 0 ? 0 : 6
}

function createFile(file: string): number {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (error) {
    const detail = `'${file}' cannot be written: ${(error as Error).message}. Name a file that does not exist yet.`
    throw new CodebandError('CB_USAGE', { detail }, { cause: error })
  }
}

/** A pipe takes as much as it has room for. */
function writeWhole(out: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(out, bytes, done)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}
