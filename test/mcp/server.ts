import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

// A small tool server, as somebody else would publish one.
const server = new Server({ name: 'demo', version: '1' }, { capabilities: { tools: {} } })
const tool = (name: string) => ({
  name,
  description: `${name}s`,
  inputSchema: { type: 'object' as const, properties: { text: { type: 'string' } }, required: ['text'] },
})
server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: [tool('echo'), tool('shout'), tool('fail')] }))
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  const text = String(params.arguments?.text)
  if (params.name === 'fail') return { content: [{ type: 'text', text: 'it broke' }], isError: true }
  const { DEMO_TOKEN = 'no token', OTHER_SECRET = 'no other' } = process.env
  return {
    content: [
      { type: 'text', text: `${text} (${DEMO_TOKEN === 'token-of-the-test' ? 'token' : 'no token'}, ${OTHER_SECRET})` },
    ],
  }
})
await server.connect(new StdioServerTransport())
