import type { Recorded } from '../../../adapters/index.ts'

/** Which wall a call met: the client does not have the tool, the client refused it by itself, our gate did; or none. */
export type Layer = 'not offered by the client' | 'refused by the client' | 'refused by the gate' | 'allowed'

export interface Answered {
  tool: string
  ok: boolean
  output: string
  layer: Layer
  /** Of the violation that was recorded. */
  code?: string
}

/** Every call of one worker, as the log has it; `offered` are the tools that its client listed to the model. */
export function callsOf(
  events: readonly Recorded[],
  worker: string,
  offered: readonly string[],
): ReadonlyMap<string, Answered> {
  const answered = new Map<string, Answered>()
  let code: string | undefined
  for (const event of events) {
    if (!('worker' in event) || event.worker !== worker) continue
    if (event.type === 'ViolationRecorded') ({ code } = event)
    if (event.type !== 'ToolReturned') continue
    const { tool, ok, output } = event
    const listed = offered.some((name) => name === tool || name.split('.').at(-1) === tool)
    const byGate = output.startsWith('denied (')
    const refusedBy = listed ? 'refused by the client' : 'not offered by the client'
    const layer: Layer = byGate ? 'refused by the gate' : code === undefined ? 'allowed' : refusedBy
    answered.set(idOf(event.call), { tool, ok, output, layer, ...(code !== undefined && { code }) })
    code = undefined
  }
  return answered
}

const idOf = (call: string): string => call.slice(call.lastIndexOf('/') + 1)

const layers: readonly Layer[] = [
  'not offered by the client',
  'refused by the client',
  'refused by the gate',
  'allowed',
]

/** What ran, for a person to read. */
export function table(title: string, calls: ReadonlyMap<string, Answered>): string {
  const count = (layer: Layer) => [...calls.values()].filter((one) => one.layer === layer).length
  const lines = [...calls].map(([id, { tool, ok, layer, code }]) => {
    if (layer === 'allowed') return [id, tool, ok ? 'allowed' : 'allowed, failed', '']
    return [id, tool, 'denied', layer === 'refused by the gate' ? `${layer}: ${code}` : layer]
  })
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)))
  const row = (line: readonly string[]) => line.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')
  const head = `${title}: ${layers.map((layer) => `${count(layer)} ${layer}`).join(', ')}`
  return [head, ...lines.map((line) => row(line).trimEnd())].join('\n')
}
