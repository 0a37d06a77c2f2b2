import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'

/** O_CLOEXEC as /proc tells it: the descriptor does not reach a program that is started. */
const CLOSES = 0o2000000
/** Highest descriptor that is covered in a new program; each below it costs an entry. */
const highest = 1024

let nothing: number | undefined

/** What a new program gets on the descriptors from `first` on: nothing, in the place of whatever this process has itself been given.
 *  Node keeps the first few of those from its children, and a shell's (`200>lock`) lie higher: an open folder of the host is a way out of
 *  every sandbox. Where there is no /proc (macOS) they are not known. */
export function coverInherited(first: number): 'ignore'[] {
  const given = inheritedFrom(first)
  for (const fd of given.filter((one) => one > highest)) closeSync(fd)
  const covered = given.filter((one) => one <= highest)
  if (covered.length === 0) return []
  nothing ??= openSync('/dev/null', 'r+')
  const last = Math.max(...covered)
  const all = Array.from({ length: last - first + 1 }, (_, at) => (covered.includes(first + at) ? nothing : 'ignore'))
  // execa hands numbers on; its types know of them only up to 2.
  return all as 'ignore'[]
}

function inheritedFrom(first: number): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap((name) => {
    const fd = Number(name)
    if (fd < first) return []
    try {
      const [, flags = ''] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8')) ?? []
      return Number.parseInt(flags, 8) & CLOSES ? [] : [fd]
    } catch {
      // The one that listed the folder is gone.
      return []
    }
  })
}
