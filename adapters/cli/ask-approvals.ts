import { CodebandError } from '../../core/errors.ts'
import { waitingApprovals } from '../../core/protocol/state.ts'
import type { Band } from '../open-band.ts'
import { askLine } from './ask.ts'
import type { Screen } from './screen.ts'

/** While `work` runs, a person at a terminal is asked about each approval that waits. The answer is a typed word, so that no key pressed
 *  ahead of the question lands anything. A word from another terminal, or the end of what waits, takes the question back; `work` shows
 *  what happens only then, so that it stands on a line of its own. */
export async function askingApprovals<T>(screen: Screen, band: Band, work: () => Promise<T>): Promise<T> {
  if (!screen.terminal) return work()
  const open = new Map<string, AbortController>()
  const look = (): void => {
    const waiting = waitingApprovals(band.state)
    for (const [id, question] of open) if (!waiting.some((one) => one.id === id)) question.abort()
    for (const { id, commit, risk } of waiting) {
      if (open.has(id)) continue
      const question = new AbortController()
      open.set(id, question)
      void decide(screen, band, { id, what: `${id} (commit ${commit.slice(0, 7)}, risk ${risk})` }, question.signal)
    }
  }
  band.on('event', look)
  try {
    const result = work()
    look()
    return await result
  } finally {
    band.off('event', look)
    for (const question of open.values()) question.abort()
  }
}

async function decide(
  screen: Screen,
  band: Band,
  { id, what }: { id: string; what: string },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const line = await askLine(`Land ${what}? Type approve, or reject and why; return leaves it:`, signal)
    if (line === undefined) return
    if (line === '') {
      screen.note(`It waits, for another terminal too: codeband approve ${id}   or   codeband reject ${id} "why"`)
      return
    }
    const [, word, why = ''] = /^(approve$|reject(?= ))(.+)?$/i.exec(line) ?? []
    if (word === undefined) continue
    try {
      await (word.toLowerCase() === 'approve' ? band.approve(id) : band.reject(id, why.trim()))
    } catch (error) {
      if (!CodebandError.is(error)) throw error
      screen.error(error.code, error.message)
    }
    return
  }
}
