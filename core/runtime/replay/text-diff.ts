/** Lines of context around a change. */
const context = 2
/** Longer texts are compared by their first and last equal lines alone: the table would have their product as its size. */
const mostCells = 4_000_000

/** A short unified diff of two texts; '' for equal ones. Source: Hunt and McIlroy, 1976, over the lines between equal ends. */
export function textDiff(before: string, after: string): string {
  if (before === after) return ''
  const a = before.split('\n')
  const b = after.split('\n')
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const lines = [
    ...a.slice(0, head).map((line) => ` ${line}`),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map((line) => ` ${line}`),
  ]
  return hunks(lines)
}

function middle(a: readonly string[], b: readonly string[]): string[] {
  const gone = (lines: readonly string[]) => lines.map((line) => `-${line}`)
  const come = (lines: readonly string[]) => lines.map((line) => `+${line}`)
  if (a.length * b.length > mostCells) return [...gone(a), ...come(b)]
  // `length[i][j]`: how many lines the rests from i and j have in common.
  const length = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i]![j] = a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!)
    }
  }
  const lines: string[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push(` ${a[i++]}`)
      j++
    } else if (length[i + 1]![j]! >= length[i]![j + 1]!) lines.push(`-${a[i++]}`)
    else lines.push(`+${b[j++]}`)
  }
  return [...lines, ...gone(a.slice(i)), ...come(b.slice(j))]
}

/** What lies near a change, under the line numbers of both texts. */
function hunks(lines: readonly string[]): string {
  const near = lines.map((_, at) =>
    lines.slice(Math.max(0, at - context), at + context + 1).some((line) => !line.startsWith(' ')),
  )
  const shown: string[] = []
  let [left, right] = [1, 1]
  for (const [at, line] of lines.entries()) {
    if (near[at] && !near[at - 1]) shown.push(`@@ -${left} +${right} @@`)
    if (near[at]) shown.push(line)
    if (!line.startsWith('+')) left++
    if (!line.startsWith('-')) right++
  }
  return shown.join('\n')
}
