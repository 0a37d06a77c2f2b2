import type { Role } from '../role/role.ts'
import type { ToolGrant, ToolName } from '../role/tool.ts'
import { splitCommand } from './command.ts'
import { globProblem } from './glob.ts'

/** One line of what a role may do, ready to compare with. */
export interface Grant {
  readonly name: string
  /** For run_tests and run_command: whole commands, word by word. */
  readonly commands: readonly (readonly string[])[]
  /** For fetch_url: exact host names. */
  readonly hosts: readonly string[]
  /** Globs that narrow a file tool; undefined: no narrowing. */
  readonly paths: readonly string[] | undefined
}

/** What one worker may do in one playing of a role. */
export interface Boundary {
  /** Id of the role. */
  readonly role: string
  readonly worker: string
  /** A map, not an object: no name reaches a prototype. */
  readonly grants: ReadonlyMap<string, Grant>
  /** Globs; undefined: everything but the protected paths. */
  readonly writes: readonly string[] | undefined
  readonly spawnable: readonly string[]
}

export interface BoundaryOptions {
  worker: string
  /** Parsed input of the role. */
  input: unknown
  /** What the generator asked for. */
  additionalTools?: readonly string[] | undefined
}

const submitTools: Readonly<Record<string, (role: Role) => boolean>> = {
  submit_plan: ({ produces }) => produces === 'plan',
  submit_verdict: ({ produces }) => produces === 'verdict',
  set_output: ({ output }) => output !== undefined,
}

/** The boundary of a role as played, or every problem that leaves it without one. */
export function compileBoundary(
  role: Role,
  { worker, input, additionalTools = [] }: BoundaryOptions,
): { boundary: Boundary } | { problems: string[] } {
  const problems: string[] = []
  const grants = new Map<string, Grant>()

  function add(tool: ToolName | ToolGrant): void {
    const name = nameOf(tool)
    if (Object.hasOwn(submitTools, name) && !submitTools[name]!(role)) {
      problems.push(`'${name}' comes with what the role produces or outputs, it cannot be granted by itself`)
      return
    }
    const grant = compileGrant(typeof tool === 'string' ? { name: tool } : tool, problems)
    const known = grants.get(grant.name)
    grants.set(grant.name, known ? union(known, grant) : grant)
  }

  for (const tool of role.tools ?? []) add(tool)
  for (const name of new Set(additionalTools)) {
    const entries = (role.optionalTools ?? []).filter((tool) => nameOf(tool) === name)
    if (entries.length === 0) problems.push(`the generator asked for '${name}', which 'optionalTools' does not name`)
    for (const entry of entries) add(entry)
  }
  for (const [name, applies] of Object.entries(submitTools)) if (applies(role) && !grants.has(name)) add(name)
  if ((role.spawnableRoles ?? []).length > 0 && !grants.has('spawn_roles')) add('spawn_roles')
  for (const glob of role.writes ?? []) {
    const problem = globProblem(glob)
    if (problem) problems.push(`'writes' holds '${glob}': ${problem}`)
  }
  if (problems.length > 0) return { problems }
  const writes = role.writes ?? filesOf(input)
  return { boundary: { role: role.id, worker, grants, writes, spawnable: [...(role.spawnableRoles ?? [])] } }
}

const nameOf = (tool: ToolName | ToolGrant): string => (typeof tool === 'string' ? tool : tool.name)

function compileGrant({ name, allowedCommands = [], allowedHosts = [], paths }: ToolGrant, problems: string[]): Grant {
  const commands: (readonly string[])[] = []
  for (const command of allowedCommands) {
    const words = typeof command === 'string' ? splitCommand(command) : { argv: [...command] }
    if ('problem' in words) problems.push(`'${name}' allows '${command}': ${words.problem}; give it as a list of words`)
    else if (words.argv.length === 0 || words.argv[0] === '')
      problems.push(`'${name}' allows a command without a program`)
    else if (words.argv.some((word) => word.includes('\0')))
      problems.push(`'${name}' allows a command with a NUL in it`)
    else commands.push(words.argv)
  }
  for (const glob of paths ?? []) {
    const problem = globProblem(glob)
    if (problem) problems.push(`'${name}' has the path '${glob}': ${problem}`)
  }
  for (const host of allowedHosts) {
    if (!/^[a-z0-9][a-z0-9.-]*(:\d{1,5})?$/.test(host)) {
      problems.push(
        `'${name}' allows the host '${host}': write an exact host name in lower case, without scheme or path`,
      )
    }
  }
  return { name, commands, hosts: [...allowedHosts], paths: paths && [...paths] }
}

function union(a: Grant, b: Grant): Grant {
  const paths = a.paths && b.paths ? [...a.paths, ...b.paths] : undefined
  return { name: a.name, commands: [...a.commands, ...b.commands], hosts: [...a.hosts, ...b.hosts], paths }
}

function filesOf(input: unknown): readonly string[] | undefined {
  const files = (input as { subtask?: { files?: unknown } } | null | undefined)?.subtask?.files
  return Array.isArray(files) && files.length > 0 ? files.filter((file) => typeof file === 'string') : undefined
}
