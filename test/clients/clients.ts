import { createHash } from 'node:crypto'
import { access, constants, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { host } from '../../adapters/host.ts'
import { run } from '../../adapters/processes/process.ts'

/** The real clients, at the versions of package.json beside this file. */
export interface Clients {
  /** Folder of `@anthropic-ai/claude-agent-sdk`. */
  claudeSdk: string
  claudeBinary: string
  /** The native binary, not the Node script before it. */
  codexBinary: string
}

/** Tests that need the clients are skipped with this sentence in their title. */
export interface NoClients {
  missing: string
}

const folder = dirname(fileURLToPath(import.meta.url))
const modules = join(folder, 'node_modules')
const stamp = join(modules, '.installed')
const lock = join(folder, '.installing')
const installMs = 15 * 60_000

/** Finds the clients, and installs them first (800 MB, once a checkout) where they are not there; processes that ask at the same time
 *  wait for one of them. Under CI=true it throws where it cannot; elsewhere it says why. May take minutes: await it at the top of
 *  a test file, where no time limit of a test runs. */
export async function clients(): Promise<Clients | NoClients> {
  try {
    if (!(await isInstalled())) await alone(install)
    return await locate()
  } catch (error) {
    // Without a network the other tests still run.
    if (host().env.CI === 'true') throw error
    return { missing: `the real clients could not be installed: ${(error as Error).message}` }
  }
}

async function install(): Promise<void> {
  if (await isInstalled()) return
  const env = Object.fromEntries(
    Object.entries(host().env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  )
  const argv = ['npm', 'ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']
  const { exitCode, output } = await run(argv, { cwd: folder, env, timeoutMs: installMs, maxOutput: 4_000 })
  if (exitCode !== 0) throw new Error(`npm ci ended with ${exitCode}: ${output.trim().split('\n').slice(-5).join(' ')}`)
  await locate()
  await writeFile(stamp, await wanted())
}

/** The stamp is the last thing written: an install that was killed half way has none. */
async function isInstalled(): Promise<boolean> {
  return (await readFile(stamp, 'utf8').catch(() => '')) === (await wanted())
}

async function wanted(): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(folder, 'package-lock.json')))
    .digest('hex')
}

async function locate(): Promise<Clients> {
  const platform = `${process.platform}-${process.arch}`
  const from = createRequire(join(folder, 'package.json'))
  const claudeBinary = join(dirname(from.resolve(`@anthropic-ai/claude-agent-sdk-${platform}/package.json`)), 'claude')
  const codex = createRequire(from.resolve('@openai/codex/package.json'))
  const vendor = join(dirname(codex.resolve(`@openai/codex-${platform}/package.json`)), 'vendor')
  const codexBinary = join(vendor, triples[platform] ?? platform, 'bin', 'codex')
  for (const binary of [claudeBinary, codexBinary]) await access(binary, constants.X_OK)
  return { claudeSdk: join(modules, '@anthropic-ai', 'claude-agent-sdk'), claudeBinary, codexBinary }
}

const triples: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
}

/** One process at a time, over a folder since only `mkdir` is atomic everywhere; a holder that died frees it. */
async function alone(work: () => Promise<void>): Promise<void> {
  for (const deadline = Date.now() + installMs; ; await sleep(500)) {
    try {
      await mkdir(lock)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (await isAbandoned()) await rm(lock, { recursive: true, force: true })
      else if (Date.now() > deadline) throw new Error(`another process holds ${lock} for too long`, { cause: error })
    }
  }
  try {
    await writeFile(join(lock, 'pid'), String(process.pid))
    await work()
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

async function isAbandoned(): Promise<boolean> {
  const read = () => readFile(join(lock, 'pid'), 'utf8').catch(() => '')
  let pid = await read()
  if (pid === '') {
    // Between its mkdir and its writeFile a holder has no id yet.
    await sleep(2_000)
    pid = await read()
  }
  if (pid === '') return true
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
