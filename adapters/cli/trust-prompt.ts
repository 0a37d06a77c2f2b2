import { askLine } from './ask.ts'
import type { Screen } from './screen.ts'

/** Asks whether definitions that are not trusted yet may run; without a terminal there is nobody to ask. */
export function confirmTrust(
  screen: Screen,
): ((question: { hash: string; files: readonly string[] }) => Promise<boolean>) | undefined {
  if (!screen.terminal) return undefined
  return async ({ hash, files }) => {
    screen.note(
      `These files are code that runs on this machine, and you have not trusted them as they are now (hash ${hash.slice(0, 12)}):`,
    )
    for (const file of files) screen.note(`  ${file}`)
    return /^y(es)?$/i.test(await askLine('Trust them? [y/N]'))
  }
}
