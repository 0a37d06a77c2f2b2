import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { defaultCommandLimits } from '../../core/config.ts'
import { baseEnv, host } from '../host.ts'
import { packageFolder } from '../package-folder.ts'
import type { Repository } from '../repository.ts'
import { openSandbox } from '../sandboxes/open.ts'
import type { BundledDefinitions } from './bundle.ts'

/** Milliseconds that definitions may take to say what they are. */
const limit = 20_000

/** A line for each capability of the definitions, or why there is none to tell. */
export type Inspected = { lines: string[] } | { unknown: string }

/** What the definitions can do, found out by running them where they reach nothing: what is not trusted does not run outside of a
 *  sandbox. */
export async function inspectCapabilities(bundled: BundledDefinitions): Promise<Inspected> {
  const sandbox = await openSandbox('if-available', defaultCommandLimits)
  if (sandbox.kind === 'none') return { unknown: 'without bubblewrap they would have to run unprotected' }
  const place = await mkdtemp(join(tmpdir(), 'codeband-inspect-'))
  try {
    const input = join(place, 'bundle.json')
    const { own, builtin, configData } = bundled
    const both = [own, builtin].map(({ code, hash }) => ({ code, hash }))
    await writeFile(input, JSON.stringify({ root: place, own: both[0], builtin: both[1], configData }))
    const script = fileURLToPath(
      new URL(import.meta.url.endsWith('.ts') ? './inspect-child.ts' : './inspect-child.js', import.meta.url),
    )
    const home = join(place, 'home')
    await mkdir(home)
    const { output } = await sandbox.run({
      argv: ['sh', '-c', 'exec "$0" --no-warnings "$1" < "$2"', process.execPath, script, input],
      cwd: place,
      worktree: place,
      writable: true,
      protect: [],
      readable: modules(),
      home,
      network: [],
      env: { ...baseEnv(host()), HOME: home },
      timeoutMs: limit,
      maxOutput: 1024 * 1024,
    })
    const lines = read(output)
    const last = output.trimEnd().split('\n').at(-1)
    return lines === undefined ? { unknown: `run in the sandbox they did not tell (${last || 'no word'})` } : { lines }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/** What the definitions that were trusted last could do; [] when none were. */
export async function lastCapabilities({ home }: Repository): Promise<string[]> {
  const text = await readFile(join(home, 'capabilities.json'), 'utf8').catch(() => '[]')
  return read(`\u0000${text}\u0000`) ?? []
}

export async function rememberCapabilities({ home }: Repository, lines: readonly string[]): Promise<void> {
  await writeFile(join(home, 'capabilities.json'), JSON.stringify(lines), { mode: 0o600 })
}

const list = z.array(z.string().max(1000)).max(10_000)

/** The child's answer is data of code that is not trusted. */
function read(output: string): string[] | undefined {
  const [, text] = output.split('\u0000')
  try {
    return list.parse(JSON.parse(text ?? ''))
  } catch {
    return undefined
  }
}

/** The folders that codeband itself is loaded from. An installer may keep each package in a folder of its own, with links between. */
function modules(): string[] {
  const zod = dirname(createRequire(import.meta.url).resolve('zod'))
  return [...new Set([packageFolder(), zod].map(modulesAround))]
}

function modulesAround(folder: string): string {
  const mark = `${sep}node_modules${sep}`
  const at = folder.lastIndexOf(mark)
  return at < 0 ? folder : folder.slice(0, at + mark.length - 1)
}
