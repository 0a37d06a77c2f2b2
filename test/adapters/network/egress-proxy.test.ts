import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, realpathSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { openEgress } from '../../../adapters/network/egress-proxy.ts'
import { wayOut } from '../../../adapters/network/way-out.ts'

const status = (socketPath: string, path: string): Promise<[number | undefined, string]> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, async (response) => {
      let text = ''
      for await (const part of response) text += part
      resolve([response.statusCode, text])
    })
    asked.on('error', reject).end()
  })

test('a door is gone when it is closed, and tells up to twenty hosts that were wanted', async () => {
  const door = await openEgress(['example.com'], wayOut())
  for (let one = 0; one < 25; one++) {
    const said = await status(door.socket, `http://${one}.example/`)
    expect(said).toEqual([403, `codeband: '${one}.example:80' is not in \`network\`.\n`])
  }
  expect(await status(door.socket, '/')).toEqual([403, expect.stringContaining('not the plain name')])
  expect(await status(door.socket, 'http://example.com:443/')).toEqual([403, expect.stringContaining('plain http')])
  expect(door.refused()).toHaveLength(20)
  await door.close()
  expect(existsSync(dirname(door.socket))).toBe(false)
})

test('a door says why nothing answers behind it', async () => {
  const env = { http_proxy: 'http://127.0.0.1:1' }
  const door = await openEgress(['example.com:80'], wayOut({ env }))
  expect(await status(door.socket, 'http://example.com/')).toEqual([
    502,
    expect.stringMatching(/^codeband: .*ECONNREFUSED/),
  ])
  expect(door.refused()).toEqual([])
  await door.close()
})

test('a door whose process was killed, and nobody took away, goes when the next is opened; one that lives stays', async () => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'codeband-net-0-'))
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('open'))`
  const owner = spawn(process.execPath, ['-e', script, join(folder, 'proxy')], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(owner.stdout, 'data')
  const first = await openEgress(['example.com'], wayOut())
  expect(existsSync(folder)).toBe(true)
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  const second = await openEgress(['example.com'], wayOut())
  expect([folder, first.socket, second.socket].map(existsSync)).toEqual([false, true, true])
  await Promise.all([first.close(), second.close()])
})
