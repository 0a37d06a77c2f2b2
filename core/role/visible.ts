/** Characters that show nothing, or that move what is shown: controls, directions, tags, fillers, all that a font may leave out. Not among
 *  them: a line end (LF, CR LF), a tab, the joiner between two pictographs, the mark that makes the one before it a picture or a key. */
const invisible = new RegExp(
  [
    String.raw`(?<=\p{Extended_Pictographic}[\u{FE0F}\p{Emoji_Modifier}]?)\u{200D}(?=\p{Extended_Pictographic})`,
    String.raw`(?<=\p{Extended_Pictographic})[\u{FE0E}\u{FE0F}]`,
    String.raw`(?<=[0-9#*])\u{FE0F}(?=\u{20E3})`,
    // Many at once: a text may hold nothing else.
    String.raw`((?:[^\P{Cc}\n\t\r]|\r(?!\n)|[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}\u{FFF9}-\u{FFFB}]){1,1000})`,
  ].join('|'),
  'gu',
)

/** Text of agents, people and repositories as others may safely see it: every character that is invisible, or that a terminal obeys, as
 *  its escape `\u{200b}`; all else as it is. Twice is the same as once. */
export function visible(text: string): string {
  return shownWith(text, escaped)
}

/** The same for JSON, which stays what it is: there the escapes are its own. */
export function visibleJson(json: string): string {
  return shownWith(json, (char) =>
    char.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}

function shownWith(text: string, escapeOf: (char: string) => string): string {
  return text.replace(invisible, (char: string, found?: string) =>
    found === undefined ? char : Array.from(found, escapeOf).join(''),
  )
}

/** The character as its escape. */
export function escaped(char: string): string {
  return `\\u{${char.codePointAt(0)!.toString(16)}}`
}

const mostNamed = 5

const codeOf = (char: string): string => `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`

/** One line that says where a text holds such characters, for whoever gets it as it is; '' where it holds none. */
export function invisibleNote(text: string, nameOf: (line: number) => string = (line) => `line ${line}`): string {
  const named = new Set<string>()
  let line = 1
  let at = 0
  for (const { 1: found, index } of text.matchAll(invisible)) {
    if (found === undefined) continue
    for (; at < index; at++) if (text[at] === '\n') line++
    for (const one of new Set(found)) named.add(`${nameOf(line)} holds ${codeOf(one)}`)
    if (named.size > mostNamed) break
  }
  if (named.size === 0) return ''
  const more = named.size > mostNamed ? ', ...' : ''
  return `note: ${[...named].slice(0, mostNamed).join(', ')}${more}`
}
