/** Where a text stops being JSON (RFC 8259): line and column from 1; undefined for valid JSON. JSON.parse tells that only for some
 *  faults. */
export function jsonFault(text: string): { line: number; column: number } | undefined {
  const at = faultOffset(text)
  if (at === undefined) return undefined
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

const token =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))/uy

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing'

function faultOffset(text: string): number | undefined {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  const closed = (): Expected => (open.length > 0 ? ', or end' : 'nothing')
  for (let at = 0; ; at = token.lastIndex) {
    const start = at + /^[ \t\r\n]*/.exec(text.slice(at))![0].length
    if (start === text.length) return expected === 'nothing' ? undefined : start
    token.lastIndex = at
    const match = token.exec(text)
    if (!match) return start
    const [, mark, string] = match
    const inObject = open.at(-1) === '{'
    const isValue = mark === undefined || mark === '{' || mark === '['
    if (isValue && (expected === 'value' || expected === 'value or ]')) {
      if (mark === undefined) expected = closed()
      else {
        open.push(mark)
        expected = mark === '{' ? 'key or }' : 'value or ]'
      }
    } else if (string !== undefined && (expected === 'key' || expected === 'key or }')) expected = ':'
    else if (mark === ':' && expected === ':') expected = 'value'
    else if (mark === ',' && expected === ', or end') expected = inObject ? 'key' : 'value'
    else if (
      (mark === '}' && inObject && (expected === ', or end' || expected === 'key or }')) ||
      (mark === ']' && !inObject && (expected === ', or end' || expected === 'value or ]'))
    ) {
      open.pop()
      expected = closed()
    } else return start
  }
}
