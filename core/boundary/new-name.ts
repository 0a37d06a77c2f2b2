import { allowed, type Decision, deny, shown } from './denial.ts'
import { fold } from './protected.ts'

/** Decides on a path whose parts from `missing` on are not there yet. `siblings` lie beside the first of them; what else the same
 *  call writes lies beside all of them. */
export function decideNewNames(
  names: readonly string[],
  missing: number,
  siblings: readonly string[],
  written: ReadonlySet<string>,
): Decision {
  const path = names.join('/')
  for (let depth = missing; depth < names.length; depth++) {
    const name = names[depth]!
    const above = names
      .slice(0, depth)
      .map((part) => `${part}/`)
      .join('')
    if (depth < names.length - 1 && written.has(above + name)) {
      return deny('not-regular-file', `'${shown(path)}' would lie below a file that the same call writes.`)
    }
    const together = [...(depth === missing ? siblings : []), ...namesBelow(above, written)]
    const clash = decideName(name, together)
    if (!clash.allowed) return clash
    if (name.normalize('NFC') !== name) {
      return deny(
        'unicode-collision',
        `'${shown(name)}' is spelled with decomposed letters; use the composed form (NFC).`,
      )
    }
    if (looksLikeRepository(name, together)) {
      return deny('bare-layout', `'${shown(path)}' would make its folder look like a git repository.`)
    }
  }
  return allowed
}

/** A new name must not be one that some file system takes for a name that is there. */
function decideName(name: string, together: readonly string[]): Decision {
  const key = fold(name)
  for (const other of together) {
    if (other === name || (fold(other) !== key && other.normalize('NFC') !== name.normalize('NFC'))) continue
    const inLetters = other.normalize('NFC') !== name.normalize('NFC') && /^[\x20-\x7e]*$/.test(name + other)
    return deny(
      inLetters ? 'case-collision' : 'unicode-collision',
      `'${shown(name)}' would be the same name as '${shown(other)}' on some file systems; use that name.`,
    )
  }
  return allowed
}

/** Names that a call makes right in the folder `above`, which ends with '/' or is ''. */
function namesBelow(above: string, written: ReadonlySet<string>): string[] {
  return [...written].flatMap((path) => (path.startsWith(above) ? [path.slice(above.length).split('/')[0]!] : []))
}

/** Git takes a folder with HEAD, objects and refs for a repository and obeys the config in it; with HEAD and commondir it looks for
 *  the rest where the latter says. */
function looksLikeRepository(name: string, together: readonly string[]): boolean {
  const marks = new Set(['head', 'objects', 'refs', 'commondir'])
  if (!marks.has(fold(name))) return false
  const present = new Set([...together, name].map(fold))
  return present.has('head') && (present.has('commondir') || (present.has('objects') && present.has('refs')))
}
