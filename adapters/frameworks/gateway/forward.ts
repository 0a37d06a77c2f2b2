import { type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http'
import { request as requestHttps } from 'node:https'
import { pipeline } from 'node:stream'
import { headersDown, headersUp } from './headers.ts'
import { masked, secretsOf } from './mask.ts'
import type { Upstream } from './upstream.ts'

/** An error in the shape that both vendors' clients read. */
export function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ type: 'error', error: { type, message: `codeband: ${message}` } }))
}

/** Sends a request on and streams its answer back, each as fast as the other side takes it. Gives what ends it. */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { base, headers, agent }: Upstream,
  target: string,
): () => void {
  const secrets = secretsOf(headers)
  const onward = (base.protocol === 'https:' ? requestHttps : requestHttp)({
    agent,
    protocol: base.protocol,
    hostname: base.hostname.replace(/^\[|\]$/g, ''),
    ...(base.port !== '' && { port: base.port }),
    method: 'POST',
    path: base.pathname.replace(/\/+$/, '') + target,
    headers: headersUp(request.headersDistinct, headers, base.host),
    maxHeaderSize: 64 * 1024,
  })
  onward.on('response', (answer) => {
    const status = answer.statusCode ?? 502
    if (status >= 300 && status < 400) {
      answer.destroy()
      return refuse(
        response,
        502,
        'api_error',
        `${base.host} answered with a redirect (${status}), which is not followed`,
      )
    }
    try {
      response.writeHead(status, headersDown(answer.headersDistinct, secrets))
    } catch {
      // A header that this Node reads but does not write.
      answer.destroy()
      return void response.destroy()
    }
    // A model that thinks first has answered all the same.
    response.flushHeaders()
    // Whichever side breaks, the other is broken too: a client knows a cut answer by its cut connection.
    pipeline(answer, masked(secrets), response, () => undefined)
  })
  onward.on('error', (error: NodeJS.ErrnoException) => {
    if (response.headersSent) return
    // A connection that was cut stays a cut connection; one that never was is told.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return void response.destroy()
    request.resume()
    refuse(response, 502, 'api_error', `${base.host} cannot be reached (${error.code ?? error.message})`)
  })
  request.on('error', () => onward.destroy())
  response.on('close', () => {
    if (!response.writableFinished) onward.destroy()
  })
  request.pipe(onward)
  return () => {
    response.destroy()
    onward.destroy()
  }
}
