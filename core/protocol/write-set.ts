/** A pair of globs that one path could fit both, or undefined. An empty list stands for every path. Errs on the side of finding one:
 *  brackets count as any letter, upper and lower case as the same. */
export function commonPath(a: readonly string[], b: readonly string[]): readonly [string, string] | undefined {
  if (a.length === 0 || b.length === 0) return [a[0] ?? '**', b[0] ?? '**']
  for (const one of a) {
    for (const other of b) {
      if (clean(one) === clean(other)) return [one, other]
      const others = alternatives(clean(other))
      if (alternatives(clean(one)).some((left) => others.some((right) => meet(left.split('/'), right.split('/')))))
        return [one, other]
    }
  }
  return undefined
}

const most = 64

function clean(glob: string): string {
  const path = glob.replace(/^(\.\/)+/, '').toLowerCase()
  return path.endsWith('/') ? `${path}**` : path
}

/** `a/{b,c}` as `a/b` and `a/c`. Too many stand for everything. */
function alternatives(glob: string): string[] {
  const open = /\{([^{}]*,[^{}]*)\}/.exec(glob)
  if (!open) return [glob]
  const all: string[] = []
  for (const choice of open[1]!.split(',')) {
    const some = alternatives(glob.slice(0, open.index) + choice + glob.slice(open.index + open[0].length))
    all.push(...some)
    if (all.length > most || some[0] === '**') return ['**']
  }
  return all
}

/** Whether two patterns have a path in common; `**` stands for any number of folders. Each pair of positions is looked at once. */
function meet(a: readonly string[], b: readonly string[]): boolean {
  return common(a, b, (part) => part === '**', segments)
}

/** Whether two names with `*` and `?` have one in common. */
function segments(a: string, b: string): boolean {
  const letters = (name: string): string[] => [...name.replace(/\[[^\]]*\]/g, '?').replace(/\*+/g, '*')]
  return common(
    letters(a),
    letters(b),
    (letter) => letter === '*',
    (x, y) => x === '?' || y === '?' || x === y,
  )
}

function common<T>(
  a: readonly T[],
  b: readonly T[],
  isMany: (item: T) => boolean,
  alike: (x: T, y: T) => boolean,
): boolean {
  // `last[j]`: whether what is left of `a` and of `b` from j on can meet.
  let last: boolean[] = []
  for (let i = a.length; i >= 0; i--) {
    const row: boolean[] = []
    for (let j = b.length; j >= 0; j--) {
      if (i === a.length && j === b.length) row[j] = true
      else if (i < a.length && isMany(a[i]!)) row[j] = last[j]! || (j < b.length && row[j + 1]!)
      else if (j < b.length && isMany(b[j]!)) row[j] = row[j + 1]! || (i < a.length && last[j]!)
      else row[j] = i < a.length && j < b.length && alike(a[i]!, b[j]!) && last[j + 1]!
    }
    last = row
  }
  return last[0]!
}
