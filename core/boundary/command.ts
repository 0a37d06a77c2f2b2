import type { Grant } from './boundary.ts'
import { type Denied, deny, shown } from './denial.ts'
import { refuseGit } from './git-arguments.ts'

/** Splits a declared command at blanks. Anything a shell would read otherwise is a problem: codeband has no shell. */
export function splitCommand(command: string): { argv: string[] } | { problem: string } {
  const strange = /[^\x21-\x7e ]/u.exec(command)?.[0]
  if (strange !== undefined) {
    return { problem: `it holds ${JSON.stringify(shown(strange))}, which is not a printable ASCII character` }
  }
  const special = /["'`\\$|&;<>(){}*?[\]!~#^]/.exec(command)?.[0]
  if (special !== undefined) return { problem: `it holds ${special}, which a shell would read specially` }
  const argv = command.split(' ').filter((word) => word !== '')
  if (argv.length === 0) return { problem: 'it is empty' }
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(argv[0]!)) return { problem: 'it sets a variable, and the environment is core’s' }
  return { argv }
}

export interface CommandInput {
  argv?: readonly string[] | undefined
  command?: string | undefined
}

export interface CommandAllowed {
  readonly allowed: true
  /** The granted array itself, never what was sent. */
  readonly argv: readonly string[]
}

/** Compares with the granted commands, whole and byte for byte. Without argv and command, the only granted command is meant. */
export function decideCommand(
  grant: Pick<Grant, 'name' | 'commands'>,
  { argv, command }: CommandInput,
): CommandAllowed | Denied {
  const { commands } = grant
  if (argv !== undefined && command !== undefined) return deny('schema', "Give either 'argv' or 'command', not both.")
  if (argv === undefined && command === undefined) {
    if (commands.length === 1) return { allowed: true, argv: commands[0]! }
    return deny('argv-not-allowlisted', `Say which command. ${granted(grant)}`)
  }
  if (argv?.some((word) => word.includes('\0')) || command?.includes('\0')) {
    return deny('schema', 'A command cannot hold a NUL character.')
  }
  if (command !== undefined) {
    const operator = shellOperator(command)
    if (operator !== undefined) {
      const why = `There is no shell: '${shown(operator)}' has no meaning here.`
      return deny('shell-metachar', `${why} Send one granted command as it stands. ${granted(grant)}`)
    }
  }
  const words = argv ?? command!.split(' ').filter((word) => word !== '')
  const match = commands.find((one) => one.length === words.length && one.every((word, at) => word === words[at]))
  if (match) return { allowed: true, argv: match }
  const git = argv && refuseGit(argv)
  if (git) return deny(git.code, `${git.reason} ${granted(grant)}`)
  const sent = shown(words.slice(0, 20).join(' '), 200)
  return deny('argv-not-allowlisted', `'${sent}' is not granted; a command must match word for word. ${granted(grant)}`)
}

function granted({ name, commands }: Pick<Grant, 'name' | 'commands'>): string {
  if (commands.length === 0) return `${name} has no granted command.`
  return `Granted to ${name}: ${commands.map((words) => JSON.stringify(words)).join(', ')}.`
}

/** The first thing a shell would act on: an operator outside quotes, or a command substitution anywhere. One pass. */
function shellOperator(command: string): string | undefined {
  let quote = ''
  for (let at = 0; at < command.length; at++) {
    const char = command[at]!
    if (char === '`') return char
    if (char === '$' && command[at + 1] === '(') return '$('
    if (quote === '') {
      if (char === '\\') at++
      else if (char === '"' || char === "'") quote = char
      else if (/[|&;<>()\n\r]/.test(char)) return char
    } else if (quote === '"' && char === '\\') at++
    else if (char === quote) quote = ''
  }
  return undefined
}
