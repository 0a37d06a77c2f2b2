import type { Recorded } from '../protocol/events.ts'
import { attemptsAt, taskOf } from '../protocol/state.ts'
import { entries } from '../protocol/table.ts'
import { type BuiltinTool, builtinTools } from '../role/tool.ts'
import { hashOf } from './hash.ts'
import { redactor } from './redact.ts'
import type { Runtime } from './runtime.ts'
import { failed } from './tools/entry.ts'
import type { CallOutcome, Toolbox } from './tools/toolbox.ts'

type Parts = Pick<Runtime, 'log' | 'tools' | 'hostEnv'>

/** The toolbox of one turn at a place of the program. A turn that was cut off is played again from its start, and its model asks
 *  again for what it has had done already. The nth call of a tool with the same input is the same call in every turn at the place: it
 *  has the same key, and where the tool may not be repeated, its effect is not done again. */
export async function rememberingToolbox(
  runtime: Parts,
  toolbox: Toolbox,
  task: string,
  place: string,
): Promise<Toolbox> {
  const earlier = await callsAt(runtime, task, place)
  const redact = redactor(runtime.hostEnv)
  const counts = new Map<string, number>()
  return {
    ...toolbox,
    async call(name, input, { signal }) {
      // The log, where earlier ones are looked up, holds no secrets.
      const told = redact(input)
      const call = numbered(counts, name, told)
      const before = mayRepeat(runtime, name) ? undefined : earlier.get(call)
      // What a model hears its client writes down and sends on: no secret either, and the same that the log tells.
      const given = handsOver.has(name) ? told : input
      return before ?? redact(await toolbox.call(name, given, { id: `${task}/${place}/${call}`, signal }))
    },
  }
}

/** Their input is what another role or a person gets, as it is in the log: its hash is the hash of that. */
const handsOver: ReadonlySet<string> = new Set<BuiltinTool>([
  'submit_plan',
  'submit_verdict',
  'set_output',
  'spawn_roles',
  'send_message',
  'ask_human',
])

/** A tool that a project or a server brings says itself whether its calls may be repeated; core's own may. */
function mayRepeat({ tools }: Parts, name: string): boolean {
  return builtinTools.some((one) => one === name) || tools.find((tool) => tool.name === name)?.repeat === 'safe'
}

function numbered(counts: Map<string, number>, tool: string, input: unknown): string {
  const call = `${tool} ${hashOf(input)}`
  const number = counts.get(call) ?? 0
  counts.set(call, number + 1)
  return `${call} ${number}`
}

/** What calls of earlier turns at the place came to; those that were denied never began. */
async function callsAt({ log }: Parts, task: string, place: string): Promise<Map<string, CallOutcome>> {
  const found = new Map<string, CallOutcome>()
  const state = taskOf(log.state, task)!
  if (attemptsAt(state, place).turns === 0) return found
  const turns = entries(state.turns).flatMap(([, turn]) => (turn.place === place ? [turn] : []))
  const mine = new Set(turns.map(({ id }) => id))
  const open = new Map<string, string>()
  const counts = new Map<string, Map<string, number>>()
  const denied = new Set<string>()
  for await (const event of log.read(Math.min(...turns.map(({ seq }) => seq)))) {
    if (!('turn' in event) || event.turn === undefined || !mine.has(event.turn)) continue
    const { turn } = event
    if (event.type === 'ToolCalled') {
      if (!counts.has(turn)) counts.set(turn, new Map())
      const call = numbered(counts.get(turn)!, event.tool, event.input)
      open.set(event.call, call)
      if (!found.has(call)) found.set(call, unknown(event.tool))
    } else if (event.type === 'ViolationRecorded' && event.code !== 'stale-epoch')
      denied.add(`${turn} ${event.tool} ${event.inputHash}`)
    else if (event.type === 'ToolReturned') settle(event)
  }
  return found

  function settle({ turn, call: id, tool, ok, output }: Extract<Recorded, { type: 'ToolReturned' }>): void {
    const call = open.get(id)
    if (call === undefined || found.get(call)?.output !== unknown(tool).output) return
    if (denied.delete(`${turn} ${call.split(' ').slice(0, 2).join(' ')}`)) found.delete(call)
    // Stopped in the middle: how far it came, nobody knows.
    else if (output !== 'cancelled') found.set(call, { ok, output: `${output}\n${notAgain}` })
  }
}

const notAgain =
  '[This call was made in an earlier turn that was cut off. It was not made again: this is what it gave then.]'

const unknown = (tool: string): CallOutcome =>
  failed(`outcome unknown: '${tool}' had begun in an earlier turn that was cut off, and may not be repeated`)
