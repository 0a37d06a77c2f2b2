import { decideCommand } from '../../boundary/command.ts'
import type { DenialCode } from '../../boundary/denial.ts'
import { deny } from '../../boundary/denial.ts'
import type { PartFacts, PathFacts } from '../../boundary/gate.ts'
import type { ToolServers } from '../../ports/tool-server.ts'
import { taskOf } from '../../protocol/state.ts'
import { get } from '../../protocol/table.ts'
import type { Role } from '../../role/role.ts'
import { hashOf } from '../hash.ts'
import { denied } from '../tools/entry.ts'
import type { CallOutcome, Scene, Toolbox } from '../tools/scene.ts'
import { toolbox } from '../tools/toolbox.ts'
import type { Tree } from '../tools/tree.ts'
import type { OrderedLog } from './ordered-log.ts'
import type { Recording } from './recording.ts'
import type { RecordedWorktree } from './workspaces.ts'

/** Tools whose effect is in the runtime itself: they are called for real, all others answer what is recorded. */
const inMemory: ReadonlySet<string> = new Set([
  'spawn_roles',
  'submit_plan',
  'submit_verdict',
  'set_output',
  'send_message',
])

/** What depends on the files as they lay then, or on the machine, and on no definition. */
const ofTheWorld: ReadonlySet<string> = new Set<DenialCode>([
  'symlink',
  'hardlink',
  'not-regular-file',
  'portable-name',
  'unicode-collision',
  'case-collision',
  'tree-entry',
  'bare-layout',
  'policy-unavailable',
  'quota',
  'timeout',
])

/** The toolbox of a replay: today's gate decides each call, and an allowed one gives what it gave. */
export function recordedToolbox(recording: Recording, log: OrderedLog): (scene: Scene) => Toolbox {
  /** Calls of models that are being answered. */
  const taken = new Set<string>()

  /** A program's call is named by its place; a model's is the last of its worker's turn with this input that nobody answers yet. */
  function callOf(scene: Scene, id: string, tool: string, input: unknown): Called {
    const place = id.slice(recording.task.length + 1)
    const { journal } = taskOf(log.state, recording.task)!
    if (get(journal, place)?.effect.kind === 'tool') return { place }
    const { turn } = recording.behind(['TurnStarted'], ({ worker }) => worker === scene.boundary.worker)!
    const hash = hashOf(input)
    const called = recording.behind(
      ['ToolCalled'],
      (event) =>
        event.turn === turn &&
        event.tool === tool &&
        hashOf(event.input) === hash &&
        !taken.has(`${turn}/${event.call}`),
    )
    const call = called?.call ?? ''
    taken.add(`${turn}/${call}`)
    return { turn, call }
  }

  return (scene) => {
    const worktree = scene.worktree as RecordedWorktree
    const real = toolbox({ ...scene, tree: treeOf(worktree) })
    return {
      ...real,
      async call(name, input, options) {
        const called = callOf(scene, options.id, name, input)
        worktree.place = called.place
        const then = outcomeOf(recording, called)
        const now = await real.decide(name, input, { contents: false })
        if (!now.allowed) return denied(now)
        // The process ended before it had an answer.
        if (then === undefined) return new Promise(() => undefined)
        if (then.denied && !stands(name, then.denied)) {
          const { code, reason } = then.denied
          const before = `denied (${code}): ${reason}`
          return log.diverge({ what: 'gate', ...called, before, now: `allowed: ${name}` })
        }
        const command = commandOf(scene, name, input)
        if (command !== undefined && then.ok && !then.output.startsWith(`${command}: `)) {
          const before = then.output.split('\n')[0]!
          return log.diverge({ what: 'gate', ...called, before, now: `${name} runs ${command}` })
        }
        return then.denied === undefined && inMemory.has(name) ? real.call(name, input, options) : then
      },
    }
  }
}

/** What a call that names no command runs: that is in the definitions alone. */
function commandOf({ boundary }: Scene, name: string, input: unknown): string | undefined {
  const grant = boundary.grants.get(name)
  const { argv, command } = (input ?? {}) as { argv?: unknown; command?: unknown }
  if (grant === undefined || !/^run_/.test(name) || argv !== undefined || command !== undefined) return undefined
  const decision = decideCommand(grant, {})
  return decision.allowed ? decision.argv.join(' ') : undefined
}

/** Where a call comes from: a turn, or a place of a program. */
interface Called {
  turn?: string
  call?: string
  place?: string
}

/** A refusal that no definition could have changed. */
function stands(tool: string, { code, reason }: { code: DenialCode; reason: string }): boolean {
  if (ofTheWorld.has(code)) return true
  // What a server takes is not in the log, where a server redirects to neither.
  if (code === 'schema') return tool.startsWith('mcp/')
  if (code === 'host-not-allowed') return reason.startsWith('The server redirects')
  return code === 'protected-path' && reason.includes("'codeband' key")
}

function outcomeOf(recording: Recording, { turn, call = '', place = '' }: Called): CallOutcome | undefined {
  if (turn !== undefined) {
    const { returned, denied: violation } = recording.returned(turn, call) ?? {}
    if (returned === undefined) return undefined
    const { ok, output, sandbox } = returned
    const refused = violation && { code: violation.code as DenialCode, reason: violation.reason }
    return { ok, output, ...(refused && { denied: refused }), ...(sandbox && { sandbox: sandbox as 'none' }) }
  }
  const end = recording.end(place)
  if (end === undefined) return undefined
  if (end.type === 'EffectEnded') return { ok: true, output: (end.result as { output?: string }).output ?? '' }
  const refused = end.outcome === 'refused' ? /^([a-z-]+): ([\s\S]*)$/.exec(end.reason) : null
  return refused ? denied(deny(refused[1] as DenialCode, refused[2]!)) : { ok: false, output: end.reason }
}

/** The files of a worktree as its commit has them; what a turn did to them is not known, and what was refused for it is recorded. */
function treeOf(worktree: RecordedWorktree): Tree {
  const unknown = () => deny('policy-unavailable', 'A replay reads no file.')
  return {
    root: worktree.path,
    facts: (path) => factsOf(worktree.tracked, path),
    read: unknown,
    readPlain: unknown,
    write: unknown,
    remove: unknown,
  }
}

/** `kinds`: of every path in the commit, folders included. */
function factsOf(kinds: ReadonlyMap<string, PartFacts['kind']>, path: string): PathFacts {
  const parts: PartFacts[] = []
  const names = path === '' ? [] : path.split('/')
  for (let count = 1; count <= names.length; count++) {
    const kind = kinds.get(names.slice(0, count).join('/')) ?? 'missing'
    // Links were followed then, and what they led to was decided then.
    parts.push({ kind: kind === 'symlink' ? 'file' : kind, links: 1 })
    if (kind === 'missing') break
  }
  return { parts, siblings: [], leads: { inside: path } }
}

/** Servers that are not started, with every tool that a role names of them. */
export function recordedToolServers(roles: ReadonlyMap<string, Role>): ToolServers {
  return {
    async open({ name }) {
      const wanted = new Set([...roles.values()].flatMap((role) => role.mcp?.[name]?.tools ?? []))
      return {
        tools: [...wanted].map((tool) => ({
          name: tool,
          description: '',
          schema: { type: 'object', additionalProperties: true },
        })),
        call: async () => ({ ok: false, output: 'a replay calls no server' }),
        close: async () => undefined,
      }
    },
  }
}
