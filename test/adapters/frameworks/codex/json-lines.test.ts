import { PassThrough } from 'node:stream'
import { setImmediate as breathe } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { connectionClosed, jsonLines, RpcError } from '../../../../adapters/frameworks/codex/json-lines.ts'

function pair(onRequest: (method: string, params: unknown) => Promise<unknown> = async () => null, tagged = false) {
  const input = new PassThrough()
  const output = new PassThrough()
  const heard: unknown[] = []
  const rpc = jsonLines({ input, output, tagged, onRequest, onNotification: (...one) => heard.push(one) })
  const sent = () => {
    const text = output.read() as Buffer | null
    return text === null
      ? []
      : String(text)
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown)
  }
  return { input, output, heard, rpc, sent }
}

test('an answer reaches its request, in whatever order answers come', async () => {
  const { input, rpc, sent } = pair()
  const both = Promise.all([rpc.request('one'), rpc.request('two', { a: 1 })])
  expect(sent()).toEqual([
    { id: 1, method: 'one' },
    { id: 2, method: 'two', params: { a: 1 } },
  ])
  input.write('{"id":2,"result":"second"}\n{"id":1,"result":"first"}\n')
  expect(await both).toEqual(['first', 'second'])
})

test('an error answer rejects with its code and message', async () => {
  const { input, rpc } = pair()
  const request = rpc.request('one')
  input.write('{"id":1,"error":{"code":-32600,"message":"no such thread"}}\n')
  await expect(request).rejects.toEqual(Object.assign(new RpcError(-32600, 'no such thread')))
})

test('requests of the other side are answered, also when answering fails', async () => {
  const { input, sent } = pair(async (method, params) => {
    if (method === 'refused') throw new RpcError(-32601, 'refused')
    if (method === 'broken') throw new Error('broken')
    return params
  }, true)
  input.write('{"id":"a","method":"echo","params":[1]}\n{"id":0,"method":"refused"}\n{"id":5,"method":"broken"}\n')
  await breathe()
  expect(sent()).toEqual([
    { jsonrpc: '2.0', id: 'a', result: [1] },
    { jsonrpc: '2.0', id: 0, error: { code: -32601, message: 'refused' } },
    { jsonrpc: '2.0', id: 5, error: { code: -32603, message: 'broken' } },
  ])
})

test('a message may come in any pieces, even within a character', async () => {
  const { input, heard } = pair()
  const bytes = Buffer.from('{"method":"größe","params":"€𝄞"}\n{"method":"b"}\n')
  for (const byte of bytes) input.write(Buffer.from([byte]))
  await breathe()
  expect(heard).toEqual([
    ['größe', '€𝄞'],
    ['b', undefined],
  ])
})

test('lines that are no message, and answers to nobody, change nothing', async () => {
  const { input, heard } = pair()
  input.write('hello\n\n{broken\n[1]\nnull\n{"id":99,"result":1}\n{"id":"x","error":{}}\n{"method":"on"}\n')
  await breathe()
  expect(heard).toEqual([['on', undefined]])
})

test('ten megabytes in one line arrive in well under two seconds', async () => {
  const { input, heard } = pair()
  const line = Buffer.from(`${JSON.stringify({ method: 'big', params: 'x'.repeat(10_000_000) })}\n`)
  const began = performance.now()
  for (let at = 0; at < line.length; at += 8_192) input.write(line.subarray(at, at + 8_192))
  await breathe()
  expect(heard).toHaveLength(1)
  expect(performance.now() - began).toBeLessThan(2_000)
})

test('half a surrogate pair is sent as the replacement character, since strict readers drop the whole line', () => {
  const { rpc, output } = pair()
  rpc.notify('cut', { text: 'a\ud83d', emoji: '\ud83d\ude00' })
  expect(String(output.read())).toBe('{"method":"cut","params":{"text":"a\ufffd","emoji":"\ud83d\ude00"}}\n')
})

test('a line without end closes the connection', async () => {
  const { input, rpc } = pair()
  const request = rpc.request('one')
  const closed = expect(request).rejects.toMatchObject({ rpcCode: connectionClosed })
  const piece = Buffer.alloc(8 * 1024 * 1024, 'x')
  for (let i = 0; i < 9; i++) input.write(piece)
  await rpc.closed
  await closed
})

test('the end of the input rejects what waits and what comes later', async () => {
  const { input, output, rpc } = pair()
  const request = rpc.request('one')
  input.end()
  await expect(request).rejects.toMatchObject({ rpcCode: connectionClosed })
  await rpc.closed
  output.read()
  await expect(rpc.request('two')).rejects.toMatchObject({ rpcCode: connectionClosed })
  rpc.notify('three')
  expect(output.read()).toBe(null)
})

test('an output that breaks closes the connection', async () => {
  const { output, rpc } = pair()
  const request = rpc.request('one')
  output.destroy(new Error('EPIPE'))
  await expect(request).rejects.toMatchObject({ rpcCode: connectionClosed })
})
