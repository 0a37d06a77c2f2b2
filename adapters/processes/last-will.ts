import type { Writable } from 'node:stream'

/** A process group by its number, one process by its number, every process that began with this text in its environment (Linux), or a
 *  folder of codeband's by its path, which holds no spaces, with the files right in it. */
export type Heir = 'group' | 'process' | 'mark' | 'folder'

/** What must not outlive this process, however it ends: after a SIGKILL there is nobody left here to end it. */
export interface LastWill {
  /** Returns what takes it out again: call it when it has ended. */
  ends(kind: Heir, name: string | number): () => void
}

/** Reads what to end, a line each, for as long as the one who writes lives. At the end of its input that one is gone, in whatever way:
 *  what still stands then is killed. Needs a shell, and grep for marks; on a system without /proc there are none. */
export const executor = `
trap '' HUP INT QUIT TERM
left=
while read -r sign kind name; do
  case $sign in
  +) left="$left $kind:$name" ;;
  *)
    rest=
    for one in $left; do [ "$one" = "$kind:$name" ] || rest="$rest $one"; done
    left=$rest
    ;;
  esac
done
for round in 1 2 3; do
  for one in $left; do
    name=\${one#*:}
    case $one in
    group:*) kill -s KILL -- "-$name" ;;
    process:*) kill -s KILL "$name" ;;
    folder:*) rm -f "$name"/* && rmdir "$name" ;;
    mark:*)
      for file in $(grep -laF -- "$name" /proc/[0-9]*/environ); do
        file=\${file#/proc/}
        kill -s KILL "\${file%/environ}"
      done
      ;;
    esac
  done
done
`

/** `start` starts the executor and gives its input; again after that one broke. */
export function lastWill(start: () => Writable): LastWill {
  const names = new Map<string, number>()
  let input: Writable | undefined

  function write(line: string): void {
    if (input === undefined || input.destroyed) {
      input = start()
      // Killed by somebody: the next line goes to a new one.
      input.on('error', () => undefined)
      for (const name of names.keys()) input.write(`+ ${name}\n`)
      return
    }
    input.write(line)
  }

  return {
    ends(kind, name) {
      const heir = `${kind} ${name}`
      names.set(heir, (names.get(heir) ?? 0) + 1)
      write(`+ ${heir}\n`)
      let standing = true
      return () => {
        if (!standing) return
        standing = false
        const more = names.get(heir)! - 1
        if (more > 0) names.set(heir, more)
        else {
          names.delete(heir)
          write(`- ${heir}\n`)
        }
      }
    },
  }
}
