/** Where the relay listens in the sandbox: its network is its own, so every port is free. */
const PORT = 3128

/** Where the sandbox shows the relay and the socket that it leads to. */
export const relayFile = '/run/codeband-relay.cjs'
export const socketFile = '/run/codeband-proxy'

/** Runs in the sandbox before the command: carries bytes from a port, where programs expect a proxy, to the socket, which they cannot
 *  speak to. It decides nothing: who goes around it meets the same proxy. Its end is the command's, and has its exit code. */
export const relay = `
const { spawn } = require('node:child_process')
const { connect, createServer } = require('node:net')
const { signals } = require('node:os').constants
const { argv, env, exit } = process
const [port, path, variables, program, ...args] = argv.slice(2)
const failed = (error) => {
  console.error('codeband: no way to the network: ' + error.message)
  exit(126)
}
const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ path, allowHalfOpen: true })
  for (const [one, other] of [[near, far], [far, near]]) {
    one.on('error', () => other.destroy()).on('close', () => other.destroySoon())
    one.pipe(other)
  }
})
server.on('error', failed)
server.listen(Number(port), '127.0.0.1', () => {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...env, ...JSON.parse(variables) } })
  child.on('error', failed)
  child.on('exit', (code, signal) => exit(code ?? 128 + signals[signal]))
})
`

/** What starts the relay, and the command behind it. */
export function relayed(argv: readonly string[]): string[] {
  return [process.execPath, relayFile, String(PORT), socketFile, JSON.stringify(proxyVariables), ...argv]
}

const proxy = `http://127.0.0.1:${PORT}`

/** What makes programs go through the proxy, and NODE_USE_ENV_PROXY Node itself. Nothing is left out: without a proxy nothing answers. */
export const proxyVariables: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'],
      ...['npm_config_proxy', 'npm_config_https_proxy', 'YARN_HTTP_PROXY', 'YARN_HTTPS_PROXY'],
    ].map((name) => [name, proxy]),
  ),
  NO_PROXY: '',
  no_proxy: '',
  npm_config_noproxy: '',
  NODE_USE_ENV_PROXY: '1',
}
