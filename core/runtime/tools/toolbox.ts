import type { Grant } from '../../boundary/boundary.ts'
import { type Decision, type Denied, deny } from '../../boundary/denial.ts'
import { decideCall, decideName, type PathFacts, type Use } from '../../boundary/gate.ts'
import { decidePath } from '../../boundary/path.ts'
import { applyDiff } from './apply-diff.ts'
import { customTool } from './custom.ts'
import { type Context, denied, type Entry, failed, type Prepared } from './entry.ts'
import { fetchUrl } from './fetch-url.ts'
import { gitDiff, gitLog, gitStatus } from './git-views.ts'
import { listFiles } from './list-files.ts'
import { refuseOverreach } from './overreach.ts'
import { refusePayload } from './payload.ts'
import { readFiles } from './read-files.ts'
import { runCommands } from './run-commands.ts'
import type { CallOutcome, Scene, Toolbox } from './scene.ts'
import { searchCodebase } from './search-codebase.ts'
import { setOutput, submitPlan, submitVerdict } from './submit.ts'
import { askHuman, sendMessage, spawnRoles } from './talk.ts'
import { openTree, type Tree } from './tree.ts'
import { deleteFile, writeFile } from './write-files.ts'

export type { CallOutcome, Scene, Toolbox } from './scene.ts'

/** The tools that a scene's boundary grants. Throws what a schema throws that has no JSON Schema. */
export function toolbox(scene: Scene): Toolbox {
  const { boundary } = scene
  const entries = new Map<string, Entry>()
  for (const grant of boundary.grants.values()) {
    const entry = entryOf(grant, scene)
    if (entry && (entry.works !== 'writes' || scene.writable)) entries.set(grant.name, entry)
  }
  const lane = oneAtATime()

  /** Everything up to the effect: the call as prepared, or why it is not done. What cannot be decided is denied. */
  function admit(...call: Parameters<typeof decideOn>): ReturnType<typeof decideOn> {
    try {
      return decideOn(...call)
    } catch (error) {
      return deny('policy-unavailable', `The call could not be decided: ${messageOf(error)}`)
    }
  }

  function decideOn(name: string, input: unknown, id: string, signal: AbortSignal): Admitted | Denied | CallOutcome {
    const problem = refusePayload(input)
    if (problem) return problem
    const named = decideName(boundary, name)
    if (!named.allowed) return named
    const entry = entries.get(name)
    if (!entry) return deny('tool-not-in-role', unavailable(name, scene))
    if (entry.works !== 'elsewhere' && scene.worktree === undefined) {
      return deny('policy-unavailable', `'${name}' needs a worktree, and there is none.`)
    }
    const widening = refuseOverreach(name, input, knownKeys(entry), scene.worktree?.path)
    if (widening) return widening
    let read: ReturnType<Entry['read']>
    try {
      read = entry.read(input)
    } catch (error) {
      // A schema is code of the project's own; one that breaks decides nothing, so the call is denied.
      return deny('validator-failed', `The input could not be checked: ${messageOf(error)}`)
    }
    if ('problems' in read) return deny('schema', `The input does not fit the schema of ${name}: ${read.problems}`)
    let tree: Tree | undefined
    const context: Context = {
      scene,
      id,
      signal,
      grant: boundary.grants.get(name)!,
      get tree() {
        tree ??= scene.tree ?? openTree(scene.worktree!.path)
        return tree
      },
    }
    const prepared = read.prepare(context)
    if (!('uses' in prepared)) return prepared
    const root = scene.worktree?.path
    const decision = decideCall(boundary, { tool: name, uses: prepared.uses, root }, factsOf(prepared.uses, context))
    return decision.allowed ? { prepared } : decision
  }

  async function attempt(name: string, input: unknown, id: string, signal: AbortSignal): Promise<CallOutcome> {
    if (signal.aborted) return failed('cancelled')
    const admitted = admit(name, input, id, signal)
    if ('code' in admitted) return denied(admitted)
    return 'prepared' in admitted ? admitted.prepared.run() : admitted
  }

  return {
    tools: [...entries].map(([name, { description, schema }]) => ({ name, description, schema })),
    async call(name, input, { id, signal }) {
      const run = () => attempt(name, input, id, signal)
      try {
        return await (entries.get(name)?.works === 'elsewhere' ? run() : lane(run))
      } catch (error) {
        // Whatever breaks in a tool is the answer to that call and ends nothing else.
        return failed(`${name} failed: ${messageOf(error)}`)
      }
    },
    async decide(name, input, { contents = true } = {}): Promise<Decision> {
      try {
        const admitted = admit(name, input, '', new AbortController().signal)
        if ('code' in admitted) return admitted
        const refused = contents && 'prepared' in admitted ? admitted.prepared.refuse?.() : undefined
        return refused ?? { allowed: true }
      } catch (error) {
        // What cannot be decided is denied.
        return deny('policy-unavailable', `The call could not be decided: ${messageOf(error)}`)
      }
    },
  }
}

interface Admitted {
  prepared: Prepared
}

const fixed: ReadonlyMap<string, Entry> = new Map([
  ['list_files', listFiles],
  ['search_codebase', searchCodebase],
  ['read_files', readFiles],
  ['write_file', writeFile],
  ['apply_diff', applyDiff],
  ['delete_file', deleteFile],
  ['git_status', gitStatus],
  ['git_diff', gitDiff],
  ['git_log', gitLog],
  ['send_message', sendMessage],
  ['ask_human', askHuman],
  ['submit_plan', submitPlan],
  ['submit_verdict', submitVerdict],
  ['fetch_url', fetchUrl],
])

function entryOf(grant: Grant, { boundary, outputSchema, custom }: Scene): Entry | undefined {
  const { name } = grant
  if (name === 'run_tests' || name === 'run_command') return runCommands(grant)
  if (name === 'spawn_roles') return spawnRoles(boundary.spawnable)
  if (name === 'set_output') return outputSchema === undefined ? undefined : setOutput(outputSchema)
  const own = fixed.has(name) ? undefined : custom.find((tool) => tool.name === name)
  return own ? customTool(own) : fixed.get(name)
}

function unavailable(name: string, { writable, boundary }: Scene): string {
  const writes = fixed.get(name)?.works === 'writes'
  if (writes && !writable) return `Role '${boundary.role}' works read-only here, so '${name}' does not exist for it.`
  return `'${name}' is granted to role '${boundary.role}', but no tool of that name exists.`
}

function knownKeys({ schema }: Entry): ReadonlySet<string> {
  return new Set(Object.keys((schema.properties as object | undefined) ?? {}))
}

function factsOf(uses: readonly Use[], context: Context): ReadonlyMap<string, PathFacts> {
  const facts = new Map<string, PathFacts>()
  for (const use of uses) {
    if (use.kind !== 'read' && use.kind !== 'write' && use.kind !== 'delete') continue
    const spelled = decidePath(use.path, use.kind === 'read' ? 'read' : 'write', context.scene.worktree?.path)
    if (spelled.allowed && !facts.has(spelled.path)) facts.set(spelled.path, context.tree.facts(spelled.path))
  }
  return facts
}

/** File tools and commands of one worker never overlap: a command would see half an edit, an edit a folder being swapped. */
function oneAtATime(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (run) => {
    const result = last.then(run)
    last = result.catch(() => undefined)
    return result
  }
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  // A model has no use for the descriptors that folders were opened with.
  return message.replace(/\/proc\/self\/fd\/\d+\//g, '')
}
