/** A planted bug: one piece of text in one file is replaced. */
export interface Mutant {
  /** What is wrong now. */
  name: string
  file: string
  /** Stands in the file exactly once, or the list is out of date. */
  find: string
  replace: string
  /** What should notice, the quickest first: a file of tests, or `model <scope>`, which searches through a part of the law. */
  killers: readonly string[]
}

/** The text with the bug in it. */
export function planted({ name, file, find, replace }: Mutant, text: string): string {
  const parts = text.split(find)
  if (parts.length !== 2)
    throw new Error(`'${name}' does not apply: ${file} holds the text ${parts.length - 1} times, not once:\n${find}`)
  return parts.join(replace)
}
