import { createHash } from 'node:crypto'
import { toJsonSchema } from '../../role/schema.ts'
import type { Tool, ToolContext } from '../../role/tool.ts'
import { type Context, type Entry, failed, reader } from './entry.ts'
import { fetchWithin } from './fetch-url.ts'
import { runSandboxed } from './run-commands.ts'
import type { CallOutcome } from './scene.ts'
import { cut } from './text.ts'

const maxText = 256 * 1024

/** A tool of the project's own, behind the same door as every other. */
export function customTool(tool: Tool): Entry {
  const { network = [] } = tool.needs ?? {}
  return {
    description: network.length > 0 ? `${tool.description} (reaches ${network.join(', ')})` : tool.description,
    schema: { type: 'object', ...toJsonSchema(tool.input) },
    works: 'worktree',
    read: reader(tool.input, (input, context) => ({ uses: [], run: () => runTool(tool, input, context) })),
  }
}

async function runTool(tool: Tool, input: unknown, context: Context): Promise<CallOutcome> {
  const { signal } = context
  const cancelled = new Promise<'cancelled'>((resolve) => {
    signal.addEventListener('abort', () => resolve('cancelled'), { once: true })
  })
  const { toolContext, ran } = contextOf(tool, context)
  const value = await Promise.race([Promise.resolve(tool.run(input, toolContext)), cancelled])
  if (value === 'cancelled' && signal.aborted) return failed('cancelled')
  const text = typeof value === 'string' ? value : value === undefined ? 'done' : JSON.stringify(value, null, 2)
  const outcome = { ok: true, output: cut(text ?? String(value), maxText, 'The tool gave more.') }
  return ran.sandbox ? { ...outcome, sandbox: ran.sandbox } : outcome
}

function contextOf(
  tool: Tool,
  { scene, signal, id }: Context,
): { toolContext: ToolContext; ran: Pick<CallOutcome, 'sandbox'> } {
  const { network = [], env: names = [] } = tool.needs ?? {}
  const given = scene.toolEnv ?? {}
  const env = Object.fromEntries(names.flatMap((name) => (Object.hasOwn(given, name) ? [[name, given[name]!]] : [])))
  const ran: Pick<CallOutcome, 'sandbox'> = {}
  const toolContext: ToolContext = {
    env,
    signal,
    key: createHash('sha256').update(`${tool.name}\0${id}`).digest('hex'),
    async fetch(input, init) {
      if (scene.fetch === undefined) throw new Error('there is no network here')
      const request = new Request(input, init)
      const body = request.body === null ? {} : { body: await request.arrayBuffer() }
      const response = await fetchWithin(scene.fetch, network, request.url, {
        method: request.method,
        headers: request.headers,
        signal: AbortSignal.any([signal, request.signal]),
        ...body,
      })
      if ('code' in response) throw new Error(response.reason)
      return response
    },
    async run(argv) {
      const result = await runSandboxed(scene, argv, signal, env)
      if (!('exitCode' in result)) throw new Error(result.output)
      ran.sandbox = result.sandbox
      return { exitCode: result.exitCode, output: result.output }
    },
  }
  return { toolContext, ran }
}
