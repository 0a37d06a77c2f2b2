import picomatch from 'picomatch'

/** Why a glob is not taken, or undefined. The limits keep matching fast whatever the glob and the path are. */
export function globProblem(glob: string): string | undefined {
  if (glob === '' || glob.length > 1024) return 'it must have 1 to 1024 characters'
  const alternatives = expandBraces(clean(glob))
  if (alternatives === undefined) return `braces may stand for at most ${maxAlternatives} alternatives`
  if (alternatives.some((one) => one.split('/').length > maxParts)) return `it may have at most ${maxParts} parts`
  const segments = alternatives.flatMap((one) => one.split('/'))
  if (segments.some((segment) => segment !== '**' && stars(segment) > maxStars)) {
    return `one path segment may hold at most ${maxStars} '*'`
  }
  return undefined
}

/** Whether a path (relative, with '/') fits one of the globs. `**` spans folders, a trailing '/' means all below. A path that is
 *  spelled exactly like a glob fits too: `src/[id].ts` is also a file name. A glob with a problem fits nothing else. */
export function matchesGlob(globs: readonly string[], path: string): boolean {
  const parts = path.split('/')
  return globs.some((glob) => clean(glob) === path || compile(glob).some((pattern) => matchParts(pattern, parts)))
}

type Segment = '**' | ((part: string) => boolean)

const maxAlternatives = 64
const maxStars = 3
const maxParts = 64
const compiled = new Map<string, readonly (readonly Segment[])[]>()

function compile(glob: string): readonly (readonly Segment[])[] {
  const known = compiled.get(glob)
  if (known) return known
  const alternatives = globProblem(glob) === undefined ? expandBraces(clean(glob))! : []
  const result = alternatives.map((one) =>
    one.split('/').map((segment) => (segment === '**' ? '**' : matcher(segment))),
  )
  // Globs come from plans too, so their number is not bounded by the definitions.
  if (compiled.size >= 1000) compiled.clear()
  compiled.set(glob, result)
  return result
}

function clean(glob: string): string {
  const path = glob.replace(/^(\.\/)+/, '')
  return path.endsWith('/') ? `${path}**` : path
}

const stars = (segment: string): number => segment.replace(/\*+/g, '*').split('*').length - 1

function matcher(segment: string): (part: string) => boolean {
  // '/etc' and 'src//a' have an empty segment, which no part of a path is.
  if (segment === '') return () => false
  const options = { dot: true, nonegate: true, noextglob: true, nobrace: true, noglobstar: true, nocase: false }
  // Groups, alternatives and quantifiers are letters here: as parts of a regular expression they could take exponential time.
  return picomatch(segment.replace(/\*+/g, '*').replace(/[()+|^$!@]/g, '\\$&'), options)
}

/** Every pair of positions is looked at once, so the cost is segments times path parts. */
function matchParts(pattern: readonly Segment[], parts: readonly string[]): boolean {
  let reached = new Set([0])
  for (const segment of pattern) {
    const next = new Set<number>()
    if (segment === '**') for (let at = Math.min(...reached); at <= parts.length; at++) next.add(at)
    else for (const at of reached) if (at < parts.length && segment(parts[at]!)) next.add(at + 1)
    if (next.size === 0) return false
    reached = next
  }
  return reached.has(parts.length)
}

/** `a/{b,c}` as `a/b` and `a/c`, also over '/'; undefined when there are too many. Braces without a comma or partner are letters. */
function expandBraces(glob: string): string[] | undefined {
  const open = [...glob.matchAll(/\{([^{}]*,[^{}]*)\}/g)][0]
  if (!open) return [glob]
  const results: string[] = []
  for (const choice of open[1]!.split(',')) {
    const rest = expandBraces(glob.slice(0, open.index) + choice + glob.slice(open.index + open[0].length))
    if (rest === undefined || results.length + rest.length > maxAlternatives) return undefined
    results.push(...rest)
  }
  return results
}
