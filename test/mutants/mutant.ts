import { transformSync } from 'esbuild'

/** A planted bug: one piece of text in one file is replaced. */
export interface Mutant {
  /** What is wrong now. */
  name: string
  file: string
  /** Stands in the file exactly once, or the list is out of date. */
  find: string
  replace: string
  /** What should notice, the quickest first: a file of tests, one test of it (`file > words of its title`), or `model <scope>`, which
   *  searches through a part of the law. */
  killers: readonly string[]
}

/** The text with the bug in it: code that can be loaded, so that what fails with it has noticed what it does. */
export function planted({ name, file, find, replace }: Mutant, sound: string): string {
  const parts = sound.split(find)
  if (parts.length !== 2)
    throw new Error(`'${name}' does not apply: ${file} holds the text ${parts.length - 1} times, not once:\n${find}`)
  const text = parts.join(replace)
  if (file.endsWith('.ts')) transformSync(text, { loader: 'ts' })
  return text
}
