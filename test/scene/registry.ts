import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A registry of npm on the loopback interface that has one package, `tiny` 1.0.0. */
export interface Registry {
  port: number
  /** Answers like the registry; `base` is where the client believes it to be. */
  answer(request: IncomingMessage, response: ServerResponse, base: string): void
  close(): void
}

export async function openRegistry(): Promise<Registry> {
  const tarball = tiny()
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  function answer({ url = '/' }: IncomingMessage, response: ServerResponse, base: string): void {
    const path = URL.parse(url, base)?.pathname
    const version = { name: 'tiny', version: '1.0.0', dist: { tarball: `${base}/tiny/-/tiny-1.0.0.tgz`, integrity } }
    if (path === '/tiny/-/tiny-1.0.0.tgz') response.end(tarball)
    else if (path === '/tiny') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name: 'tiny', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }))
    } else response.writeHead(404).end('{}')
  }
  const server: Server = createServer((request, response) => {
    answer(request, response, `http://localhost:${(server.address() as AddressInfo).port}`)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { port: (server.address() as AddressInfo).port, answer, close: () => void server.close() }
}

function tiny(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'tiny-'))
  try {
    mkdirSync(join(folder, 'package'))
    writeFileSync(join(folder, 'package/package.json'), '{"name":"tiny","version":"1.0.0"}')
    writeFileSync(join(folder, 'package/index.js'), 'module.exports = "tiny came through"\n')
    execFileSync('tar', ['-czf', 'tiny.tgz', 'package'], { cwd: folder })
    return readFileSync(join(folder, 'tiny.tgz'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
