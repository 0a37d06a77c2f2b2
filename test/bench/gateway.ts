import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gateway } from '../../adapters/frameworks/gateway/gateway.ts'
import { upstream } from '../../adapters/frameworks/gateway/upstream.ts'
import { alone, alternate, compared, type Measure } from './measure.ts'

const ROUNDS = 400
const STREAM_ROUNDS = 40
const EVENTS = 1000
const WARM_UP = 50

/** What the gateway adds to a request of a client: a prompt of 50 KB and a short answer, and an answer of a thousand events. All of it
 *  on the loopback interface and in one process, the API included; a model takes seconds. */
export async function gatewayBench(): Promise<Measure[]> {
  const event = `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', text: 'x'.repeat(60) })}\n\n`
  const api = createServer((asked, answer) => {
    asked.resume()
    asked.on('end', () => {
      if (asked.headers['x-events'] === undefined) return answer.end('{"type":"message","content":[]}')
      answer.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let n = 0; n < EVENTS; n++) answer.write(event)
      answer.end()
    })
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  const direct = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
  const headers = { 'x-api-key': 'sk-of-the-bench-0123456789' }
  const up = upstream({ framework: 'bench', baseUrl: direct, routes: ['/v1/messages'], headers })
  const pass = await gateway().open(up, { framework: 'bench', worker: 'coder-bench-0' })
  const agent = new Agent({ keepAlive: true })
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'p'.repeat(50_000) }] })
  const ask =
    (base: string, key: string, more: Record<string, string> = {}) =>
    () =>
      new Promise<number>((resolve, reject) => {
        const began = performance.now()
        const options = { method: 'POST', agent, headers: { 'x-api-key': key, 'content-length': body.length, ...more } }
        const sent = request(`${base}/v1/messages`, options, (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`answered with ${answer.statusCode}`))
          answer.resume()
          answer.on('end', () => resolve(performance.now() - began))
        })
        sent.on('error', reject)
        sent.end(body)
      })
  try {
    const contestants = { direct: ask(direct, headers['x-api-key']), through: ask(pass.url, pass.token) }
    const events = { 'x-events': '1' }
    const streams = {
      direct: ask(direct, headers['x-api-key'], events),
      through: ask(pass.url, pass.token, events),
    }
    await alternate(WARM_UP, contestants)
    const one = await alternate(ROUNDS, contestants)
    await alternate(5, streams)
    const many = await alternate(STREAM_ROUNDS, streams)
    return [
      compared('gateway: a request of 50 KB and its answer, beside a direct one', 'ms', one.through, one.direct),
      compared(`gateway: an answer of ${EVENTS} events, beside a direct one`, 'ms', many.through, many.direct),
      // Of the difference, since a ratio on the loopback interface says nothing beside a model's seconds.
      alone('gateway: what it adds to a request', 'ms', one.through - one.direct, 'under 2 ms'),
    ]
  } finally {
    agent.destroy()
    await pass.close()
    api.closeAllConnections()
    api.close()
  }
}
