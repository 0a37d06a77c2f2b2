import type { TrustQuestion } from '../definitions/load.ts'
import { askLine } from './ask.ts'
import type { Screen } from './screen.ts'

/** Asks whether definitions that are not trusted yet may run; without a terminal there is nobody to ask. */
export function confirmTrust(screen: Screen): TrustQuestion | undefined {
  if (!screen.terminal) return undefined
  return async (question) => {
    showTrustQuestion(screen, question)
    return /^y(es)?$/i.test((await askLine('Trust them? [y/N]')) ?? '')
  }
}

/** What would run, and what it gains and loses against what was trusted last. */
export function showTrustQuestion(screen: Screen, { hash, files, change }: Parameters<TrustQuestion>[0]): void {
  screen.note(
    `These files are code that runs on this machine, not trusted yet as they are now (hash ${hash.slice(0, 12)}):`,
  )
  for (const file of files) screen.note(`  ${file}`)
  if ('unknown' in change) {
    screen.note(`What they can do cannot be shown: ${change.unknown}.`)
    return
  }
  const { gained, lost } = change
  if (gained.length + lost.length === 0) screen.note('They can do what the ones you trusted last could do.')
  for (const line of gained) screen.note(`  ${screen.paint.green('+')} ${line}`)
  for (const line of lost) screen.note(`  ${screen.paint.red('-')} ${line}`)
}
