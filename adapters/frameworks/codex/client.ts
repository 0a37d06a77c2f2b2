import { CodebandError, type ErrorCode } from '../../../core/errors.ts'
import { off } from './config.ts'
import { installCommand, wantedVersion } from './executable.ts'
import type { CodexHome } from './home.ts'
import { type JsonLines, jsonLines, RpcError } from './json-lines.ts'

/** A running `codex app-server` that has said hello and that holds the boundary. */
export interface Client {
  request: JsonLines['request']
  /** Replaces what answers the server's requests, refused until then, and hears its notifications, the earlier ones too. */
  listen(to: Listener): void
  /** Resolves when the process is gone or can no longer speak, with what it last said on stderr. */
  gone: Promise<string>
  /** Idempotent; afterwards no process of it lives. */
  close(): Promise<void>
  /** The same, without a chance to finish. */
  kill(): Promise<void>
}

export interface Listener {
  onRequest(method: string, params: unknown): Promise<unknown>
  onNotification(method: string, params: unknown): unknown
}

export interface ConnectOptions {
  executable: string
  places: CodexHome
  env: Readonly<Record<string, string>>
  framework: string
  worker: string
}

const startMs = 30_000
const closeMs = 1_000

/** `codex --version` in an environment of nothing; undefined when that is no codex. */
export async function versionOf(executable: string): Promise<string | undefined> {
  // A CODEX_HOME that does not exist keeps it from making files in the person's own.
  const { run } = await processes()
  const env = { CODEX_HOME: '/nonexistent' }
  const { stdout } = await run([executable, '--version'], { cwd: '/', env, timeoutMs: 10_000, maxOutput: 4_000 })
  return /^codex-cli (\d+\.\d+\.\S+)/m.exec(stdout)?.[1]
}

/** What starts processes is a hundred modules. Who only names this framework, or asks the gate, starts none. */
const processes = () => import('../../processes/process.ts')

/** The client's own model catalogue as it ships; no network. */
export async function bundledCatalogue(executable: string): Promise<string> {
  const { run } = await processes()
  const env = { CODEX_HOME: '/nonexistent' }
  const limits = { timeoutMs: 20_000, maxOutput: 16_000_000 }
  return (await run([executable, 'debug', 'models', '--bundled'], { cwd: '/', env, ...limits })).stdout
}

export const isWanted = (version: string | undefined) => version?.startsWith(`${wantedVersion}.`) ?? false

/** Why a client that does not do as expected is refused: its version first, since that explains the rest. */
export async function refusal(options: ConnectOptions, detail: string): Promise<CodebandError> {
  const { executable, framework, worker } = options
  const found = await versionOf(executable)
  if (isWanted(found)) return new CodebandError('CB_BOUNDARY_UNENFORCEABLE', { framework, worker, detail })
  const [code, more]: [ErrorCode, object] = found
    ? ['CB_CLIENT_VERSION', { found, wanted: `${wantedVersion}.x` }]
    : [
        'CB_CLIENT_VERSION',
        { found: `'${executable}', which does not answer like codex (${detail})`, wanted: `${wantedVersion}.x` },
      ]
  return new CodebandError(code, { framework, client: 'codex', cure: `Run: ${installCommand}`, ...more })
}

export async function connect(options: ConnectOptions): Promise<Client> {
  const { executable, places, env } = options
  const { start } = await processes()
  const child = start([executable, 'app-server', '--strict-config'], {
    cwd: places.desk,
    env: { ...env, PATH: places.desk, HOME: places.root, TMPDIR: places.tmp, CODEX_HOME: places.root },
  })
  const early: [string, unknown][] = []
  let listener: Listener = { onRequest: refuse, onNotification: (...heard) => early.push(heard) }
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-4_000)
  })
  const rpc = jsonLines({
    input: child.stdout,
    output: child.stdin,
    tagged: false,
    onRequest: (method, params) => listener.onRequest(method, params),
    onNotification: (method, params) => listener.onNotification(method, params),
  })
  const gone = Promise.race([child.exited, rpc.closed]).then(() => plain(complaints))
  let closing: Promise<void> | undefined
  const client: Client = {
    gone,
    request: rpc.request,
    listen(to) {
      listener = to
      for (const [method, params] of early.splice(0)) to.onNotification(method, params)
    },
    close() {
      closing ??= (async () => {
        child.stdin.end()
        await Promise.race([child.exited, pause(closeMs)])
        await child.kill()
      })()
      return closing
    },
    kill: () => child.kill(),
  }
  try {
    const version = await within(startMs, hello(rpc))
    if (!isWanted(version)) throw await refusal(options, `it calls itself version '${version}'`)
    const problem = await within(startMs, looseEnd(client, places))
    if (problem) throw await refusal(options, problem)
    return client
  } catch (error) {
    await client.kill()
    if (CodebandError.is(error)) throw error
    throw await refusal(options, `it did not start: ${(await gone) || (error as Error).message}`)
  }
}

async function hello(rpc: JsonLines): Promise<string> {
  const answer = await rpc.request('initialize', {
    clientInfo: { name: 'codeband', title: 'codeband', version: '0' },
    capabilities: { experimentalApi: true, requestAttestation: false },
  })
  rpc.notify('initialized')
  return /\/(\d+\.\d+\.\S+)/.exec((answer as { userAgent?: string }).userAgent ?? '')?.[1] ?? 'unknown'
}

interface EffectiveConfig {
  mcp_servers?: object | null
  /** A program to run after each turn. */
  notify?: readonly string[] | null
  web_search?: string
  agents?: { enabled?: boolean }
  features?: Record<string, unknown>
}

/** Configuration also comes from the machine (`/etc/codex`, managed settings) and wins over ours: so ask what is in force. */
async function looseEnd(client: Client, { desk }: CodexHome): Promise<string | undefined> {
  const [read, hooks, local] = (await Promise.all([
    client.request('config/read', { cwd: desk }),
    client.request('hooks/list', { cwds: [desk] }),
    client.request('environment/status', { environmentId: 'local' }),
  ])) as [{ config?: EffectiveConfig }, { data?: { hooks: unknown[] }[] }, { status?: string }]
  const { mcp_servers, notify, web_search, agents, features } = read.config ?? {}
  const servers = Object.keys(mcp_servers ?? {})
  if (servers.length > 0) return `the configuration of this machine adds MCP servers (${servers.join(', ')})`
  if (notify && notify.length > 0) return `the configuration of this machine runs '${notify[0]}' after each turn`
  if (hooks.data?.some((one) => one.hooks.length > 0)) return 'the configuration of this machine adds hooks'
  const on = off.filter((feature) => features?.[feature] !== false)
  if (on.length > 0) return `the configuration of this machine keeps these features on: ${on.join(', ')}`
  if (web_search !== 'disabled' || agents?.enabled !== false) return 'web search or sub-agents cannot be turned off'
  if (local.status !== 'unknown') return 'the client has a local execution environment'
  return undefined
}

/** Approvals, questions, elicitations, and whatever a later client may ask. */
export async function refuse(method: string): Promise<unknown> {
  if (/^item\/(commandExecution|fileChange)\/requestApproval$/.test(method)) return { decision: 'decline' }
  if (method === 'mcpServer/elicitation/request') return { action: 'decline', content: null, _meta: null }
  throw new RpcError(-32601, 'codeband refuses this request')
}

export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms).unref())

/** Without the colours of a log. */
const plain = (text: string) =>
  text
    .replace(/\u001b\[[0-9;]*m/g, '')
    .trim()
    .slice(-1_000)
