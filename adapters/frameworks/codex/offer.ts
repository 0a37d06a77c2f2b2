import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Client, within } from './client.ts'
import type { DynamicTool } from './tools.ts'

/** Tools that clients of the wanted version list whatever one says, and refuse by themselves: the hostile suite calls each of them. */
const inert: ReadonlySet<string> = new Set(['request_user_input'])

const askMs = 30_000
const probe = 'codeband_probe'

/** What the client lists to its model beyond the given tools, or lacks of them; undefined when it is exactly right. The protocol does not
 *  tell, so the client is made to ask: once, a listener in this process, in a thread that is not kept. `start` holds what its
 *  real thread starts with. */
export async function surplus(
  client: Pick<Client, 'request'>,
  start: object,
  tools: readonly DynamicTool[],
): Promise<string | undefined> {
  const listed = await listedTools(client, { ...start, environments: [], dynamicTools: tools })
  const given = tools.map(({ name }) => name)
  const more = listed.filter((name) => !given.includes(name) && !inert.has(name))
  if (more.length > 0) return `it offers ${more.join(', ')}`
  const less = given.filter((name) => !listed.includes(name))
  return less.length > 0 ? `it does not offer ${less.join(', ')}` : undefined
}

async function listedTools(client: Pick<Client, 'request'>, start: object): Promise<readonly string[]> {
  const asked = Promise.withResolvers<string>()
  const server = createServer((request, response) => void listen(request, response).then(asked.resolve, asked.reject))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  try {
    const provider = {
      name: probe,
      base_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      wire_api: 'responses',
      supports_websockets: false,
      request_max_retries: 0,
      stream_max_retries: 0,
    }
    const config = { [`model_providers.${probe}`]: provider }
    const answer = await client.request('thread/start', { ...start, modelProvider: probe, ephemeral: true, config })
    const { thread } = answer as { thread: { id: string } }
    const input = [{ type: 'text', text: 'Which tools?', text_elements: [] }]
    await client.request('turn/start', { threadId: thread.id, input, environments: [] })
    return toolsOf(JSON.parse(await within(askMs, asked.promise)))
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

/** Takes one request and ends the client's turn with an empty response. */
async function listen(request: IncomingMessage, response: ServerResponse): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const usage = { input_tokens: 0, output_tokens: 0, total_tokens: 0 }
  const completed = { id: 'probe', object: 'response', status: 'completed', output: [], usage }
  const event = { type: 'response.completed', response: completed }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const sent = new Promise((resolve) => response.once('close', resolve))
  response.end(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  await sent
  return Buffer.concat(chunks).toString()
}

interface Listed {
  type?: string
  name?: string
  tools?: readonly Listed[]
}

/** For some models the list is a field, for others an item of the conversation, where our tools stand in the namespace `functions`. */
function toolsOf({ tools = [], input = [] }: { tools?: readonly Listed[]; input?: readonly Listed[] }): string[] {
  const items = input.flatMap((item) => (item.type === 'additional_tools' ? (item.tools ?? []) : []))
  return [...tools, ...items].flatMap((tool) => {
    const name = tool.name ?? tool.type ?? 'a tool without a name'
    if (tool.type !== 'namespace') return [name]
    return (tool.tools ?? []).map((one) => (name === 'functions' ? `${one.name}` : `${name}.${one.name}`))
  })
}
